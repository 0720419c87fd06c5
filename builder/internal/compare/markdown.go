// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// FitsComment is a size in bytes of Markdown that fits a comment on both GitHub (65,536 characters)
// and GitLab (1,000,000).
const FitsComment = 60_000

// marker lets a pipeline find the comment again, to replace it.
const marker = "<!-- builder diff -->\n"

// WriteMarkdown writes the report as a comment on a merge request, of at most limit bytes. The most
// important changes come first, and all changed files are named before any content is shown. The
// top counts what does not fit; complete reports whether everything fits.
//
// Text from the releases is formatted as code, so it cannot contain markup or mention users.
func (r *Report) WriteMarkdown(w io.Writer, limit int) (complete bool, err error) {
	top := marker + "### " + r.formatHeading() + "\n\n"
	m := &markdown{limit: limit - reserved - len(top), missing: map[string]int{}}
	sides := []any{formatCell(r.Old.describeSide()), formatCell(r.New.describeSide())}
	m.addBlock("section", fmt.Sprintf("| | |\n|---|---|\n| old | %s |\n| new | %s |\n", sides...))
	if len(r.Warnings) > 0 {
		m.addBlock("section", "\n> [!WARNING]\n")
	}
	for _, warning := range r.GroupedWarnings() {
		m.addBlock("warning", "> - "+warning.formatMarkdown()+"\n")
	}
	entries, room := r.fileEntries()
	// File names have priority, unless there are too many.
	room = min(room, m.limit/2)
	m.limit -= room
	m.addRows(r)
	m.addList("To be decided", reasonItems(r))
	m.addList("Groups", groupItems(r.Groups))
	m.addList("Image", settingItems(r))
	m.limit += room
	m.addFiles(entries)
	cut := r.Cut.String()
	if text := m.describeOmitted(); text != "" {
		cut = strings.TrimPrefix(cut+"; no room for "+text, "; ") + ": see the text or JSON format"
	}
	if cut != "" {
		top += "> [!CAUTION]\n> Not everything is shown: " + cut + ".\n\n"
	}
	_, err = io.WriteString(w, top+m.out.String())
	return cut == "", err
}

// reserved is the space in bytes for the sentence about omissions.
const reserved = 400

// markdown is a text of bounded size, built from blocks.
type markdown struct {
	out   strings.Builder
	limit int
	// kinds are the kinds of blocks that did not fit.
	kinds []string
	// missing counts them.
	missing map[string]int
	// shortened counts files that are named but whose content did not fit.
	shortened int
}

// addBlock appends a block if it fits, and reports whether it did.
func (m *markdown) addBlock(kind, block string) bool {
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

// describeOmitted describes what did not fit.
func (m *markdown) describeOmitted() string {
	var parts []string
	for _, kind := range m.kinds {
		parts = append(parts, terminal.Plural(m.missing[kind], kind))
	}
	if m.shortened > 0 {
		parts = append(parts, "the content of "+terminal.Plural(m.shortened, "file"))
	}
	return strings.Join(parts, ", ")
}

func (r *Report) formatHeading() string {
	if len(r.Warnings) > 0 {
		return fmt.Sprintf("Release: %s, %s", r.summarize(), terminal.Plural(len(r.Warnings), "warning"))
	}
	return "Release: " + r.summarize()
}

func (w Warning) formatMarkdown() string {
	if w.Workspace == "" {
		return w.Message
	}
	return formatCode(w.Workspace) + ": " + w.Message
}

// addRows adds a table of the workspaces. Those with only a new version name share one row.
func (m *markdown) addRows(r *Report) {
	if len(r.Workspaces) > 0 {
		m.addBlock("section", "\n| | workspace | changes | |\n|---|---|---|---|\n")
	}
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		if !w.OnlyVersion {
			facts := formatCell(strings.Join(w.describeChanges(), "; "))
			m.addBlock("workspace", fmt.Sprintf("| %s | %s | %s | %s |\n", w.Status, formatCell(w.Slug),
				joinClasses(w.Classes),
				facts))
		}
	}
	if text := r.OnlyVersion.String(); text != "" {
		m.addBlock("workspace", fmt.Sprintf("| %s | | %s | %s |\n", Changed, Metadata, formatCell(text)))
	}
}

// fileEntry is a file as one line and with its content.
type fileEntry struct{ name, details string }

