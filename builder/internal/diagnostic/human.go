// SPDX-License-Identifier: AGPL-3.0-or-later

package diagnostic

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// Human says how people see a report.
type Human struct {
	// Color uses ANSI sequences.
	Color bool
	// Max is the number of diagnostics that are shown; 0 shows all. The summary counts all.
	Max int
}

// repository stands for the file of diagnostics that belong to no file.
const repository = "(repository)"

// WriteHuman writes one line for each diagnostic, in the order of the report. Then it
// writes one line for each rule, with the number of its diagnostics and the remedy, and
// the counts by severity.
func (r Report) WriteHuman(w io.Writer, how Human) error {
	p := printer{Writer: bufio.NewWriter(w), color: how.Color}
	shown := selectShown(r.Diagnostics, how.Max)
	for _, d := range shown {
		p.diagnostic(d)
	}
	if hidden := len(r.Diagnostics) - len(shown); hidden > 0 {
		fmt.Fprintf(p, "… and %d more: --max-diagnostics 0 shows all of them\n", hidden)
	}
	if len(shown) > 0 {
		fmt.Fprintln(p)
		p.rules(r.Diagnostics)
	}
	p.lowered(r.Lowered)
	summary := Summarize(r.Diagnostics)
	fmt.Fprintln(p, p.paint(summary.style(), summary.String()))
	if len(shown) > 0 {
		fmt.Fprintln(p, p.paint(dim, "builder rules RULE explains a rule"))
	}
	return p.Flush()
}

// selectShown returns limit diagnostics in their order, or all of them if limit is 0. It
// prefers the worst severity, then takes one of each rule in turn, so that no rule hides
// another.
func selectShown(ds []Diagnostic, limit int) []Diagnostic {
	if limit == 0 || len(ds) <= limit {
		return ds
	}
	type ranked struct{ index, level, turn int }
	ranks := make([]ranked, len(ds))
	turns := map[string]int{}
	for i, d := range ds {
		ranks[i] = ranked{i, d.Severity.Level(), turns[d.Rule]}
		turns[d.Rule]++
	}
	slices.SortStableFunc(ranks, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.turn, b.turn))
	})
	ranks = ranks[:limit]
	slices.SortFunc(ranks, func(a, b ranked) int { return cmp.Compare(a.index, b.index) })
	shown := make([]Diagnostic, limit)
	for i, rank := range ranks {
		shown[i] = ds[rank.index]
	}
	return shown
}

// ANSI styles.
const (
	red       = "31"
	yellow    = "33"
	blue      = "34"
	green     = "32"
	dim       = "2"
	underline = "4"
)

type printer struct {
	*bufio.Writer
	color bool
}

func (p printer) paint(style, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (p printer) diagnostic(d Diagnostic) {
	place := p.paint(underline, cmp.Or(terminal.Safe(d.Position()), repository))
	severity := p.paint(d.Severity.style(), fmt.Sprintf("%-7s", d.Severity))
	fmt.Fprintf(p, "%s  %s  %s  %s\n", place, severity, terminal.Safe(d.Message), p.paint(dim, d.Rule))
}

// rules counts the diagnostics of each rule, those of the worst severity first.
func (p printer) rules(ds []Diagnostic) {
	type kind struct {
		severity Severity
		rule     string
	}
	counts := map[kind]int{}
	helps := map[kind]string{}
	width := 0
	for _, d := range ds {
		k := kind{d.Severity, d.Rule}
		counts[k]++
		helps[k] = cmp.Or(helps[k], d.Help)
		width = max(width, len(d.Rule))
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b kind) int {
		return cmp.Or(
			cmp.Compare(b.severity.Level(), a.severity.Level()), cmp.Compare(counts[b], counts[a]),
			cmp.Compare(a.rule, b.rule))
	})
	for _, k := range kinds {
		severity := p.paint(k.severity.style(), fmt.Sprintf("%-7s", k.severity))
		line := fmt.Sprintf("%6d  %s  %s", counts[k], severity, k.rule)
		if help := helps[k]; help != "" {
			padding := strings.Repeat(" ", width-len(k.rule))
			line += padding + "  " + p.paint(dim, "help: "+terminal.Safe(help))
		}
		fmt.Fprintln(p, line)
	}
	fmt.Fprintln(p)
}

// lowered says in one line how many diagnostics the release file made less severe.
func (p printer) lowered(list []Lowered) {
	if len(list) == 0 {
		return
	}
	total := 0
	byRule := map[string]int{}
	for _, l := range list {
		total += l.Count
		byRule[fmt.Sprintf("%s %s", l.Rule, l.Severity)] += l.Count
	}
	fmt.Fprintf(p, "lowered by the release file: %d (", total)
	for i, name := range slices.Sorted(maps.Keys(byRule)) {
		if i > 0 {
			fmt.Fprint(p, ", ")
		}
		fmt.Fprintf(p, "%s: %d", name, byRule[name])
	}
	fmt.Fprintln(p, ")")
}

func (s Severity) style() string {
	switch s {
	case Error:
		return red
	case Warning:
		return yellow
	default:
		return blue
	}
}

func (s Summary) style() string {
	switch {
	case s.Errors > 0:
		return red
	case s.Warnings > 0:
		return yellow
	default:
		return green
	}
}
