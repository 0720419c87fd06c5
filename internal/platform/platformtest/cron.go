// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// cronField is a field of a schedule, with the rules of the service's cron-parser.
type cronField struct {
	min, max float64
	allowed  *regexp.Regexp
	names    string // of months or days, three letters each
	last     bool   // L is allowed
}

// cronFields returns the fields of a schedule, from seconds to days of the week. A shorter schedule
// omits the first fields.
func cronFields() []cronField {
	standard := regexp.MustCompile(`^[,*\d/-]+$`)
	return []cronField{
		{0, 59, standard, "", false},
		{0, 59, standard, "", false},
		{0, 23, standard, "", false},
		{1, 31, regexp.MustCompile(`^[?,*\dL/-]+$`), "", true},
		{1, 12, standard, "janfebmaraprmayjunjulaugsepoctnovdec", false},
		{0, 7, regexp.MustCompile(`^[?,*\dL#,/-]+$`), "sunmontuewedthufrisat", true},
	}
}

var cronNames = regexp.MustCompile(`(?i)[a-z]{3}`)

// isSchedule reports whether the service accepts a schedule.
func isSchedule(text string) bool {
	switch text {
	case "@yearly", "@monthly", "@weekly", "@daily", "@hourly":
		return true
	}
	values, fields := strings.Fields(text), cronFields()
	if len(values) > len(fields) {
		return false
	}
	fields = fields[len(fields)-len(values):]
	for i, value := range values {
		if i == len(values)-1 {
			value = trimNth(value)
		}
		if !fields[i].acceptsValue(value) {
			return false
		}
	}
	return true
}

// trimNth removes #n from a day of the week. It returns "" if the value is invalid.
func trimNth(value string) string {
	day, nth, found := strings.Cut(value, "#")
	if !found {
		return value
	}
	n, err := strconv.Atoi(nth)
	if err != nil || n < 1 || n > 5 || strings.ContainsAny(value, ",/-") {
		return ""
	}
	return day
}

func (f *cronField) acceptsValue(value string) bool {
	ok := true
	if f.names != "" {
		value = cronNames.ReplaceAllStringFunc(value, func(name string) string {
			at := strings.Index(f.names, strings.ToLower(name))
			if at < 0 || at%3 != 0 {
				ok = false
			}
			return strconv.Itoa(at/3 + int(f.min))
		})
	}
	if !ok || !f.allowed.MatchString(value) {
		return false
	}
	whole := strconv.Itoa(int(f.min)) + "-" + strconv.Itoa(int(f.max))
	value = strings.NewReplacer("*", whole, "?", whole).Replace(value)
	for item := range strings.SplitSeq(value, ",") {
		if !f.acceptsItem(item) {
			return false
		}
	}
	return true
}

// acceptsItem accepts 5, 1-5, 1-5/2, 5/2 and, for days, L and 5L.
func (f *cronField) acceptsItem(item string) bool {
	body, step, repeated := strings.Cut(item, "/")
	if item == "" || strings.Contains(step, "/") {
		return false
	}
	if n := parseJSNumber(step); repeated && (math.IsNaN(n) || n <= 0) {
		return false
	}
	first, rest, isRange := strings.Cut(body, "-")
	switch {
	case f.last && strings.HasSuffix(body, "L") && !isRange && !repeated:
		return true
	case !isRange && repeated && math.IsNaN(parseJSNumber(body)):
		return false
	case !isRange:
		return f.contains(parseJSNumber(body))
	case first == "":
		return false // -5 is below every field
	}
	second, _, _ := strings.Cut(rest, "-")
	low, high := parseJSNumber(first), parseJSNumber(second)
	return f.contains(low) && f.contains(high) && low <= high
}

func (f *cronField) contains(n float64) bool { return n >= f.min && n <= f.max }

// parseJSNumber returns JavaScript's +text for digits.
func parseJSNumber(text string) float64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}
