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
// bytes. What is most important comes first, and each file that differs is named before the
// content of any is shown. What does not fit is counted at the top; complete reports that
// everything fits.
//
// What comes from the releases stands in code, where it neither is markup nor mentions
// anybody.
func (r *Report) WriteMarkdown(w io.Writer, limit int) (complete bool, err error) {
	top := marker + "### " + r.heading() + "\n\n"
	m := &markdown{limit: limit - reserved - len(top), missing: map[string]int{}}
	sides := []any{cell(r.Old.describe()), cell(r.New.describe())}
	m.add("section", fmt.Sprintf("| | |\n|---|---|\n| old | %s |\n| new | %s |\n", sides...))
	if len(r.Warnings) > 0 {
		m.add("section", "\n> [!WARNING]\n")
	}
	for _, warning := range r.GroupedWarnings() {
		m.add("warning", "> - "+warning.markdown()+"\n")
	}
	entries, room := r.fileEntries()
	// The names of the files come before all else, unless there are too many.
	room = min(room, m.limit/2)
	m.limit -= room
	m.rows(r)
	m.list("To be decided", reasonItems(r))
	m.list("Groups", groupItems(r.Groups))
	m.list("Image", settingItems(r))
	m.limit += room
	m.files(entries)
	cut := r.Cut.String()
	if text := m.omitted(); text != "" {
		cut = strings.TrimPrefix(cut+"; no room for "+text, "; ") + ": see the text or JSON format"
	}
	if cut != "" {
		top += "> [!CAUTION]\n> Not everything is shown: " + cut + ".\n\n"
	}
	_, err = io.WriteString(w, top+m.out.String())
	return cut == "", err
}

// reserved is the room for the sentence that says what is missing, in bytes.
const reserved = 400

// markdown is a text of bounded size that is made of blocks.
type markdown struct {
	out   strings.Builder
	limit int
	// kinds are those of the blocks that did not fit, missing counts them.
	kinds   []string
	missing map[string]int
	// shortened counts files that are named, and whose content did not fit.
	shortened int
}

// add adds a block, and reports whether there was room for it.
func (m *markdown) add(kind, block string) bool {
	if m.out.Len()+len(block) <= m.limit {
		m.out.WriteString(block)
		return true
	}
	if m.missing[kind] == 0 {
		m.kinds = append(m.kinds, kind)
	}
	m.missing[kind]++
	return false
}

// omitted says what did not fit.
func (m *markdown) omitted() string {
	var parts []string
	for _, kind := range m.kinds {
		parts = append(parts, terminal.Plural(m.missing[kind], kind))
	}
	if m.shortened > 0 {
		parts = append(parts, "the content of "+terminal.Plural(m.shortened, "file"))
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

// rows is a table of the workspaces, with those that only get a new version name as one row.
func (m *markdown) rows(r *Report) {
	if len(r.Workspaces) > 0 {
		m.add("section", "\n| | workspace | changes | |\n|---|---|---|---|\n")
	}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		if !w.OnlyVersion {
			facts := cell(strings.Join(w.facts(), "; "))
			m.add("workspace", fmt.Sprintf("| %s | %s | %s | %s |\n", w.Status, cell(w.Slug), joinClasses(w.Classes),
				facts))
		}
	}
	if text := r.OnlyVersion.String(); text != "" {
		m.add("workspace", fmt.Sprintf("| %s | | %s | %s |\n", Changed, Metadata, cell(text)))
	}
}

// fileEntry is a file in one line, and with its content.
type fileEntry struct{ name, details string }

// fileEntries returns the files that differ, and the room that their names take.
func (r *Report) fileEntries() (entries []fileEntry, room int) {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		for j := range w.Files {
			if f := &w.Files[j]; !w.OnlyVersion {
				entries = append(entries, fileEntry{f.named(w.Slug), f.details(w.Slug)})
				room += len(entries[len(entries)-1].name)
			}
		}
	}
	return entries, room
}

// files names each file that differs, and shows as many as there is room for.
func (m *markdown) files(entries []fileEntry) {
	room := 0
	for _, e := range entries {
		room += len(e.name)
	}
	for _, e := range entries {
		room -= len(e.name)
		if m.out.Len()+len(e.details)+room <= m.limit {
			m.out.WriteString(e.details)
			continue
		}
		if m.add("file", e.name) && e.name != e.details {
			m.shortened++
		}
	}
}

// reasonItems are the reasons that an approver should read.
func reasonItems(r *Report) []string {
	var items []string
	for i := range r.Workspaces {
		for _, reason := range r.Workspaces[i].important() {
			items = append(items, code(r.Workspaces[i].Slug)+" "+code(reason))
		}
	}
	return items
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
		items = append(items, fmt.Sprintf("%s %s: %s (%s)", g.Status, code(g.Name), code(strings.Join(g.facts(), "; ")),
			g.Class))
	}
	return items
}

func settingItems(r *Report) []string {
	var items []string
	for _, s := range r.Settings {
		item := code(s.title()) + " (" + string(s.Class) + ")"
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

// named is a file in one line.
func (f *File) named(slug string) string {
	return fmt.Sprintf("\n%s %s: %s; %s\n", f.Status, code(slug+"/"+f.Path), f.reason(), joinClasses(f.Classes))
}

// details is a file, folded.
func (f *File) details(slug string) string {
	if len(f.Hunks) == 0 {
		return f.named(slug)
	}
	title := fmt.Sprintf("%s <code>%s</code> (+%d −%d) %s", f.Status,
		html.EscapeString(terminal.Visible(slug+"/"+f.Path)),
		f.Added, f.Removed, joinClasses(f.Classes))
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
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%s%sdiff\n%s%s\n\n</details>\n", title, note, mark,
		body.String(), mark)
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
