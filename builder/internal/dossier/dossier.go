// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dossier writes a page about a change of release for a change ticket: a single, printable
// HTML file without scripts or external resources.
//
// All texts from the releases pass through the redactor of the comparison, and html/template
// escapes them. Workspaces with only a new version name are counted, not listed.
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

// Dossier is the content of the page.
type Dossier struct {
	// Ticket identifies the change; may be empty.
	Ticket string
	// Author is who requests the change; may be empty.
	Author string
	// Created is the time shown on the page.
	Created time.Time
	// Report compares the releases. Required.
	Report *compare.Report
	// Older and Newer are the manifests. Those of a source have no scan.
	Older, Newer *release.Manifest
	// Verified is the verification report of the new image; nil if it was not verified.
	Verified *verify.Report
	// NotVerified is the reason if Verified is nil.
	NotVerified string
	// Acceptances are the baseline entries, which name who accepted each finding.
	Acceptances []scan.Acceptance
	// Hide redacts secrets in a text.
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
	if err := tmpl.Execute(&out, d.buildView()); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = io.WriteString(w, escapeInvisible(out.String()))
	return err
}

// escapeInvisible escapes characters that are invisible or change how others are displayed.
func escapeInvisible(page string) string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		lines[i] = terminal.Visible(line)
	}
	return strings.Join(lines, "\n")
}

// view is the input of the page template.
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

// risk is a line of the summary.
type risk struct {
	Level, Text string
}

// item is a reason and its workspace.
type item struct {
	Workspace string
	compare.Reason
}

// silent is a changed file without any content to show.
type silent struct {
	Workspace string
	compare.File
}

type accepted struct {
	scan.Acceptance
	New bool
}

func (d *Dossier) buildView() view {
	v := view{
		Dossier: d, Tool: "builder " + version.Get().Version, Picture: d.drawPicture(),
		Rollback: d.rollbackCommand(), NotUndone: d.irreversibleEffects(),
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
	v.Risks = d.summarizeRisks()
	v.Accepted = d.acceptedFindings()
	v.Values, v.Known = d.newRequirements()
	return v
}

// summarizeRisks lists what an approver should know, the worst first.
func (d *Dossier) summarizeRisks() []risk {
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
	if n := d.countNewValues(); n > 0 {
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

func (d *Dossier) countNewValues() int {
	n := 0
	for _, w := range d.Report.Workspaces {
		n += len(w.Secrets.New) + len(w.Config.New)
	}
	return n
}

// acceptedFindings lists the accepted findings of the new release and who accepted them.
func (d *Dossier) acceptedFindings() []accepted {
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

// newRequirements lists the values that only the new release needs, and counts the others.
func (d *Dossier) newRequirements() (list []requirements.Requirement, known int) {
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

// rollbackCommand returns the command that restores the old release.
func (d *Dossier) rollbackCommand() string {
	if d.Report.Old.Digest == "" {
		return ""
	}
	name, _, _ := strings.Cut(d.Report.Old.Name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return "kubectl set image deployment/prismeai-workspaces workspaces=" + name + "@" + d.Report.Old.Digest.String()
}

// irreversibleEffects lists what restoring the old image does not undo.
func (d *Dossier) irreversibleEffects() []string {
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
		list = append(list, "workspaces that the new release adds stay installed: "+joinSome(added))
	}
	if len(same) > 0 {
		const keep = "workspaces whose version name stays the same keep the newer content unless the import is forced: "
		list = append(list, keep+joinSome(same))
	}
	return list
}

// joinSome joins the first items of a list.
func joinSome(list []string) string { return terminal.JoinFirst(list, 20) }

// lineKind returns the CSS class of a line of a hunk.
func lineKind(line string) string {
	switch line[0] {
	case '+':
		return "add"
	case '-':
		return "del"
	}
	return ""
}
