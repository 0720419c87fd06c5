// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
)

// classify adds the reasons that concern the workspace as a whole.
func (w *Workspace) classify(p workspacePair) {
	add := func(c Class, message string) { w.Reasons = append(w.Reasons, Reason{Class: c, Message: message}) }
	switch w.Status {
	case Added:
		add(Behaviour, "a new workspace")
		return
	case Removed:
		add(Behaviour, "no longer part of the release")
		return
	case Regrouped:
		add(Metadata, "in other groups")
		return
	}
	if w.RenamedFrom != "" {
		add(Behaviour, "renamed from "+w.RenamedFrom)
	}
	for _, f := range w.Fields {
		switch f.Name {
		case "name":
			add(Wording, "name")
		default:
			add(Behaviour, "another "+f.Name)
		}
	}
	for _, name := range w.Secrets.New {
		add(Behaviour, "needs secret "+name)
	}
	for _, name := range w.Config.New {
		add(Behaviour, "needs setting "+name)
	}
	if w.Version.Old != w.Version.New || len(w.DependsOn.Old)+len(w.DependsOn.New) > 0 {
		w.Classes = unionOf(w.Classes, []Class{Metadata})
	}
}

// hasOnlyVersionChange reports whether a workspace differs only in its version name and in what the
// platform generates with each push.
func (w *Workspace) hasOnlyVersionChange() bool {
	if w.Status != Changed || w.Version.Old == w.Version.New || len(w.Files) == 0 {
		return false
	}
	others := len(w.Fields) + len(w.DependsOn.Old) + len(w.DependsOn.New) + len(w.Secrets.Old) + len(w.Config.Old)
	if w.RenamedFrom != "" || others > 0 || strings.Join(w.Groups.Old, "\n") != strings.Join(w.Groups.New, "\n") {
		return false
	}
	for _, r := range w.Reasons {
		if r.Message != noteGenerated {
			return false
		}
	}
	return true
}

// addHosts reports hosts that a workspace did not call before.
func (w *Workspace) addHosts(files workspaceFiles, isHidden func(slug, path string) bool) {
	known := map[string]bool{}
	for path, c := range files.before {
		for _, host := range hostsOf(path, &c) {
			known[host] = true
		}
	}
	for _, p := range files.changed {
		for _, host := range hostsOf(p.path, p.newer) {
			if known[host] {
				continue
			}
			known[host] = true
			if isHidden(w.Slug, p.path) {
				host = notShown
			}
			w.Reasons = append(w.Reasons, Reason{Outgoing, p.path, "new host " + host})
		}
	}
	for i := range w.Files {
		for _, r := range w.Reasons {
			if r.Class == Outgoing && r.File == w.Files[i].Path {
				w.Files[i].Classes = unionOf(w.Files[i].Classes, []Class{Outgoing})
			}
		}
	}
}

// notShown replaces a name in a file whose secrets cannot be hidden.
const notShown = "(not shown)"

func hostsOf(path string, c *content) []string {
	if c == nil || !isAutomation(path) {
		return nil
	}
	d, ok := dsul.Describe(strings.TrimPrefix(path, "automations/"), c.data)
	if !ok {
		return nil
	}
	return d.Hosts
}
