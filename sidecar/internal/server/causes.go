// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	// maxCauses bounds the cards about failed workspaces.
	maxCauses = 10
	// maxSlugs bounds the workspaces that one of them lists.
	maxSlugs = 100
)

// cause is what several workspaces have failed for.
type cause struct {
	ID string
	// Anchor is the card that shows it.
	Anchor string
	Title  string
	// Error is the first one of them, as an example.
	Error   string
	Remedy  string
	Runbook runbook
	Slugs   []string
	// More workspaces are not listed.
	More int
	// reason is "" where causes differ by the text of their errors only.
	reason state.Reason
}

// Count of the workspaces, such as "86 workspaces".
func (c *cause) Count() string { return plural(len(c.Slugs)+c.More, "workspace") }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// findCauses sorts the failed workspaces by what they failed for, the most frequent
// cause first. The index finds the cause of a workspace by its slug.
func (v *view) findCauses(groups []state.Group, base string) (byKey map[string]*cause) {
	byKey = map[string]*cause{}
	for _, g := range groups {
		for n := range g.Workspaces {
			w := &g.Workspaces[n]
			if toneOf(w.State) != bad {
				continue
			}
			key := causeKey(w)
			c := byKey[key]
			if c == nil {
				c = newCause(w, base)
				byKey[key] = c
				v.Causes = append(v.Causes, c)
			}
			if len(c.Slugs) < maxSlugs {
				c.Slugs = append(c.Slugs, printable(w.Slug, maxName))
			} else {
				c.More++
			}
		}
	}
	slices.SortStableFunc(v.Causes, func(a, b *cause) int {
		return cmp.Compare(len(b.Slugs)+b.More, len(a.Slugs)+a.More)
	})
	for n, c := range v.Causes {
		c.ID = fmt.Sprintf("cause-%d", n+1)
		c.Anchor = c.ID
	}
	return byKey
}

// causeOf returns the cause of the problem, which is about the first workspace that
// failed; nil if the problem is about something else.
func (v *view) causeOf(p *state.Problem) *cause {
	for _, c := range v.Causes {
		if c.reason == p.Reason && (p.Reason != state.ImportErrors || strings.Contains(p.Message, c.Error)) {
			return c
		}
	}
	return nil
}

func newCause(w *state.Workspace, base string) *cause {
	c := &cause{Error: printable(w.Error, maxError), reason: w.Reason, Title: "The import of the workspace failed"}
	if w.State == state.WorkspaceMissing {
		c.Title = "The platform did not report the workspace"
	}
	if advice := state.Advise(w.Reason); advice.Title != "" {
		c.Title, c.Remedy, c.Runbook = advice.Title, advice.Remedy, newRunbook(advice.Runbook+".md", base)
	}
	return c
}

// causeKey is equal for workspaces that failed for the same. A reason of its own says
// that; general errors are the same if their texts are but for names and numbers.
func causeKey(w *state.Workspace) string {
	switch w.Reason {
	case "", state.ImportErrors:
		return string(w.State) + textKey(w)
	}
	return string(w.Reason)
}

// variable matches the parts of an error that differ from one workspace to the next.
var variable = regexp.MustCompile(`'[^']*'|"[^"]*"|\b[0-9a-f-]*[0-9][0-9a-f-]*\b`)

func textKey(w *state.Workspace) string {
	text := w.Error
	if len(text) > maxError {
		text = text[:maxError]
	}
	for _, name := range []string{w.Slug, w.Name} {
		if name != "" {
			text = strings.ReplaceAll(text, name, "…")
		}
	}
	return variable.ReplaceAllString(text, "…")
}
