// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// Report writes the figures of a soak as Markdown tables.
func (r *Record) Report(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "| what | figure |\n|---|---|\n")
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	row("duration", "%s", r.End.Sub(r.Begin).Round(time.Second))
	for _, kind := range slices.Sorted(maps.Keys(r.Troubles)) {
		row(kind, "%d", r.Troubles[kind])
	}
	row("requests to the platform", "%d", len(r.Ledger.Requests))
	row("bulk imports", "%d, of which %s", len(r.Ledger.Bulks), r.describeOutcomes())
	row("processes of sidecars", "%d", len(r.Lives))
	row("confirmations", "%d", r.countConfirmations())
	first := r.readyQuantiles()
	row("start to Ready: median, 95 of 100, longest", "%s, %s, %s", first(.5), first(.95), first(1))
	settled := r.settleQuantiles()
	row("trouble ends to all confirmed: median, longest", "%s, %s", settled(.5), settled(1))
	b.WriteString("\n| resource | second quarter | last quarter | highest of all | allowed growth | limit |\n")
	b.WriteString("|---|---|---|---|---|---|\n")
	for _, s := range r.Growth() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %g | %g |\n",
			s.Name, s.formatValue(s.Early), s.formatValue(s.Late), s.formatValue(s.Max), s.Allowed, s.Limit)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (s *Series) formatValue(v float64) string {
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", v, s.Unit))
}

func (r *Record) describeOutcomes() string {
	count := map[platformtest.Outcome]int{}
	for _, b := range r.Ledger.Bulks {
		count[b.Outcome]++
	}
	return fmt.Sprintf("%d succeeded, %d failed, %d were killed",
		count[platformtest.Imported], count[platformtest.Failed], count[platformtest.Killed])
}

func (r *Record) countConfirmations() (n int) {
	for _, l := range r.Lives {
		n += len(l.Confirmed)
	}
	return n
}

// readyQuantiles returns a function that computes quantiles of the times from start to Ready.
func (r *Record) readyQuantiles() func(share float64) string {
	var all []time.Duration
	for _, l := range r.Lives {
		if !l.Ready.IsZero() {
			all = append(all, l.Ready.Sub(l.Begin))
		}
	}
	return newQuantiles(all)
}

func (r *Record) settleQuantiles() func(share float64) string {
	var all []time.Duration
	for _, s := range r.Settled {
		all = append(all, s.Took)
	}
	return newQuantiles(all)
}

func newQuantiles(all []time.Duration) func(share float64) string {
	slices.Sort(all)
	return func(share float64) string {
		if len(all) == 0 {
			return "none"
		}
		return all[min(len(all)-1, int(share*float64(len(all))))].Round(10 * time.Millisecond).String()
	}
}
