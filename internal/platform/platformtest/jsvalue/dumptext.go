// SPDX-License-Identifier: Apache-2.0

package jsvalue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// style is the notation of a text.
type style int

const (
	plainStyle style = iota
	singleQuotes
	literalBlock
	foldedBlock
	doubleQuotes
)

// oldBooleans lists texts that are booleans in YAML 1.1.
func oldBooleans() []string {
	return []string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}
}

// oldTimes matches texts that are base 60 numbers in YAML 1.1.
var oldTimes = regexp.MustCompile(`^[-+]?[0-9_]+(?::[0-9_]+)+(?:\.[0-9_]*)?$`)

func writeText(text string, at position) string {
	if text == "" || slices.Contains(oldBooleans(), text) || oldTimes.MatchString(text) {
		return "'" + text + "'"
	}
	indent := indentWidth * max(1, at.level)
	width := max(minFoldWidth, foldWidth-indent)
	switch chooseStyle([]rune(text), at.key, width) {
	case plainStyle:
		return text
	case singleQuotes:
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case literalBlock:
		return "|" + blockHeader(text) + strings.TrimSuffix(indentLines(text, indent), "\n")
	case foldedBlock:
		return ">" + blockHeader(text) + strings.TrimSuffix(indentLines(foldText(text, width), indent), "\n")
	}
	return `"` + escapeText(text) + `"`
}

func chooseStyle(text []rune, oneLine bool, width int) style {
	last := text[len(text)-1]
	plain := isPlainFirst(text[0]) && !isBlankRune(last) && last != ':'
	breaks, foldable := false, false
	lineStart := 0
	mayFold := func(end int) bool {
		return !oneLine && end-lineStart > width && text[lineStart] != ' '
	}
	var previous rune
	for i, r := range text {
		switch {
		case r == '\n' && !oneLine:
			breaks = true
			foldable = foldable || mayFold(i)
			lineStart = i + 1
		case !isPrintableRune(r):
			return doubleQuotes
		}
		plain = plain && isPlain(r, previous)
		previous = r
	}
	foldable = foldable || lineStart < len(text) && mayFold(len(text))
	switch {
	case foldable:
		return foldedBlock
	case breaks:
		return literalBlock
	case plain && !isTyped(string(text)):
		return plainStyle
	}
	return singleQuotes
}

// isTyped reports whether a text without quotes would be parsed as another type.
func isTyped(text string) bool {
	doc, err := yamltree.Parse([]byte(text), testLimits())
	return err == nil && doc.Root != nil && doc.Root.Tag != "!!str"
}

func isBlankRune(r rune) bool { return r == ' ' || r == '\t' }

func isPrintableRune(r rune) bool {
	switch {
	case r == 0x2028, r == 0x2029, r == 0xfeff:
		return false
	case r >= 0x20 && r <= 0x7e, r >= 0xa1 && r <= 0xfffd:
		return true
	}
	return r >= 0x10000
}

// isPlain reports whether a character is allowed in a text without quotes.
func isPlain(r, previous rune) bool {
	visible := isPrintableRune(r)
	solid := visible && !isBlankRune(r)
	switch {
	case previous == ':' && solid:
		return true
	case r == '#':
		return previous != 0 && isPrintableRune(previous) && !isBlankRune(previous)
	}
	return visible && (previous != ':' || solid)
}

func isPlainFirst(r rune) bool {
	return isPrintableRune(r) && !strings.ContainsRune(" \t-?:,[]{}#&*!|=>'\"%@`", r)
}

// blockHeader returns the indicators after the | or > of a text.
func blockHeader(text string) string {
	header := ""
	if strings.HasPrefix(strings.TrimLeft(text, "\n"), " ") {
		header = fmt.Sprint(indentWidth)
	}
	switch {
	case !strings.HasSuffix(text, "\n"):
		header += "-"
	case text == "\n" || strings.HasSuffix(text, "\n\n"):
		header += "+"
	}
	return header + "\n"
}

// indentLines indents lines that are not empty.
func indentLines(text string, indent int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(line)
	}
	return out.String()
}

// foldText breaks long lines at blanks, and doubles existing line breaks.
func foldText(text string, width int) string {
	first, _, _ := strings.Cut(text, "\n")
	var out strings.Builder
	out.WriteString(foldLine(first, width))
	rest := text[len(first):]
	moreIndented := strings.HasPrefix(text, "\n") || strings.HasPrefix(text, " ")
	for rest != "" {
		breaks := len(rest) - len(strings.TrimLeft(rest, "\n"))
		line, _, _ := strings.Cut(rest[breaks:], "\n")
		wasMoreIndented := moreIndented
		moreIndented = strings.HasPrefix(line, " ")
		out.WriteString(rest[:breaks])
		if !wasMoreIndented && !moreIndented && line != "" {
			out.WriteByte('\n')
		}
		out.WriteString(foldLine(line, width))
		rest = rest[breaks+len(line):]
	}
	return out.String()
}

// foldLine breaks a line at the last blank before width, or at the first one after it.
func foldLine(text string, width int) string {
	line := []rune(text)
	if len(line) == 0 || line[0] == ' ' {
		return text
	}
	var out strings.Builder
	start, candidate := 0, 0
	for i := 0; i+1 < len(line); i++ {
		if line[i] != ' ' || line[i+1] == ' ' {
			continue
		}
		if i-start > width {
			end := i
			if candidate > start {
				end = candidate
			}
			out.WriteString("\n" + string(line[start:end]))
			start = end + 1
		}
		candidate = i
		i++ // a break consumes two characters
	}
	out.WriteString("\n")
	if len(line)-start > width && candidate > start {
		out.WriteString(string(line[start:candidate]) + "\n" + string(line[candidate+1:]))
	} else {
		out.WriteString(string(line[start:]))
	}
	return out.String()[1:]
}

// escapeText escapes unprintable characters for double quotes.
func escapeText(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case namedEscape(r) != 0:
			out.WriteByte('\\')
			out.WriteByte(namedEscape(r))
		case isPrintableRune(r):
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02X`, r)
		default:
			fmt.Fprintf(&out, `\u%04X`, r)
		}
	}
	return out.String()
}

// escapes lists pairs of an escape letter and its character, for double quotes.
const escapes = "0\x00a\x07b\x08t\tn\nv\x0bf\x0cr\re\x1b\"\"\\\\"

// namedEscape returns the escape letter of a character, or 0.
func namedEscape(r rune) byte {
	switch r {
	case 0x85:
		return 'N'
	case 0xa0:
		return '_'
	case 0x2028:
		return 'L'
	case 0x2029:
		return 'P'
	}
	for i := 0; i < len(escapes); i += 2 {
		if rune(escapes[i+1]) == r {
			return escapes[i]
		}
	}
	return 0
}
