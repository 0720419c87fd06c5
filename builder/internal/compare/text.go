// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/docker/go-units"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode comparison: %w", err)
	}
	return nil
}

// WriteText writes the report for a terminal: what matters first, then every file.
func (r *Report) WriteText(w io.Writer, color bool) error {
	p := &printer{Writer: bufio.NewWriter(w), color: color}
	p.line("", "old  %s", r.Old.describe())
	p.line("", "new  %s", r.New.describe())
	if len(r.Warnings) > 0 {
		p.line("", "")
	}
	for _, warning := range r.Warnings {
		p.line(yellow, "warning: %s", warning.String())
	}
	p.line("", "\n%s", r.summary())
	for i := range r.Workspaces {
		p.workspace(&r.Workspaces[i])
	}
	p.groups(r.Groups)
	p.settings(r)
	for i := range r.Workspaces {
		p.files(&r.Workspaces[i])
	}
	if text := r.Cut.String(); text != "" {
		p.line("", "\n%s", text)
	}
	return p.Flush()
}

// The colours of terminals that git uses, too.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[m"
)

// printer writes lines. It keeps the first error until the end.
type printer struct {
	*bufio.Writer
	color bool
}

// line formats a line; what could act on a terminal in it is made visible.
func (p *printer) line(color, format string, args ...any) {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = terminal.Visible(s)
		}
	}
	text := fmt.Sprintf(format, args...)
	if p.color && color != "" {
		text = color + text + reset
	}
	fmt.Fprintln(p, text)
}

// String names the workspace, if it is about one.
func (w Warning) String() string {
	if w.Workspace == "" {
		return w.Message
	}
	return w.Workspace + ": " + w.Message
}

func (s Side) describe() string {
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
			commit += " with changes that are not committed"
		}
		parts = append(parts, commit)
	}
	return strings.Join(append(parts, terminal.Plural(s.Workspaces, "workspace"), terminal.Plural(s.Files, "file")), ", ")
}

func (r *Report) summary() string {
	if !r.Differ {
		return "no difference: " + terminal.Plural(r.Unchanged, "workspace") + " unchanged"
	}
	counts := map[Status]int{}
	for _, w := range r.Workspaces {
		counts[w.Status]++
	}
	parts := []string{"workspaces"}
	for _, s := range []Status{Added, Removed, Changed, Regrouped} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s,", counts[s], s))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d unchanged", r.Unchanged)), " ")
}

var marks = map[Status]struct{ mark, color string }{
	Added: {"+", green}, Removed: {"-", red}, Changed: {"~", cyan}, Regrouped: {"~", cyan},
}

func (p *printer) workspace(w *Workspace) {
	mark := marks[w.Status]
	p.line(mark.color, "  %s %s  %s", mark.mark, w.Slug, strings.Join(w.facts(), "; "))
}

// facts says in short what happened to a workspace.
func (w *Workspace) facts() []string {
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	switch w.Status {
	case Added:
		add("version %s; group %s; %s", named(w.Version.New), strings.Join(w.Groups.New, ", "), w.Size.New)
		return append(facts, w.needs()...)
	case Removed:
		add("version %s; group %s; %s", named(w.Version.Old), strings.Join(w.Groups.Old, ", "), w.Size.Old)
		return facts
	}
	if w.RenamedFrom != "" {
		add("renamed from %s", w.RenamedFrom)
	}
	if w.Version.Old != w.Version.New {
		add("version %s → %s", named(w.Version.Old), named(w.Version.New))
	} else {
		add("version %s", named(w.Version.New))
	}
	if before, after := strings.Join(w.Groups.Old, ", "), strings.Join(w.Groups.New, ", "); before != after {
		add("group %s → %s", before, after)
	}
	for _, f := range w.Fields {
		add("%s %s → %s", f.Name, named(f.Old), named(f.New))
	}
	for _, app := range w.DependsOn.New {
		add("now depends on %s", app)
	}
	for _, app := range w.DependsOn.Old {
		add("no longer depends on %s", app)
	}
	facts = append(facts, w.needs()...)
	if len(w.Files) > 0 {
		add("%s", w.fileCount())
	}
	return facts
}

// needs tells of the values that the target platform must have.
func (w *Workspace) needs() []string {
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
	added, removed := 0, 0
	for _, f := range w.Files {
		added, removed = added+f.Added, removed+f.Removed
	}
	return fmt.Sprintf("%s (+%d −%d lines)", terminal.Plural(len(w.Files), "file"), added, removed)
}

