// SPDX-License-Identifier: Apache-2.0

package jsvalue

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// indentWidth is the indentation per level, in blanks.
const indentWidth = 2

// foldWidth is the length above which lines are folded, in characters. It decreases with each
// level, down to minFoldWidth.
const (
	foldWidth    = 80
	minFoldWidth = 40
)

// maxImplicitKey is the length above which keys are written as "? key", in bytes.
const maxImplicitKey = 1024

// dumper writes values like js-yaml's dump.
type dumper struct {
	refs map[*Value]int // numbers of the values that occur more than once
	used map[*Value]bool
}

// Dump writes a value as a document with js-yaml's default options.
func Dump(v *Value) string {
	d := dumper{refs: map[*Value]int{}, used: map[*Value]bool{}}
	d.findRepeated(v, map[*Value]bool{})
	return d.dumpValue(v, position{block: true, compact: true}) + "\n"
}

func (d *dumper) findRepeated(v *Value, seen map[*Value]bool) {
	if v == nil || v.Kind != Mapping && v.Kind != Sequence {
		return
	}
	if seen[v] {
		if _, known := d.refs[v]; !known {
			d.refs[v] = len(d.refs)
		}
		return
	}
	seen[v] = true
	for _, item := range v.Items {
		d.findRepeated(item, seen)
	}
	for _, pair := range orderedPairs(v) {
		d.findRepeated(pair.Value, seen)
	}
}

// orderedPairs returns the pairs in JavaScript's order: integer keys first, in ascending order.
func orderedPairs(v *Value) []Pair {
	var numbered, named []Pair
	for _, pair := range v.Pairs {
		if _, ok := arrayIndex(pair.Key); ok {
			numbered = append(numbered, pair)
		} else {
			named = append(named, pair)
		}
	}
	slices.SortFunc(numbered, func(a, b Pair) int {
		i, _ := arrayIndex(a.Key)
		j, _ := arrayIndex(b.Key)
		return int(i) - int(j)
	})
	return append(numbered, named...)
}

func arrayIndex(key string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(key, 10, 32)
	return n, err == nil && strconv.FormatUint(n, 10) == key && n < 1<<32-1
}

// position is the place where a value is written.
type position struct {
	level int
	// block allows separate lines. compact starts on the current line.
	block, compact bool
	key            bool
}

func (p position) nextLine() string {
	return "\n" + strings.Repeat(" ", indentWidth*p.level)
}

func (d *dumper) dumpValue(v *Value, at position) string {
	if v.IsNull() {
		return "null"
	}
	switch v.Kind {
	case Mapping, Sequence:
		return d.dumpCollection(v, at)
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Number:
		return dumpNumber(v.Number)
	case Date:
		return v.Time.Format("2006-01-02T15:04:05.000Z")
	case Binary:
		return "!!binary " + writeText(base64.StdEncoding.EncodeToString(v.Bytes), at)
	}
	return writeText(v.Text, at)
}

func (d *dumper) dumpCollection(v *Value, at position) string {
	ref, repeated := d.refs[v]
	name := "ref_" + strconv.Itoa(ref)
	if repeated {
		at.compact = false
		if d.used[v] {
			return "*" + name
		}
		d.used[v] = true
	}
	text := ""
	empty := len(v.Items) == 0 && len(v.Pairs) == 0
	switch {
	case v.Kind == Sequence && empty:
		text = "[]"
	case empty:
		text = "{}"
	case v.Kind == Sequence:
		text = d.dumpSequence(v, at)
	default:
		text = d.dumpMapping(v, at)
	}
	switch {
	case repeated && empty:
		return "&" + name + " " + text
	case repeated:
		return "&" + name + text
	}
	return text
}

func (d *dumper) dumpSequence(v *Value, at position) string {
	var out strings.Builder
	for _, item := range v.Items {
		if !at.compact || out.Len() > 0 {
			out.WriteString(at.nextLine())
		}
		text := d.dumpValue(item, position{level: at.level + 1, block: true, compact: true})
		out.WriteString("-")
		out.WriteString(separateText(text))
	}
	return out.String()
}

func (d *dumper) dumpMapping(v *Value, at position) string {
	var out strings.Builder
	for _, pair := range orderedPairs(v) {
		if !at.compact || out.Len() > 0 {
			out.WriteString(at.nextLine())
		}
		key := writeText(pair.Key, position{level: at.level + 1, block: true, key: true})
		explicit := len(key) > maxImplicitKey
		if explicit {
			key = "? " + key + at.nextLine()
		}
		out.WriteString(key)
		text := d.dumpValue(pair.Value, position{level: at.level + 1, block: true, compact: explicit})
		out.WriteString(":")
		out.WriteString(separateText(text))
	}
	return out.String()
}

// separateText prepends a blank to a text that starts on the current line.
func separateText(text string) string {
	if strings.HasPrefix(text, "\n") {
		return text
	}
	return " " + text
}

func dumpNumber(n float64) string {
	switch text := FormatNumber(n); text {
	case "NaN":
		return ".nan"
	case "Infinity":
		return ".inf"
	case "-Infinity":
		return "-.inf"
	default:
		if mantissa, exponent, ok := strings.Cut(text, "e"); ok && exponent[0] == '-' && !strings.Contains(mantissa, ".") {
			return mantissa + ".e" + exponent
		}
		return text
	}
}