// fileEntries returns the changed files, and the space that their names need.
func (r *Report) fileEntries() (entries []fileEntry, room int) {
	for i := range r.Workspaces {
		w := &r.Workspaces[i]
		for j := range w.Files {
			if f := &w.Files[j]; !w.OnlyVersion {
				entries = append(entries, fileEntry{f.titleLine(w.Slug), f.formatDetails(w.Slug)})
				room += len(entries[len(entries)-1].name)
			}
		}
	}
	return entries, room
}

// addFiles names all changed files, and shows the content of as many as fit.
func (m *markdown) addFiles(entries []fileEntry) {
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
		if m.addBlock("file", e.name) && e.name != e.details {
			m.shortened++
		}
	}
}

// reasonItems returns the reasons that an approver should read.
func reasonItems(r *Report) []string {
	var items []string
	for i := range r.Workspaces {
		for _, reason := range r.Workspaces[i].importantReasons() {
			items = append(items, formatCode(r.Workspaces[i].Slug)+" "+formatCode(reason))
		}
	}
	return items
}

// addList adds a heading and a list.
func (m *markdown) addList(heading string, items []string) {
	if len(items) > 0 {
		m.addBlock("section", "\n#### "+heading+"\n\n")
	}
	for _, item := range items {
		m.addBlock("item", "- "+item+"\n")
	}
}

func groupItems(groups []Group) []string {
	var items []string
	for _, g := range groups {
		items = append(items, fmt.Sprintf("%s %s: %s (%s)", g.Status, formatCode(g.Name),
			formatCode(strings.Join(g.describeChanges(), "; ")),
			g.Class))
	}
	return items
}

func settingItems(r *Report) []string {
	var items []string
	for _, s := range r.Settings {
		item := formatCode(s.formatTitle()) + " (" + string(s.Class) + ")"
		for _, side := range []struct {
			mark  string
			value *string
		}{{"old", s.Old}, {"new", s.New}} {
			if side.value != nil && *side.value != "" {
				item += ", " + side.mark + " " + formatCode(*side.value)
			}
		}
		items = append(items, item)
	}
	for _, fingerprint := range r.Accepted.Old {
		items = append(items, "finding no longer accepted: "+formatCode(fingerprint))
	}
	for _, fingerprint := range r.Accepted.New {
		items = append(items, "finding now accepted: "+formatCode(fingerprint))
	}
	return items
}

// titleLine returns a file as one line.
func (f *File) titleLine(slug string) string {
	return fmt.Sprintf("\n%s %s: %s; %s\n", f.Status, formatCode(slug+"/"+f.Path), f.describeOmission(),
		joinClasses(f.Classes))
}

// formatDetails returns a file as a collapsible section.
func (f *File) formatDetails(slug string) string {
	if len(f.Hunks) == 0 {
		return f.titleLine(slug)
	}
	title := fmt.Sprintf("%s <code>%s</code> (+%d −%d) %s", f.Status,
		html.EscapeString(terminal.Visible(slug+"/"+f.Path)),
		f.Added, f.Removed, joinClasses(f.Classes))
	var body strings.Builder
	for _, h := range f.Hunks {
		fmt.Fprintln(&body, terminal.Visible(h.formatTitle()))
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
	mark := fenceFor(body.String(), 3)
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%s%sdiff\n%s%s\n\n</details>\n", title, note, mark,
		body.String(), mark)
}

// describeOmission returns why no content is shown.
func (f *File) describeOmission() string {
	switch {
	case f.Note != "":
		return f.Note + ", " + f.describeSize()
	case f.Cut > 0:
		return terminal.Plural(f.Cut, "line") + " not shown"
	default:
		return f.describeSize()
	}
}

// fenceFor returns a run of at least least backticks that does not occur in the text.
func fenceFor(text string, least int) string {
	mark := strings.Repeat("`", least)
	for strings.Contains(text, mark) {
		mark += "`"
	}
	return mark
}

// formatCode returns a text as an inline code span.
func formatCode(text string) string {
	text = strings.ReplaceAll(terminal.Visible(text), "\t", `\t`)
	if text == "" {
		return ""
	}
	mark := fenceFor(text, 1)
	return mark + " " + text + " " + mark
}

// formatCell returns inline code for a table cell, with bars escaped.
func formatCell(text string) string { return formatCode(strings.ReplaceAll(text, "|", `\u007c`)) }
