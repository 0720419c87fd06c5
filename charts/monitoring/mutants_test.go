// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mutant is a rule with one change.
type mutant struct {
	rule Rule
	what string
}

// mutants returns every change of a rule that a test must detect:
//
//   - each metric, label and value of a selector is replaced, and each alternative of a value removed;
//   - each operator (comparison, arithmetic, sets, selectors) is replaced;
//   - each number changes by 10 %, or by one if it is 0 or 1, in both directions; each range is doubled and halved;
//   - each label of by, on and ignoring is removed, and the list is turned into its opposite;
//   - each aggregation is replaced, except group, whose value is not used;
//   - "for" is a minute longer and shorter, doubled, halved and removed; the severity is replaced.
func mutants(r Rule) []mutant {
	var all []mutant
	tokens := lex(r.Expr)
	for n, t := range tokens {
		for _, text := range replacements(t) {
			changed := slices.Clone(tokens)
			changed[n].text = text
			if t.kind == listLabel {
				changed = withoutComma(changed, n)
			}
			m := r
			m.Expr = join(changed)
			all = append(all, mutant{m, fmt.Sprintf("%q → %q at token %d", t.text, text, n)})
		}
	}
	for _, d := range otherDurations(r.For) {
		m := r
		m.For = d
		all = append(all, mutant{m, "for: " + d})
	}
	m := r
	m.Labels = map[string]string{"severity": "other"}
	return append(all, mutant{m, "severity"})
}

func replacements(t token) []string {
	switch t.kind {
	case metric, matchLabel:
		return []string{t.text + "_x"}
	case matchOp:
		return []string{map[string]string{"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}[t.text]}
	case matchValue:
		return otherValues(t.text)
	case comparison:
		return others(t.text, ">", ">=", "<", "<=", "==", "!=")
	case arithmetic:
		return []string{map[string]string{"-": "+", "/": "*"}[t.text]}
	case set:
		return others(t.text, sets...)
	case aggregator:
		if t.text == "group" {
			return nil
		}
		return others(t.text, "sum", "max", "min")
	case listLabel:
		return []string{""}
	case window:
		return rescaled(t.text, 2, .5)
	case number:
		return otherNumbers(t.text)
	}
	if slices.Contains(lists, t.text) {
		return []string{map[string]string{"by": "without", "on": "ignoring", "ignoring": "on"}[t.text]}
	}
	return nil
}

func others(text string, all ...string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == text })
}

func otherValues(quoted string) []string {
	all := strings.Split(strings.Trim(quoted, `"`), "|")
	out := []string{`"x"`}
	for n := range all {
		out = append(out, strconv.Quote(strings.Join(slices.Delete(slices.Clone(all), n, n+1), "|")))
	}
	return out
}

func otherNumbers(text string) []string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // the lexer takes nothing else for a number
	}
	if n == 0 || n == 1 {
		return []string{fmt.Sprint(n + 1), fmt.Sprint(n - 1)}
	}
	return []string{fmt.Sprintf("%.6g", n*1.1), fmt.Sprintf("%.6g", n*.9)}
}

func rescaled(text string, factors ...float64) []string {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	var out []string
	for _, f := range factors {
		out = append(out, seconds(time.Duration(float64(d)*f)))
	}
	return out
}

func otherDurations(text string) []string {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return append(rescaled(text, 2, .5), seconds(d+time.Minute), seconds(max(0, d-time.Minute)), "")
}

// seconds writes a duration as Prometheus reads it.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// withoutComma removes the comma and blanks after a removed token, or before the last one of a list.
func withoutComma(tokens []token, n int) []token {
	for _, step := range []int{1, -1} {
		if at := n + step; tokens[at].text == "," {
			tokens[at].text = ""
			return tokens
		} else if strings.TrimSpace(tokens[at].text) == "" && tokens[at+step].text == "," {
			tokens[at+step].text = ""
			return tokens
		}
	}
	return tokens
}

func join(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.text)
	}
	return b.String()
}
