// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"regexp"
	"slices"
	"testing"
)

// kind is the meaning of a token in its context.
type kind int

const (
	other      kind = iota // keywords, functions, punctuation, blanks
	metric                 // a name before a selector or a range
	aggregator             // sum, max, …
	matchLabel             // a label in a selector
	matchOp                // =, !=, =~, !~
	matchValue             // a quoted string in a selector
	listLabel              // a label of by, without, on, ignoring
	window                 // the duration of a range, or the step of a subquery
	comparison             // >, <=, …
	arithmetic             // -, /
	set                    // and, or, unless
	number
)

// token is a part of an expression. The tokens joined are the expression.
type token struct {
	kind kind
	text string
}

var lexeme = regexp.MustCompile(`(?s)^(?:\s+|"(?:[^"\\]|\\.)*"|[a-zA-Z_][a-zA-Z0-9_:]*|[0-9]+(?:ms|[smhdw])\b|[0-9.]+|=~|!~|==|!=|>=|<=|.)`)

var (
	sets        = []string{"and", "or", "unless"}
	lists       = []string{"by", "without", "on", "ignoring"}
	aggregators = []string{"sum", "max", "min", "count", "avg", "group"}
	words       = []string{"bool", "offset", "group_left", "group_right"}
)

// lex splits an expression into tokens. It knows the part of PromQL that rules and panels use, and treats a
// name that is not a function as a metric.
func lex(expr string) []token {
	var out []token
	in, list := byte(0), false // the bracket that we are in; whether the next one holds a list
	for expr != "" {
		text := lexeme.FindString(expr)
		expr = expr[len(text):]
		t := token{text: text}
		switch c := text[0]; {
		case c == '{' || c == '[' || c == '(' && list:
			in, list = c, false
		case c == '}' || c == ']' || c == ')':
			in = 0
		case isSpace(c) || c == ',' || in == '[' && c == ':':
		case in == '{':
			t.kind = inSelector(c)
		case in == '[':
			t.kind = window
		case in == '(':
			t.kind = listLabel
		case slices.Contains(lists, text):
			list = true
		default:
			t.kind = outside(text, expr)
		}
		out = append(out, t)
	}
	return out
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

func inSelector(c byte) kind {
	switch c {
	case '"':
		return matchValue
	case '=', '!':
		return matchOp
	}
	return matchLabel
}

func outside(text, rest string) kind {
	switch c := text[0]; {
	case c == '>' || c == '<' || c == '=' || c == '!':
		return comparison
	case c == '-' || c == '/' || c == '*' || c == '+':
		return arithmetic
	case c >= '0' && c <= '9':
		return number
	case slices.Contains(sets, text):
		return set
	case slices.Contains(aggregators, text):
		return aggregator
	case c == '(' || c == '.' || c == '"' || slices.Contains(words, text) ||
		regexp.MustCompile(`^\s*\(`).MatchString(rest):
		return other
	}
	return metric
}

func TestLex(t *testing.T) {
	expr := `sum by (job) (rate(a_total{code=~"5.."}[5m])) / 2 > 0.5 and ignoring (x) max_over_time((b)[10m:1m])`
	want := []token{{aggregator, "sum"}, {listLabel, "job"}, {metric, "a_total"}, {matchLabel, "code"}, {matchOp, "=~"},
		{matchValue, `"5.."`}, {window, "5m"}, {arithmetic, "/"}, {number, "2"}, {comparison, ">"}, {number, "0.5"}, {set, "and"},
		{listLabel, "x"}, {metric, "b"}, {window, "10m"}, {window, "1m"}}
	var got []token
	whole := ""
	for _, token := range lex(expr) {
		whole += token.text
		if token.kind != other {
			got = append(got, token)
		}
	}
	if !slices.Equal(got, want) || whole != expr {
		t.Errorf("%v\nwant %v\nof %s", got, want, whole)
	}
}
