// SPDX-License-Identifier: AGPL-3.0-or-later

// Package literal classifies text found where a secret may occur: templates, placeholders,
// words and random text.
package literal

import (
	"cmp"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Mask marks a removed template or placeholder. It is a character of the private use area,
// which no rule accepts as part of a secret.
const Mask = '\uE000'

// MaskTemplates replaces templates with [Mask]: of the platform ({{…}}, {%…%}, [[…]]), of a shell
// (${…}, $(…), $NAME), of other programs (%NAME%, {name}, #{name}, __NAME__, @@NAME@@), and
// placeholders for people to fill in (<your token>).
func MaskTemplates(text string) string {
	var b strings.Builder
	rest := 0
	for i := 0; i < len(text); {
		n := templateAt(text, i)
		if n == 0 {
			i++
			continue
		}
		b.WriteString(text[rest:i])
		b.WriteRune(Mask)
		i += n
		rest = i
	}
	if rest == 0 {
		return text
	}
	return b.String() + text[rest:]
}

// templateAt returns the length of the template at an offset, or 0 if there is none.
func templateAt(text string, at int) int {
	rest := text[at:]
	switch rest[0] {
	case '{':
		return cmp.Or(between(rest, "{{{", "}}}"), between(rest, "{{", "}}"), between(rest, "{%", "%}"), braced(rest))
	case '[':
		return between(rest, "[[", "]]")
	case '$':
		return cmp.Or(between(rest, "${", "}"), between(rest, "$(", ")"), variableAt(text, at))
	case '#':
		return between(rest, "#{", "}")
	case '<':
		return bracketed(rest)
	case '%', '_', '@':
		return enclosed(rest)
	case 'p', 'o', 'i':
		return environment(rest)
	}
	return 0
}

// maxTemplate is the maximum length of a template. It limits the search for a missing end.
const maxTemplate = 4096

// between returns the length of a text from start to end inclusive, or 0 if either is missing.
func between(text, start, end string) int {
	if !strings.HasPrefix(text, start) {
		return 0
	}
	if n := strings.Index(text[len(start):min(len(text), maxTemplate)], end); n >= 0 {
		return len(start) + n + len(end)
	}
	return 0
}

// maxBracketed is the maximum length of <your token> and {name}.
const maxBracketed = 62

// bracketed returns the length of <your token>. The text between the brackets has to look like
// words, because a password may contain brackets.
func bracketed(text string) int {
	end := strings.IndexAny(text[1:min(len(text), maxBracketed+1)], "<>\n") + 1
	if end < 2 || text[end] != '>' || !isLetter(text[1]) {
		return 0
	}
	for _, b := range []byte(text[1:end]) {
		if !isNameByte(b) && strings.IndexByte(" '/,.():", b) < 0 {
			return 0
		}
	}
	return end + 1
}

// braced returns the length of {name}, as in OpenAPI, routes and format strings.
func braced(text string) int {
	end := 1
	for end < len(text) && end <= maxBracketed && (isNameByte(text[end]) || text[end] == '.' || text[end] == '$') {
		end++
	}
	if end < 2 || end == len(text) || text[end] != '}' || !isLetter(text[1]) && text[1] != '_' && text[1] != '$' {
		return 0
	}
	return end + 1
}

// variableAt returns the length of an environment variable, $NAME in capitals. It requires that
// no letter or digit precedes, as it would in a password.
func variableAt(text string, at int) int {
	if at > 0 && isNameByte(text[at-1]) {
		return 0
	}
	n := at + 1
	for n < len(text) && (isUpper(text[n]) || text[n] == '_' || n > at+1 && isDigit(text[n])) {
		n++
	}
	if n < at+minEnclosed || n < len(text) && isNameByte(text[n]) {
		return 0
	}
	return n - at
}

// minEnclosed is the minimum length of the name in %NAME%.
const minEnclosed = 3

// enclosed returns the length of %NAME%, __NAME__ or @@NAME@@.
func enclosed(text string) int {
	mark := text[:1]
	if text[0] != '%' {
		if mark += mark; !strings.HasPrefix(text, mark) {
			return 0
		}
	}
	n := len(mark)
	for n < len(text) && (isUpper(text[n]) || isDigit(text[n]) || text[n] == '_' && !strings.HasPrefix(text[n:], mark)) {
		n++
	}
	if n-len(mark) < minEnclosed || !strings.HasPrefix(text[n:], mark) {
		return 0
	}
	return n + len(mark)
}

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func isNameByte(b byte) bool {
	return isLetter(b) || b >= '0' && b <= '9' || b == '_' || b == '-' || b >= 0x80
}

// environment returns the length of an environment lookup in code: process.env.NAME.
func environment(text string) int {
	for _, start := range []string{"process.env", "os.environ", "import.meta.env"} {
		if rest, ok := strings.CutPrefix(text, start); ok && strings.IndexAny(rest+" ", ".[( ;,)") == 0 {
			return len(text) - len(strings.TrimLeft(rest, letters+digits+"_.[]()\"'"))
		}
	}
	return 0
}

// Literal is a string literal in an expression.
type Literal struct {
	Text string
	// Names are the identifiers in the expression.
	Names []string
	// Fallback: the string replaces a missing value.
	Fallback bool
}

// Literals returns the string literals in the templates of a text that may be values. It omits
// operands of comparisons, indexes and function arguments.
func Literals(text string) []Literal {
	var list []Literal
	for i := 0; i < len(text); {
		n := 0
		switch {
		case text[i] == '{':
			n = cmp.Or(between(text[i:], "{{", "}}"), between(text[i:], "{%", "%}"))
		case text[i] == '$':
			n = between(text[i:], "${", "}")
		}
		if n == 0 {
			i++
			continue
		}
		list = append(list, literalsIn(strings.Trim(text[i:i+n], "{}%$ "))...)
		i += n
	}
	return list
}

// literalsIn returns the literals of one expression.
func literalsIn(expr string) []Literal {
	var list []Literal
	var names []string
	for i := 0; i < len(expr); {
		switch c := expr[i]; {
		case c == '\'' || c == '"' || c == '`':
			end := strings.IndexByte(expr[i+1:], c)
			if end < 0 {
				return list
			}
			end += i + 1
			if operand, fallback := isOperand(strings.TrimRight(expr[:i], `\ `), strings.TrimLeft(expr[end+1:], " ")); operand {
				list = append(list, Literal{Text: strings.TrimRight(expr[i+1:end], `\`), Fallback: fallback})
			}
			i = end + 1
		case isLetter(c):
			end := i
			for end < len(expr) && (isNameByte(expr[end]) || expr[end] == '.') {
				end++
			}
			names = append(names, expr[i:end])
			i = end
		default:
			i++
		}
	}
	for i := range list {
		list[i].Names = names
	}
	return list
}

// isOperand reports whether a string between before and after is a value of the expression, and
// whether it is the fallback for another value.
func isOperand(before, after string) (operand, fallback bool) {
	for _, mark := range []string{"default(", "default", "coalesce"} {
		if strings.HasSuffix(before, mark) {
			return true, true
		}
	}
	for _, mark := range []string{"==", "!=", "<", ">", "=~", "in", "contains", "[", "(", ","} {
		if strings.HasSuffix(before, mark) {
			return false, false
		}
	}
	if strings.HasPrefix(after, "==") || strings.HasPrefix(after, "!=") {
		return false, false
	}
	for _, mark := range []string{"||", "??", " or", ":-", ":=", ":+", "?:"} {
		if strings.HasSuffix(before, mark) {
			return true, true
		}
	}
	return true, before == "" && (after == "" || strings.HasPrefix(after, "|") && !strings.HasPrefix(after, "||"))
}

// controlTag matches the tags of conditions in templates: {{#if a}}, {{else}}, {{/if}}, {% if a %}.
var controlTag = lazyregexp.New(
	`\{\{-?\s*(?:[#/^][^{}]*|else[^{}]*|if\s[^{}]*|end)\s*-?\}\}|\{%-?\s*(?:if|elif|elsif|else|endif|unless|` +
		`endunless)\b[^{}%]*-?%\}`,
)

// Branches returns the texts between the tags of conditions, or nil if there are no tags.
func Branches(text string) []string {
	if !strings.Contains(text, "{{") && !strings.Contains(text, "{%") || len(text) > maxTemplate {
		return nil
	}
	tags := controlTag.Get().FindAllStringIndex(text, -1)
	var list []string
	for i, tag := range tags {
		end := len(text)
		if i+1 < len(tags) {
			end = tags[i+1][0]
		}
		if tag[1] < end {
			list = append(list, text[tag[1]:end])
		}
	}
	return list
}
