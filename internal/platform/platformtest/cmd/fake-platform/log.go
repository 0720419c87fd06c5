// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// logEvents prints the events on the platform until ctx ends.
func logEvents(ctx context.Context, p *platformtest.Platform, out io.Writer) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var printed counts
	for {
		printed.printNews(p.Ledger(), out)
		select {
		case <-tick.C:
		case <-ctx.Done():
			printed.printNews(p.Ledger(), out)
			return
		}
	}
}

// counts holds the number of printed ledger entries; imports and bulks are printed when they end.
type counts struct{ requests, imports, bulks int }

func (c *counts) printNews(l *platformtest.Ledger, out io.Writer) {
	for _, r := range l.Requests[c.requests:] {
		fmt.Fprintf(out, "%s %-7s %-12s %d  %s\n", formatClock(r.At), r.Server, r.Op, r.Status, r.CorrelationID)
	}
	c.requests = len(l.Requests)
	for ; c.imports < len(l.Imports) && l.Imports[c.imports].Outcome != ""; c.imports++ {
		i := l.Imports[c.imports]
		fmt.Fprintf(out, "%s %-7s %-12s %s %s\n", formatClock(i.End), i.Pod, i.Outcome, i.Slug, i.Version)
	}
	for ; c.bulks < len(l.Bulks) && l.Bulks[c.bulks].Outcome != ""; c.bulks++ {
		b := l.Bulks[c.bulks]
		fmt.Fprintf(out, "%s %-7s group %s: %s in %s\n", formatClock(b.End), b.Pod, strings.Join(b.Groups, ","), b.Outcome,
			b.End.Sub(b.Begin).Round(time.Millisecond))
	}
}

func formatClock(t time.Time) string { return t.Format("15:04:05.000") }

func joinFlagNames(known map[string]*bool) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}
