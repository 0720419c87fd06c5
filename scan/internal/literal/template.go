// SPDX-License-Identifier: AGPL-3.0-or-later

// Package literal judges text that stands where a secret may stand: whether it is a
// template or a placeholder, whether it is made of words, and whether it looks random.
package literal

import (
	"cmp"
	"strings"
)

// Hole stands for what a template or a placeholder will be replaced with. It is a
// character of the private use area, which no rule takes for a part of a secret.
const Hole = '\uE000'

// Punch replaces templates with holes: what the platform ({{…}}, {%…%}, [[…]]), a
// shell (${…}, $(…), $NAME), another program (%NAME%, {name}, #{name}, __NAME__, @@NAME@@)
// or a person (<your token>) replaces.
func Punch(text string) string {
	var b strings.Builder
	rest := 0
	for i := 0; i < len(text); {
		n := templateAt(text, i)
		if n == 0 {
			i++
			continue
		}
		b.WriteString(text[rest:i])
		b.WriteRune(Hole)
		i += n
		rest = i
	}
	if rest == 0 {
		return text
	}
	return b.String() + text[rest:]
}

// templateAt returns how long the template is that starts at a place; 0 for none.
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

// maxTemplate is how long a template may be: what starts like one and does not end
// must not make the search take forever.
const maxTemplate = 4096

// between returns the length of what starts and ends with these, 0 if text does not.
func between(text, start, end string) int {
	if !strings.HasPrefix(text, start) {
		return 0
	}
	if n := strings.Index(text[len(start):min(len(text), maxTemplate)], end); n >= 0 {
		return len(start) + n + len(end)
	}
	return 0
}

// maxBracketed is how long <your token> and {name} may be.
const maxBracketed = 62

// bracketed is <your token>. What is between the brackets reads like words: a password
// may have brackets, too.
func bracketed(text string) int {
	end := strings.IndexAny(text[1:min(len(text), maxBracketed+1)], "<>\n") + 1
	if end < 2 || text[end] != '>' || !isLetter(text[1]) {
		return 0
	}
	for _, b := range []byte(text[1:end]) {
		if !isNameByte(b) && strings.IndexByte(" '/,.()", b) < 0 {
			return 0
		}
	}
	return end + 1
}

// braced is {name}, as in OpenAPI, in routes and in format strings.
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

// variableAt is $NAME in capitals, which is one of the environment's. It does not
// follow a letter or a digit, as a sign in a password may.
func variableAt(text string, at int) int {
	if at > 0 && isNameByte(text[at-1]) {
		return 0
	}
	n := at + 1
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] == '_' || n > at+1 && text[n] >= '0' && text[n] <= '9') {
		n++
	}
	if n < at+minEnclosed || n < len(text) && isNameByte(text[n]) {
		return 0
	}
	return n - at
}

// minEnclosed is the shortest name in %NAME%.
const minEnclosed = 3

// enclosed is %NAME%, __NAME__ or @@NAME@@.
func enclosed(text string) int {
	mark := text[:1]
	if text[0] != '%' {
		if mark += mark; !strings.HasPrefix(text, mark) {
			return 0
		}
	}
	n := len(mark)
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] >= '0' && text[n] <= '9' || text[n] == '_' && !strings.HasPrefix(text[n:], mark)) {
		n++
	}
	if n-len(mark) < minEnclosed || !strings.HasPrefix(text[n:], mark) {
		return 0
	}
	return n + len(mark)
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func isNameByte(b byte) bool {
	return isLetter(b) || b >= '0' && b <= '9' || b == '_' || b == '-' || b >= 0x80
}

// environment is how code asks for a variable: process.env.NAME.
func environment(text string) int {
	for _, start := range []string{"process.env", "os.environ", "import.meta.env"} {
		if rest, ok := strings.CutPrefix(text, start); ok && strings.IndexAny(rest+" ", ".[( ;,)") == 0 {
			return len(text) - len(strings.TrimLeft(rest, letters+digits+"_.[]()\"'"))
		}
	}
	return 0
}

// Literal is a string in an expression.
type Literal struct {
	Text string
	// Names are the identifiers in the expression.
	Names []string
	// Fallback: it takes the place of a value that is not there.
	Fallback bool
}

// Literals returns the strings in the templates of a text that may be a value: not those
// that a value is compared with, nor indexes and arguments of functions.
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

// literalsIn looks at one expression.
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

// isOperand reports whether a string between these is a value of the expression, and
// whether it is a fallback for another one.
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
	return true, before == "" && after == ""
}
