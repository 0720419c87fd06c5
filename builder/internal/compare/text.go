// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

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
	if text := r.Cut.String(); text != "" {
		p.line(yellow, "\nNot everything is shown: %s", text)
	}
	if len(r.Warnings) > 0 {
		p.line("", "")
	}
	for _, warning := range r.GroupedWarnings() {
		p.line(yellow, "warning: %s", warning.String())
	}
	p.line("", "\n%s", r.summary())
	if text := r.changes(); text != "" {
		p.line("", "changes: %s", text)
	}
	for i := range r.Workspaces {
		if !r.Workspaces[i].OnlyVersion {
			p.workspace(&r.Workspaces[i])
		}
	}
	if text := r.OnlyVersion.String(); text != "" {
		p.line(cyan, "  ~ %s", text)
	}
	p.groups(r.Groups)
	p.settings(r)
	for i := range r.Workspaces {
		if !r.Workspaces[i].OnlyVersion {
			p.files(&r.Workspaces[i])
		}
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

var marks = map[Status]struct{ mark, color string }{
	Added: {"+", green}, Removed: {"-", red}, Changed: {"~", cyan}, Regrouped: {"~", cyan},
}

func (p *printer) workspace(w *Workspace) {
	mark := marks[w.Status]
	p.line(mark.color, "  %s %s  %s; %s", mark.mark, w.Slug, strings.Join(w.facts(), "; "), joinClasses(w.Classes))
	for _, reason := range w.important() {
		p.line(yellow, "      %s", reason)
	}
}

func (p *printer) groups(groups []Group) {
	if len(groups) == 0 {
		return
	}
	p.line("", "\ngroups")
	for _, g := range groups {
		mark := marks[g.Status]
		p.line(mark.color, "  %s %s  %s; %s", mark.mark, g.Name, strings.Join(g.facts(), "; "), string(g.Class))
	}
}

func (p *printer) settings(r *Report) {
	if len(r.Settings)+len(r.Accepted.Old)+len(r.Accepted.New) > 0 {
		p.line("", "\nimage")
	}
	for _, s := range r.Settings {
		p.line("", "    %s; %s", s.title(), string(s.Class))
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

func (p *printer) files(w *Workspace) {
	for _, f := range w.Files {
		mark := marks[f.Status]
		p.line("", "")
		p.line(mark.color, "%s %s  %s", mark.mark, w.Slug+"/"+f.Path, joinClasses(f.Classes))
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

func lineColor(line string) string {
	switch line[0] {
	case '+':
		return green
	case '-':
		return red
	}
	return ""
}
