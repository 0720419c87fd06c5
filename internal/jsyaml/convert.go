// SPDX-License-Identifier: Apache-2.0

package jsyaml

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func convertNull(node *Value) (*Value, bool) {
	if node.IsNull() {
		return nil, true
	}
	switch node.Text {
	case "~", "null", "Null", "NULL":
		return &Value{Kind: Null}, true
	}
	return nil, false
}

func convertBool(node *Value) (*Value, bool) {
	if node.IsNull() {
		return nil, false
	}
	switch node.Text {
	case "true", "True", "TRUE":
		return &Value{Kind: Bool, Bool: true}, true
	case "false", "False", "FALSE":
		return &Value{Kind: Bool}, true
	}
	return nil, false
}

// intPattern matches integers in bases 2, 16, 8 and 10. The platform's library takes
// underscores within them.
var intPattern = regexp.MustCompile(`^[-+]?(?:0b_*[01][01_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|0o_*[0-7][0-7_]*|[0-9][0-9_]*)$`)

func convertInt(node *Value) (*Value, bool) {
	if node.IsNull() || !intPattern.MatchString(node.Text) || strings.HasSuffix(node.Text, "_") {
		return nil, false
	}
	digits := strings.ReplaceAll(node.Text, "_", "")
	sign := 1.0
	if digits[0] == '-' {
		sign = -1
	}
	digits = strings.TrimLeft(digits, "+-")
	base := 10
	if len(digits) > 2 && digits[0] == '0' {
		base = map[byte]int{'b': 2, 'x': 16, 'o': 8}[digits[1]]
	}
	if base == 0 || base == 10 {
		return number(sign, digits)
	}
	whole, ok := new(big.Int).SetString(digits[2:], base)
	if !ok {
		return nil, false
	}
	size, _ := new(big.Float).SetInt(whole).Float64() // infinite if it is too large, as in JavaScript
	return &Value{Kind: Number, Number: sign * size}, true
}

// number reads decimal digits. What is too large is infinite, as in JavaScript.
func number(sign float64, digits string) (*Value, bool) {
	size, err := strconv.ParseFloat(digits, 64)
	if err != nil && !math.IsInf(size, 0) {
		return nil, false
	}
	return &Value{Kind: Number, Number: sign * size}, true
}

var floatPattern = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|` +
	`[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)

func convertFloat(node *Value) (*Value, bool) {
	if node.IsNull() || !floatPattern.MatchString(node.Text) || strings.HasSuffix(node.Text, "_") {
		return nil, false
	}
	text := strings.ToLower(strings.ReplaceAll(node.Text, "_", ""))
	sign := 1.0
	if text[0] == '-' {
		sign = -1
	}
	switch text = strings.TrimLeft(text, "+-"); {
	case text == ".inf":
		return &Value{Kind: Number, Number: math.Inf(int(sign))}, true
	case text == ".nan", strings.HasPrefix(text, ".e"):
		return &Value{Kind: Number, Number: math.NaN()}, true
	}
	return number(sign, text)
}

var (
	datePattern = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)
	timePattern = regexp.MustCompile(`^([0-9]{4})-([0-9][0-9]?)-([0-9][0-9]?)(?:[Tt]|[ \t]+)([0-9][0-9]?):([0-9]{2}):([0-9]{2})` +
		`(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9][0-9]?)(?::([0-9]{2}))?))?$`)
)

// convertTime takes dates that do not exist, too: the 30th of February is the 2nd of March.
func convertTime(node *Value) (*Value, bool) {
	if node.IsNull() || len(node.Text) < len("2026-01-02") || node.Text[4] != '-' {
		return nil, false
	}
	part := datePattern.FindStringSubmatch(node.Text)
	if part == nil {
		part = timePattern.FindStringSubmatch(node.Text)
	}
	if part == nil {
		return nil, false
	}
	at := func(i int) int {
		if i >= len(part) {
			return 0
		}
		n, _ := strconv.Atoi(part[i]) // digits only; 0 if there are none
		return n
	}
	date := time.Date(fullYear(at(1)), time.Month(at(2)), at(3), at(4), at(5), at(6), 0, time.UTC)
	if len(part) > 7 && part[7] != "" {
		millis, _ := strconv.Atoi((part[7] + "00")[:3])
		date = date.Add(time.Duration(millis) * time.Millisecond)
	}
	if len(part) > 9 && part[9] != "" {
		zone := time.Duration(at(10))*time.Hour + time.Duration(at(11))*time.Minute
		if part[9] == "-" {
			zone = -zone
		}
		date = date.Add(-zone)
	}
	return &Value{Kind: Date, Time: date}, true
}

// fullYear is what Date.UTC makes of a year: those up to 99 are of the 20th century.
func fullYear(year int) int {
	if year <= 99 {
		return 1900 + year
	}
	return year
}

var notBase64 = regexp.MustCompile(`[^A-Za-z0-9+/=\r\n]`)

func convertBinary(node *Value) (*Value, bool) {
	if node.IsNull() || notBase64.MatchString(node.Text) {
		return nil, false
	}
	clean := strings.NewReplacer("\r", "", "\n", "").Replace(node.Text)
	if strings.Count(clean, "=") > 2 || len(clean)%4 != 0 {
		return nil, false
	}
	if clean == "" {
		return &Value{Kind: Binary, Bytes: make([]byte, 3)}, true // so does js-yaml
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(clean, "=", ""))
	return &Value{Kind: Binary, Bytes: data}, err == nil
}
