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

// Human configures the text format.
type Human struct {
	// Color enables ANSI colours.
	Color bool
	// Max is the maximum number of diagnostics shown; 0 shows all. The summary counts all.
	Max int
}

// repository replaces the file name of diagnostics that concern the whole repository.
const repository = "(repository)"

// WriteHuman writes a line per diagnostic, a line per rule with its count and remedy, and the
// counts by severity.
func (r Report) WriteHuman(w io.Writer, how Human) error {
	p := printer{Writer: bufio.NewWriter(w), color: how.Color}
	shown := selectShown(r.Diagnostics, how.Max)
	for _, d := range shown {
		p.writeDiagnostic(d)
	}
	if hidden := len(r.Diagnostics) - len(shown); hidden > 0 {
		fmt.Fprintf(p, "… and %d more: --max-diagnostics 0 shows all of them\n", hidden)
	}
	if len(shown) > 0 {
		fmt.Fprintln(p)
		p.writeRules(r.Diagnostics)
	}
	p.writeLowered(r.Lowered)
	summary := Summarize(r.Diagnostics)
	fmt.Fprintln(p, p.applyStyle(summary.styleCode(), summary.String()))
	if len(shown) > 0 {
		fmt.Fprintln(p, p.applyStyle(dim, "builder rules RULE explains a rule"))
	}
	return p.Flush()
}

// selectShown returns limit diagnostics in their order, or all if limit is 0. It prefers the worst
// severity and then takes one per rule in turn, so that no rule hides another.
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

func (p printer) applyStyle(style, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (p printer) writeDiagnostic(d Diagnostic) {
	place := p.applyStyle(underline, cmp.Or(terminal.Safe(d.Position()), repository))
	severity := p.applyStyle(d.Severity.styleCode(), fmt.Sprintf("%-7s", d.Severity))
	fmt.Fprintf(p, "%s  %s  %s  %s\n", place, severity, terminal.Safe(d.Message), p.applyStyle(dim, d.Rule))
}

// writeRules writes the number of diagnostics of each rule, the worst severity first.
func (p printer) writeRules(ds []Diagnostic) {
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
		severity := p.applyStyle(k.severity.styleCode(), fmt.Sprintf("%-7s", k.severity))
		line := fmt.Sprintf("%6d  %s  %s", counts[k], severity, k.rule)
		if help := helps[k]; help != "" {
			padding := strings.Repeat(" ", width-len(k.rule))
			line += padding + "  " + p.applyStyle(dim, "help: "+terminal.Safe(help))
		}
		fmt.Fprintln(p, line)
	}
	fmt.Fprintln(p)
}

// writeLowered writes how many diagnostics the release file made less severe.
func (p printer) writeLowered(list []Lowered) {
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

func (s Severity) styleCode() string {
	switch s {
	case Error:
		return red
	case Warning:
		return yellow
	default:
		return blue
	}
}

func (s Summary) styleCode() string {
	switch {
	case s.Errors > 0:
		return red
	case s.Warnings > 0:
		return yellow
	default:
		return green
	}
}
