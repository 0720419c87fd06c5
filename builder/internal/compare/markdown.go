// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// FitsComment is a size in bytes of Markdown that GitHub (65,536 characters) and GitLab
// (1,000,000) both take for a comment.
const FitsComment = 60_000

// marker finds the comment again, so that a pipeline can replace it.
const marker = "<!-- builder diff -->\n"

// WriteMarkdown writes the report for a comment on a merge request, of at most limit
// bytes. What is most important comes first; what does not fit is counted.
//
// What comes from the releases stands in code, where it neither is markup nor mentions
// anybody.
func (r *Report) WriteMarkdown(w io.Writer, limit int) error {
	m := &markdown{limit: limit - reserved, missing: map[string]int{}}
	m.add("section", marker+"### "+r.heading()+"\n\n"+fmt.Sprintf("| | |\n|---|---|\n| old | %s |\n| new | %s |\n", cell(r.Old.describe()), cell(r.New.describe())))
	if len(r.Warnings) > 0 {
		m.add("section", "\n> [!WARNING]\n")
	}
	for _, warning := range r.Warnings {
		m.add("warning", "> - "+warning.markdown()+"\n")
	}
	m.rows(r)
	m.list("Groups", groupItems(r.Groups))
	m.list("Image", settingItems(r))
	for i := range r.Workspaces {
		for j := range r.Workspaces[i].Files {
			m.add("file", r.Workspaces[i].Files[j].details(r.Workspaces[i].Slug))
		}
	}
	if text := r.Cut.String(); text != "" {
		m.add("section", "\n"+text+".\n")
	}
	if text := m.omitted(); text != "" {
		m.out.WriteString("\nThere is no room here for " + text + ": see the text or JSON format.\n")
	}
	_, err := io.WriteString(w, m.out.String())
	return err
}

// reserved is the room for the sentence that says what is missing, in bytes.
const reserved = 200

// markdown is a text of bounded size that is made of blocks.
type markdown struct {
	out   strings.Builder
	limit int
	// kinds are those of the blocks that did not fit, missing counts them.
	kinds   []string
	missing map[string]int
}

// add adds a block, unless there is no room for it.
func (m *markdown) add(kind, block string) {
	if m.out.Len()+len(block) <= m.limit {
		m.out.WriteString(block)
		return
	}
	if m.missing[kind] == 0 {
		m.kinds = append(m.kinds, kind)
	}
	m.missing[kind]++
}

// omitted says what did not fit.
func (m *markdown) omitted() string {
	var parts []string
	for _, kind := range m.kinds {
		parts = append(parts, terminal.Plural(m.missing[kind], kind))
	}
	return strings.Join(parts, ", ")
}

func (r *Report) heading() string {
	if len(r.Warnings) > 0 {
		return fmt.Sprintf("Release: %s, %s", r.summary(), terminal.Plural(len(r.Warnings), "warning"))
	}
	return "Release: " + r.summary()
}

func (w Warning) markdown() string {
	if w.Workspace == "" {
		return w.Message
	}
	return code(w.Workspace) + ": " + w.Message
}

// rows is a table of the workspaces.
func (m *markdown) rows(r *Report) {
	if len(r.Workspaces) > 0 {
		m.add("section", "\n| | workspace | |\n|---|---|---|\n")
	}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		m.add("workspace", fmt.Sprintf("| %s | %s | %s |\n", w.Status, cell(w.Slug), cell(strings.Join(w.facts(), "; "))))
	}
}

// list is a heading and a list below it.
func (m *markdown) list(heading string, items []string) {
	if len(items) > 0 {
		m.add("section", "\n#### "+heading+"\n\n")
	}
	for _, item := range items {
		m.add("item", "- "+item+"\n")
	}
}

func groupItems(groups []Group) []string {
	var items []string
	for _, g := range groups {
		items = append(items, fmt.Sprintf("%s %s: %s", g.Status, code(g.Name), code(strings.Join(g.facts(), "; "))))
	}
	return items
}

func settingItems(r *Report) []string {
	var items []string
	for _, s := range r.Settings {
		item := code(s.title())
		for _, side := range []struct {
			mark  string
			value *string
		}{{"old", s.Old}, {"new", s.New}} {
			if side.value != nil && *side.value != "" {
				item += ", " + side.mark + " " + code(*side.value)
			}
		}
		items = append(items, item)
	}
	for _, fingerprint := range r.Accepted.Old {
		items = append(items, "finding no longer accepted: "+code(fingerprint))
	}
	for _, fingerprint := range r.Accepted.New {
		items = append(items, "finding now accepted: "+code(fingerprint))
	}
	return items
}

// details is a file, folded.
func (f *File) details(slug string) string {
	if len(f.Hunks) == 0 {
		return fmt.Sprintf("\n%s %s: %s\n", f.Status, code(slug+"/"+f.Path), f.reason())
	}
	title := fmt.Sprintf("%s <code>%s</code> (+%d −%d)", f.Status, html.EscapeString(terminal.Visible(slug+"/"+f.Path)), f.Added, f.Removed)
	var body strings.Builder
	for _, h := range f.Hunks {
		fmt.Fprintln(&body, terminal.Visible(h.title()))
		for _, line := range h.Lines {
			fmt.Fprintln(&body, terminal.Visible(line))
		}
	}
	note := ""
	if f.Note != "" {
		note = f.Note + ".\n\n"
	}
	if f.Cut > 0 {
		note += terminal.Plural(f.Cut, "line") + " of this file not shown.\n\n"
	}
	mark := fence(body.String(), 3)
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%s%sdiff\n%s%s\n\n</details>\n", title, note, mark, body.String(), mark)
}

// reason says why there is nothing to show.
func (f *File) reason() string {
	switch {
	case f.Note != "":
		return f.Note + ", " + f.size()
	case f.Cut > 0:
		return terminal.Plural(f.Cut, "line") + " not shown"
	default:
		return f.size()
	}
}

// fence returns backticks that do not stand in a text, at least so many.
func fence(text string, least int) string {
	mark := strings.Repeat("`", least)
	for strings.Contains(text, mark) {
		mark += "`"
	}
	return mark
}

// code is a text as a span of code, in one line.
func code(text string) string {
	text = strings.ReplaceAll(terminal.Visible(text), "\t", `\t`)
	if text == "" {
		return ""
	}
	mark := fence(text, 1)
	return mark + " " + text + " " + mark
}

// cell is code in a table, whose bars would end it.
func cell(text string) string { return code(strings.ReplaceAll(text, "|", `\u007c`)) }
