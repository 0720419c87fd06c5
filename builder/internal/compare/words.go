// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/docker/go-units"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

func (s Side) describeSide() string {
	parts := []string{s.Name}
	if s.Digest != "" && !strings.HasSuffix(s.Name, "@"+s.Digest.String()) {
		parts[0] += "@" + s.Digest.String()
	}
	if s.Release != "" {
		parts = append(parts, "release "+s.Release)
	}
	if s.Source.Commit != "" {
		commit := "commit " + s.Source.Commit
		if s.Source.Dirty {
			commit += " with uncommitted changes"
		}
		parts = append(parts, commit)
	}
	return strings.Join(append(parts, terminal.Plural(s.Workspaces, "workspace"), terminal.Plural(s.Files, "file")),
		", ")
}

func (r *Report) summarize() string {
	if !r.Differ {
		return "no difference: " + terminal.Plural(r.Unchanged, "workspace") + " unchanged"
	}
	counts := map[Status]int{}
	for _, w := range r.Workspaces {
		if !w.OnlyVersion {
			counts[w.Status]++
		}
	}
	parts := []string{"workspaces"}
	for _, s := range []Status{Added, Removed, Changed, Regrouped} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s,", counts[s], s))
		}
	}
	if n := r.OnlyVersion.Count; n > 0 {
		parts = append(parts, fmt.Sprintf("%d with a new version name only,", n))
	}
	return strings.Join(append(parts, fmt.Sprintf("%d unchanged", r.Unchanged)), " ")
}

// importantReasons returns the reasons that an approver should read because the file list does not
// make them obvious.
func (w *Workspace) importantReasons() []string {
	var out []string
	for _, r := range w.Reasons {
		if importanceOf([]Class{r.Class}) < importanceOf([]Class{Behaviour}) {
			out = append(out, r.String())
		}
	}
	if len(out) > maxNames {
		out = append(out[:maxNames:maxNames], fmt.Sprintf("and %d more", len(out)-maxNames))
	}
	return out
}

// summarizeChanges returns the counts by class; "" if there are none.
func (r *Report) summarizeChanges() string {
	var parts []string
	for _, c := range Classes() {
		if n := r.Changes[c]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", c, n))
		}
	}
	return strings.Join(parts, ", ")
}

// String returns how many workspaces only get a new version name; "" if none.
func (o OnlyVersion) String() string {
	if o.Count == 0 {
		return ""
	}
	var versions []string
	for _, v := range o.Versions {
		text := nameOrNone(v.Old) + " → " + nameOrNone(v.New)
		if len(o.Versions) > 1 {
			text += fmt.Sprintf(" (%d)", v.Count)
		}
		versions = append(versions, text)
	}
	verb := "get"
	if o.Count == 1 {
		verb = "gets"
	}
	return fmt.Sprintf("%s only %s a new version name: %s", terminal.Plural(o.Count, "workspace"), verb,
		joinNames(versions))
}

// GroupedWarnings joins equal warnings about many workspaces.
func (r *Report) GroupedWarnings() []Warning {
	const few = 5
	same := map[Warning][]string{}
	for _, w := range r.Warnings {
		key := Warning{Rule: w.Rule, Message: w.Message}
		same[key] = append(same[key], w.Workspace)
	}
	var out []Warning
	for _, w := range r.Warnings {
		key := Warning{Rule: w.Rule, Message: w.Message}
		switch slugs := same[key]; {
		case len(slugs) == 0:
		case len(slugs) <= few:
			out = append(out, w)
		default:
			w.Workspace = terminal.JoinFirst(slugs, few) + " workspaces"
			out = append(out, w)
			same[key] = nil
		}
	}
	return out
}

