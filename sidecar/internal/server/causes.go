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
	// maxCauses is the maximum number of cards about failed workspaces.
	maxCauses = 10
	// maxSlugs is the maximum number of workspaces listed on a card.
	maxSlugs = 100
)

// cause is a shared cause of failed workspaces.
type cause struct {
	ID string
	// Anchor is the ID of the card that shows the cause.
	Anchor string
	Title  string
	// Error is the first error, as an example.
	Error   string
	Remedy  string
	Runbook runbook
	Slugs   []string
	// More is the number of workspaces that are not listed.
	More int
	// reason is empty if causes differ only in the text of their errors.
	reason state.Reason
}

// Count returns the number of workspaces, for example "86 workspaces".
func (c *cause) Count() string { return pluralize(len(c.Slugs)+c.More, "workspace") }

func pluralize(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// findCauses groups the failed workspaces by cause, the most frequent cause first. It returns the
// causes by [causeKey].
func (v *view) findCauses(groups []state.Group, base string) (byKey map[string]*cause) {
	byKey = map[string]*cause{}
	for _, g := range groups {
		for n := range g.Workspaces {
			w := &g.Workspaces[n]
			if workspaceTone(w.State) != toneBad {
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
				c.Slugs = append(c.Slugs, sanitize(w.Slug, maxName))
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

// findProblemCause returns the cause that p is about: the problem is the first failed workspace. It
// returns nil if p is about something else.
func (v *view) findProblemCause(p *state.Problem) *cause {
	for _, c := range v.Causes {
		if c.reason == p.Reason && (p.Reason != state.ImportErrors || strings.Contains(p.Message, c.Error)) {
			return c
		}
	}
	return nil
}

func newCause(w *state.Workspace, base string) *cause {
	c := &cause{
		Error:  sanitize(w.Error, maxError),
		reason: w.Reason,
		Title:  "The import of the workspace failed",
	}
	if w.State == state.WorkspaceMissing {
		c.Title = "The platform did not report the workspace"
	}
	if advice := state.Advise(w.Reason); advice.Title != "" {
		c.Title = advice.Title
		c.Remedy = advice.Remedy
		c.Runbook = newRunbook(advice.Runbook+".md", base)
	}
	return c
}

// causeKey returns equal keys for workspaces with the same cause. A specific reason is the key;
// general errors have the same cause if their texts differ in names and numbers only.
func causeKey(w *state.Workspace) string {
	switch w.Reason {
	case "", state.ImportErrors:
		return string(w.State) + normalizeError(w)
	}
	return string(w.Reason)
}

// variable matches the parts of an error that differ between workspaces.
var variable = regexp.MustCompile(`'[^']*'|"[^"]*"|\b[0-9a-f-]*[0-9][0-9a-f-]*\b`)

func normalizeError(w *state.Workspace) string {
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
