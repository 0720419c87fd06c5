// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dossier writes a page about a change of release, for a change ticket: one HTML file
// that needs no script and no other resource, and that can be printed.
//
// All texts of the releases go through the redactor of the comparison; html/template escapes
// them. The page leaves out workspaces that only get a new version name, and counts them.
package dossier

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan"
)

// Dossier is what the page shows.
type Dossier struct {
	// Ticket and Author say which change this is and who asks for it; they may be empty.
	Ticket, Author string
	// Created is the time that the page states.
	Created time.Time
	// Report compares the releases; it is required.
	Report *compare.Report
	// Older and Newer are their manifests; those of a source have no scan.
	Older, Newer *release.Manifest
	// Verified is the outcome of the verification of the new image; nil if it was not verified,
	// and NotVerified says why.
	Verified    *verify.Report
	NotVerified string
	// Acceptances are the entries of the baseline, for who accepted which finding.
	Acceptances []scan.Acceptance
	// Hide hides secrets in a text.
	Hide func(string) string
}

//go:embed dossier.html.tmpl
var page string

// Write writes the page.
func (d *Dossier) Write(w io.Writer) error {
	tmpl, err := template.New("dossier").Funcs(template.FuncMap{
		"count": terminal.Plural,
		"join":  func(list []string) string { return strings.Join(list, ", ") },
		"kind":  lineKind,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	var out strings.Builder
	if err := tmpl.Execute(&out, d.view()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = io.WriteString(w, visible(out.String()))
	return err
}

// visible writes characters that are not to be seen, or that change how others are, as escapes.
func visible(page string) string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		lines[i] = terminal.Visible(line)
	}
	return strings.Join(lines, "\n")
}

// view is the dossier as the page needs it.
type view struct {
	*Dossier
	Tool       string
	Risks      []risk
	Real       []compare.Workspace
	Silent     []silent
	Permission []item
	Outgoing   []item
	Picture    template.HTML
	Accepted   []accepted
	Values     []requirements.Requirement
	Known      int
	Rollback   string
	NotUndone  []string
}

// risk is a line of the summary: how many of what.
type risk struct {
	Level, Text string
}

// item is a reason and the workspace that it is about.
type item struct {
	Workspace string
	compare.Reason
}

// silent is a file that differs, and of which there is nothing to show.
type silent struct {
	Workspace string
	compare.File
}

type accepted struct {
	scan.Acceptance
	New bool
}

func (d *Dossier) view() view {
	v := view{
		Dossier: d, Tool: "builder " + version.Get().Version, Picture: d.picture(),
		Rollback: d.rollback(), NotUndone: d.notUndone(),
	}
	for _, w := range d.Report.Workspaces {
		if !w.OnlyVersion {
			v.Real = append(v.Real, w)
		}
		for _, f := range w.Files {
			if !w.OnlyVersion && len(f.Hunks) == 0 && f.Cut == 0 {
				v.Silent = append(v.Silent, silent{w.Slug, f})
			}
		}
		for _, r := range w.Reasons {
			switch r.Class {
			case compare.Permission, compare.Breaking:
				v.Permission = append(v.Permission, item{w.Slug, r})
			case compare.Outgoing:
				v.Outgoing = append(v.Outgoing, item{w.Slug, r})
			}
		}
	}
	v.Risks = d.risks()
	v.Accepted = d.accepted()
	v.Values, v.Known = d.values()
	return v
}

// risks sums up what an approver should know, the worst first.
func (d *Dossier) risks() []risk {
	r := d.Report
	var list []risk
	add := func(level string, n int, text string) {
		if n > 0 {
			list = append(list, risk{level, fmt.Sprintf(text, terminal.Plural(n, "workspace"))})
		}
	}
	add("high", r.Changes[compare.Breaking], "%s: something that other workspaces use is removed or requires more")
	add("high", r.Changes[compare.Permission], "%s: permissions or public endpoints change")
	add("high", r.Changes[compare.Outgoing], "%s: requests go to a new host")
	if n := len(r.Accepted.New); n > 0 {
		list = append(list, risk{"high", terminal.Plural(n, "finding") + " of the secret scan newly accepted"})
	}
	add("medium", r.Changes[compare.Behaviour], "%s: behaviour changes")
	if n := d.newValues(); n > 0 {
		list = append(list, risk{"medium", terminal.Plural(n, "value") + " to set on the platform first"})
	}
	for _, w := range r.GroupedWarnings() {
		list = append(list, risk{"medium", w.String()})
	}
	add("low", r.Changes[compare.Wording], "%s: names, descriptions or documents change")
	add("low", r.OnlyVersion.Count, "%s: only the version name is new")
	add("low", r.Unchanged, "%s: unchanged")
	return list
}

func (d *Dossier) newValues() int {
	n := 0
	for _, w := range d.Report.Workspaces {
		n += len(w.Secrets.New) + len(w.Config.New)
	}
	return n
}

// accepted lists the accepted findings of the new release, with who accepted them.
func (d *Dossier) accepted() []accepted {
	known := map[string]scan.Acceptance{}
	for _, a := range d.Acceptances {
		known[a.Fingerprint] = a
	}
	var list []accepted
	for _, fingerprint := range d.Newer.Scan.Accepted {
		a := accepted{
			scan.Acceptance{Fingerprint: d.Hide(fingerprint)},
			slices.Contains(d.Report.Accepted.New, fingerprint),
		}
		entry := known[fingerprint]
		a.Rule = d.Hide(entry.Rule)
		a.Where = d.Hide(entry.Where)
		a.Owner = d.Hide(entry.Owner)
		a.Reason = d.Hide(entry.Reason)
		a.Expires = d.Hide(entry.Expires)
		list = append(list, a)
	}
	return list
}

// values lists the values that the release needs and did not before, and counts the others.
func (d *Dossier) values() (list []requirements.Requirement, known int) {
	before := map[requirements.Requirement]bool{}
	for _, r := range requirements.Of(d.Older.Workspaces) {
		before[r] = true
	}
	for _, r := range requirements.Of(d.Newer.Workspaces) {
		if before[r] {
			known++
			continue
		}
		r.Workspace = d.Hide(r.Workspace)
		r.Name = d.Hide(r.Name)
		r.Variable = d.Hide(r.Variable)
		list = append(list, r)
	}
	return list, known
}

// rollback is what to run to have the old release again.
func (d *Dossier) rollback() string {
	if d.Report.Old.Digest == "" {
		return ""
	}
	name, _, _ := strings.Cut(d.Report.Old.Name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return "kubectl set image deployment/prismeai-workspaces workspaces=" + name + "@" + d.Report.Old.Digest.String()
}

// notUndone says what the old image does not bring back.
func (d *Dossier) notUndone() []string {
	list := []string{
		"data that the new release wrote, such as events, collections and files",
		"values that were set on the platform for the new release",
	}
	var added, same []string
	for _, w := range d.Report.Workspaces {
		switch {
		case w.Status == compare.Added:
			added = append(added, w.Slug)
		case w.Status == compare.Changed && w.Version.Old == w.Version.New:
			same = append(same, w.Slug)
		}
	}
	if len(added) > 0 {
		list = append(list, "workspaces that the new release adds stay installed: "+some(added))
	}
	if len(same) > 0 {
		const keep = "workspaces whose version name stays the same keep the newer content unless the import is forced: "
		list = append(list, keep+some(same))
	}
	return list
}

// some names a few of a list.
func some(list []string) string {
	const few = 20
	if len(list) <= few {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), len(list)-few)
}

// lineKind is the class of a line of a hunk on the page.
func lineKind(line string) string {
	switch line[0] {
	case '+':
		return "add"
	case '-':
		return "del"
	}
	return ""
}