// describeChanges returns a short description of what happened to a workspace.
func (w *Workspace) describeChanges() []string {
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	switch w.Status {
	case Added:
		add("version %s; group %s; %s", nameOrNone(w.Version.New), strings.Join(w.Groups.New, ", "), w.Size.New)
		return append(facts, w.requiredValues()...)
	case Removed:
		add("version %s; group %s; %s", nameOrNone(w.Version.Old), strings.Join(w.Groups.Old, ", "), w.Size.Old)
		return facts
	}
	if w.RenamedFrom != "" {
		add("renamed from %s", w.RenamedFrom)
	}
	if w.Version.Old != w.Version.New {
		add("version %s → %s", nameOrNone(w.Version.Old), nameOrNone(w.Version.New))
	} else {
		add("version %s", nameOrNone(w.Version.New))
	}
	if before, after := strings.Join(w.Groups.Old, ", "), strings.Join(w.Groups.New, ", "); before != after {
		add("group %s → %s", before, after)
	}
	for _, f := range w.Fields {
		add("%s %s → %s", f.Name, nameOrNone(f.Old), nameOrNone(f.New))
	}
	for _, app := range w.DependsOn.New {
		add("now depends on %s", app)
	}
	for _, app := range w.DependsOn.Old {
		add("no longer depends on %s", app)
	}
	facts = append(facts, w.requiredValues()...)
	if len(w.Files) > 0 {
		add("%s", w.fileCount())
	}
	return facts
}

// requiredValues describes the values that the target platform must have.
func (w *Workspace) requiredValues() []string {
	var facts []string
	for _, value := range []struct {
		kind string
		Change[[]string]
	}{{"secret", w.Secrets}, {"setting", w.Config}} {
		for _, name := range value.New {
			facts = append(facts, "now needs "+value.kind+" "+name)
		}
		for _, name := range value.Old {
			facts = append(facts, "no longer needs "+value.kind+" "+name)
		}
	}
	return facts
}

func (w *Workspace) fileCount() string {
	added := 0
	removed := 0
	for _, f := range w.Files {
		added += f.Added
		removed += f.Removed
	}
	return fmt.Sprintf("%s (+%d −%d lines)", terminal.Plural(len(w.Files), "file"), added, removed)
}

// String returns a text such as 3 files, 2.1kB.
func (s Size) String() string {
	return terminal.Plural(s.Files, "file") + ", " + units.HumanSize(float64(s.Bytes))
}

// nameOrNone returns a placeholder for an empty name.
func nameOrNone(s string) string { return cmp.Or(s, "(none)") }

// maxNames bounds the number of names in one line.
const maxNames = 20

func joinNames(list []string) string {
	return cmp.Or(terminal.JoinFirst(list, maxNames), "(none)")
}

func (g *Group) describeChanges() []string {
	var facts []string
	if g.Position.Old != g.Position.New && g.Status == Changed {
		facts = append(facts, fmt.Sprintf("is imported as number %d instead of %d", g.Position.New, g.Position.Old))
	}
	if before, after := joinNames(g.Labels.Old), joinNames(g.Labels.New); before != after {
		facts = append(facts, fmt.Sprintf("labels %s → %s", before, after))
	}
	if len(g.Order.New) > 0 {
		facts = append(facts, fmt.Sprintf("import order %s → %s", joinNames(g.Order.Old), joinNames(g.Order.New)))
	}
	return append(facts, g.describePosition()...)
}

// describePosition describes the position of an added or removed group.
func (g *Group) describePosition() []string {
	switch g.Status {
	case Added:
		return []string{fmt.Sprintf("number %d of the import", g.Position.New)}
	case Removed:
		return []string{fmt.Sprintf("was number %d of the import", g.Position.Old)}
	}
	return nil
}

// formatTitle returns a text such as "variable NODE_ENV (linux/amd64): changed".
func (s Setting) formatTitle() string {
	title := strings.TrimSpace(s.Kind + " " + s.Name)
	if len(s.Platforms) > 0 {
		title += " (" + strings.Join(s.Platforms, ", ") + ")"
	}
	switch {
	case s.Old == nil:
		return title + ": added"
	case s.New == nil:
		return title + ": removed"
	default:
		return title + ": changed"
	}
}

// describeSize returns a text such as "12B → 14B".
func (f *File) describeSize() string {
	before := units.HumanSize(float64(f.Bytes.Old))
	after := units.HumanSize(float64(f.Bytes.New))
	switch f.Status {
	case Added:
		return after
	case Removed:
		return before
	default:
		return before + " → " + after
	}
}

// String describes what was omitted; "" if nothing.
func (c Cut) String() string {
	if c.Lines == 0 {
		return ""
	}
	text := terminal.Plural(c.Lines, "line") + " left out because of --max-lines"
	if c.Files > 0 {
		text += "; of " + terminal.Plural(c.Files, "file") + " nothing is shown"
	}
	return text
}
