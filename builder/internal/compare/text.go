// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// WriteJSON writes the report as a document of package document.
func (r *Report) WriteJSON(w io.Writer) error { return document.Write(w, r) }

// WriteText writes the report for a terminal: the most important changes first, then every file.
func (r *Report) WriteText(w io.Writer, color bool) error {
	p := &printer{Writer: bufio.NewWriter(w), color: color}
	p.writeLine("", "old  %s", r.Old.describeSide())
	p.writeLine("", "new  %s", r.New.describeSide())
	if text := r.Cut.String(); text != "" {
		p.writeLine(yellow, "\nNot everything is shown: %s", text)
	}
	if len(r.Warnings) > 0 {
		p.writeLine("", "")
	}
	for _, warning := range r.GroupedWarnings() {
		p.writeLine(yellow, "warning: %s", warning.String())
	}
	p.writeLine("", "\n%s", r.summarize())
	if text := r.summarizeChanges(); text != "" {
		p.writeLine("", "changes: %s", text)
	}
	for i := range r.Workspaces {
		if !r.Workspaces[i].OnlyVersion {
			p.writeWorkspace(&r.Workspaces[i])
		}
	}
	if text := r.OnlyVersion.String(); text != "" {
		p.writeLine(cyan, "  ~ %s", text)
	}
	p.writeGroups(r.Groups)
	p.writeSettings(r)
	for i := range r.Workspaces {
		if !r.Workspaces[i].OnlyVersion {
			p.writeFiles(&r.Workspaces[i])
		}
	}
	return p.Flush()
}

// The terminal colours of git diff.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[m"
)

// printer writes lines. The first error is returned by Flush.
type printer struct {
	*bufio.Writer
	color bool
}

// writeLine writes a formatted line. It makes control characters visible.
func (p *printer) writeLine(color, format string, args ...any) {
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

// String includes the workspace, if there is one.
func (w Warning) String() string {
	if w.Workspace == "" {
		return w.Message
	}
	return w.Workspace + ": " + w.Message
}

var statusMarks = map[Status]struct{ mark, color string }{
	Added: {"+", green}, Removed: {"-", red}, Changed: {"~", cyan}, Regrouped: {"~", cyan},
}

func (p *printer) writeWorkspace(w *Workspace) {
	mark := statusMarks[w.Status]
	p.writeLine(mark.color, "  %s %s  %s; %s", mark.mark, w.Slug, strings.Join(w.describeChanges(), "; "),
		joinClasses(w.Classes))
	for _, reason := range w.importantReasons() {
		p.writeLine(yellow, "      %s", reason)
	}
}

func (p *printer) writeGroups(groups []Group) {
	if len(groups) == 0 {
		return
	}
	p.writeLine("", "\ngroups")
	for _, g := range groups {
		mark := statusMarks[g.Status]
		p.writeLine(mark.color, "  %s %s  %s; %s", mark.mark, g.Name,
			strings.Join(g.describeChanges(), "; "), string(g.Class))
	}
}

func (p *printer) writeSettings(r *Report) {
	if len(r.Settings)+len(r.Accepted.Old)+len(r.Accepted.New) > 0 {
		p.writeLine("", "\nimage")
	}
	for _, s := range r.Settings {
		p.writeLine("", "    %s; %s", s.formatTitle(), string(s.Class))
		for _, side := range []struct {
			value       *string
			mark, color string
		}{{s.Old, "-", red}, {s.New, "+", green}} {
			if side.value != nil && *side.value != "" {
				p.writeLine(side.color, "      %s %s", side.mark, *side.value)
			}
		}
	}
	for _, fingerprint := range r.Accepted.Old {
		p.writeLine(red, "  - accepted finding %s", fingerprint)
	}
	for _, fingerprint := range r.Accepted.New {
		p.writeLine(green, "  + accepted finding %s", fingerprint)
	}
}

func (p *printer) writeFiles(w *Workspace) {
	for _, f := range w.Files {
		mark := statusMarks[f.Status]
		p.writeLine("", "")
		p.writeLine(mark.color, "%s %s  %s", mark.mark, w.Slug+"/"+f.Path, joinClasses(f.Classes))
		if f.Note != "" {
			p.writeLine("", "  %s (%s)", f.Note, f.describeSize())
		}
		for _, h := range f.Hunks {
			p.writeLine(cyan, "%s", h.formatTitle())
			for _, line := range h.Lines {
				p.writeLine(lineColor(line), "%s", line)
			}
		}
		if f.Cut > 0 {
			p.writeLine("", "  … %s of this file not shown", terminal.Plural(f.Cut, "line"))
		}
	}
}

func (h Hunk) formatTitle() string { return strings.TrimSpace(h.Header + " " + h.Where) }

func lineColor(line string) string {
	switch line[0] {
	case '+':
		return green
	case '-':
		return red
	}
	return ""
}