// String is such as 3 files, 2.1kB.
func (s Size) String() string {
	return terminal.Plural(s.Files, "file") + ", " + units.HumanSize(float64(s.Bytes))
}

// named shows that there is no name.
func named(s string) string { return cmp.Or(s, "(none)") }

func (p *printer) groups(groups []Group) {
	if len(groups) == 0 {
		return
	}
	p.line("", "\ngroups")
	for _, g := range groups {
		mark := marks[g.Status]
		p.line(mark.color, "  %s %s  %s", mark.mark, g.Name, strings.Join(g.facts(), "; "))
	}
}

// maxNames bounds how many names stand in one line.
const maxNames = 20

func names(list []string) string {
	if len(list) > maxNames {
		return strings.Join(list[:maxNames], ", ") + fmt.Sprintf(" and %d more", len(list)-maxNames)
	}
	return cmp.Or(strings.Join(list, ", "), "(none)")
}

func (g *Group) facts() []string {
	var facts []string
	if g.Position.Old != g.Position.New && g.Status == Changed {
		facts = append(facts, fmt.Sprintf("is imported as number %d instead of %d", g.Position.New, g.Position.Old))
	}
	if before, after := names(g.Labels.Old), names(g.Labels.New); before != after {
		facts = append(facts, fmt.Sprintf("labels %s → %s", before, after))
	}
	if len(g.Order.New) > 0 {
		facts = append(facts, fmt.Sprintf("import order %s → %s", names(g.Order.Old), names(g.Order.New)))
	}
	return append(facts, g.place()...)
}

// place says where a group that came or went stands.
func (g *Group) place() []string {
	switch g.Status {
	case Added:
		return []string{fmt.Sprintf("number %d of the import", g.Position.New)}
	case Removed:
		return []string{fmt.Sprintf("was number %d of the import", g.Position.Old)}
	}
	return nil
}

func (p *printer) settings(r *Report) {
	if len(r.Settings)+len(r.Accepted.Old)+len(r.Accepted.New) > 0 {
		p.line("", "\nimage")
	}
	for _, s := range r.Settings {
		p.line("", "    %s", s.title())
		for _, side := range []struct {
			value       *string
			mark, color string
		}{{s.Old, "-", red}, {s.New, "+", green}} {
			if side.value != nil && *side.value != "" {
				p.line(side.color, "      %s %s", side.mark, *side.value)
			}
		}
	}
	for _, fingerprint := range r.Accepted.Old {
		p.line(red, "  - accepted finding %s", fingerprint)
	}
	for _, fingerprint := range r.Accepted.New {
		p.line(green, "  + accepted finding %s", fingerprint)
	}
}

// title is such as "variable NODE_ENV (linux/amd64): changed".
func (s Setting) title() string {
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

func (p *printer) files(w *Workspace) {
	for _, f := range w.Files {
		mark := marks[f.Status]
		p.line("", "")
		p.line(mark.color, "%s %s", mark.mark, w.Slug+"/"+f.Path)
		if f.Note != "" {
			p.line("", "  %s (%s)", f.Note, f.size())
		}
		for _, h := range f.Hunks {
			p.line(cyan, "%s", h.title())
			for _, line := range h.Lines {
				p.line(lineColor(line), "%s", line)
			}
		}
		if f.Cut > 0 {
			p.line("", "  … %s of this file not shown", terminal.Plural(f.Cut, "line"))
		}
	}
}

func (h Hunk) title() string { return strings.TrimSpace(h.Header + " " + h.Where) }

// size is such as "12B → 14B".
func (f *File) size() string {
	before, after := units.HumanSize(float64(f.Bytes.Old)), units.HumanSize(float64(f.Bytes.New))
	switch f.Status {
	case Added:
		return after
	case Removed:
		return before
	default:
		return before + " → " + after
	}
}

func lineColor(line string) string {
	switch line[0] {
	case '+':
		return green
	case '-':
		return red
	}
	return ""
}

// String says what was left out; nothing if that is nothing.
func (c Cut) String() string {
	if c.Lines == 0 {
		return ""
	}
	text := terminal.Plural(c.Lines, "line") + " not shown because of --max-lines"
	if c.Files > 0 {
		text += "; of " + terminal.Plural(c.Files, "file") + " nothing is shown"
	}
	return text
}
