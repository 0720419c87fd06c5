// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/dossier"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

const hostile = `</style><script>alert(1)</script>"'<img src=x onerror=y>` + "\u202e"

// change returns a dossier of n workspaces, a few of which change. name is used wherever a release
// or a user can provide a text.
func change(n int, name string) *dossier.Dossier {
	groups := []string{"base1", "base2", "extended"}
	m := &release.Manifest{Name: name}
	for _, g := range groups {
		m.Groups = append(m.Groups, release.Group{Name: g})
	}
	for i := range n {
		w := release.Workspace{Slug: fmt.Sprintf("workspace-%03d", i), Version: "v2"}
		if i < len(groups) {
			w.App = "Core " + groups[i]
		} else {
			w.DependsOn = []string{"Core " + groups[max(0, i%len(groups)-1)]}
		}
		w.Requires.Secrets = []string{"apiKey", name}
		m.Groups[i%len(groups)].Workspaces = append(m.Groups[i%len(groups)].Workspaces, w.Slug)
		m.Workspaces = append(m.Workspaces, w)
	}
	m.Scan.Accepted = []string{"f1", "f2"}
	before := *m
	before.Workspaces = append([]release.Workspace{}, m.Workspaces...)
	before.Workspaces[n-1].Requires.Secrets = nil
	side := compare.Side{
		Name:       "registry.example.com:5000/release:v1",
		Digest:     "sha256:0123456789abcdef",
		Release:    name,
		Workspaces: n,
		Files:      9 * n,
	}
	side.Source.Commit = "4d5e6f"
	report := &compare.Report{Old: side, New: side, Differ: true, Changes: map[compare.Class]int{
		compare.Permission: 1, compare.Behaviour: 2, compare.Outgoing: 1,
	}, Unchanged: n - 3, Cut: compare.Cut{Lines: 3}}
	report.OnlyVersion = compare.OnlyVersion{
		Count:    n - 2,
		Versions: []compare.VersionChange{{Change: compare.Change[string]{Old: "v1", New: "v2"}, Count: n - 2}},
	}
	report.Warnings = []compare.Warning{{Workspace: name, Rule: compare.SameVersion, Message: "its files have changed"}}
	report.Workspaces = []compare.Workspace{{
		Slug: fmt.Sprintf("workspace-%03d", n-1), Status: compare.Changed, Version: compare.Change[string]{
			Old: "v1",
			New: "v2",
		},
		Classes: []compare.Class{compare.Permission, compare.Outgoing, compare.Behaviour},
		Reasons: []compare.Reason{
			{Class: compare.Permission, File: "automations/open.yml", Message: "new endpoint " + name},
			{Class: compare.Outgoing, File: "automations/open.yml", Message: "new host elsewhere.example.com"},
		},
		Secrets: compare.Change[[]string]{New: []string{name}},
		Files: []compare.File{{
			Path: "automations/" + name, Status: compare.Added, Classes: []compare.Class{compare.Permission},
			Added: 1, Note: "a note",
			Hunks: []compare.Hunk{{
				Header: "@@ -0,0 +1,1 @@",
				Where:  name,
				Lines:  []string{" context", "-old " + name, "+new " + name},
			}}, Cut: 3,
		}},
	}, {
		Slug: "workspace-001", Status: compare.Added, Classes: []compare.Class{compare.Behaviour},
	}}
	report.Accepted.New = []string{"f2"}
	report.Settings = []compare.Setting{{
		Kind:   "variable",
		Name:   name,
		Class:  compare.Behaviour,
		Change: compare.Change[*string]{New: &name},
	}}
	return &dossier.Dossier{
		Ticket: name, Author: name, Created: time.Unix(1700000000, 0), Report: report, Older: &before, Newer: m,
		Verified: &verify.Report{
			Proven:   []verify.Check{verify.Layer},
			Problems: []verify.Problem{{Check: verify.Files, Message: name}},
		},
		Acceptances: []scan.Acceptance{{
			Fingerprint: "f1",
			Rule:        "Token",
			Owner:       name,
			Reason:      name,
			Expires:     "2027-01-31",
		}},
		Hide: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***1") },
	}
}

func written(t testing.TB, d *dossier.Dossier) string {
	t.Helper()
	var out strings.Builder
	if err := d.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPageSaysWhatAnApproverNeeds(t *testing.T) {
	text := written(t, change(6, "v2.4.0"))
	for _, want := range []string{
		"Change of release v2.4.0", "2023-11-14 22:13 UTC", "requested by v2.4.0", "sha256:0123456789abcdef", "4d5e6f",
		"1 workspace: permissions or public endpoints change", "1 workspace: requests go to a new host",
		"2 workspaces: behaviour changes", "4 workspaces: only the version name is new",
		"1 finding of the secret scan newly accepted",
		"new endpoint v2.4.0", "new host elsewhere.example.com", "Not everything is shown below",
		"3 lines of this file not shown",
		"2027-01-31", "not in the baseline", "secret v2.4.0", "wrong: files", "WORKSPACE",
		"deployment/prismeai-workspaces workspaces=registry.example.com:5000/release@sha256:0123456789abcdef",
		"workspaces that the new release adds stay installed: workspace-001", "date and signature", "<svg",
		"1. base1", "+new v2.4.0",
	} {
		if !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, "+", "&#43;")) {
			t.Errorf("%q is missing", want)
		}
	}
}

// The page is self-contained: no script, no external resource, no markup from the release.
func TestPageIsSelfContained(t *testing.T) {
	for _, n := range []int{5, 500} {
		text := written(t, change(n, hostile))
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for node := range root.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			switch node.Data {
			case "script", "img", "link", "iframe", "object", "a":
				t.Errorf("there is a <%s>", node.Data)
			}
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" {
					t.Errorf("<%s> has %s", node.Data, a.Key)
				}
			}
		}
		if strings.Contains(text, "\u202e") || strings.Contains(text, "@import") {
			t.Error("there is a hidden character or an import")
		}
		if found := regexp.MustCompile(`url\([^#]`).FindString(text); found != "" {
			t.Errorf("there is a %s", found)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	d := change(5, "hunter2")
	// The comparison has already redacted the report.
	d.Report = &compare.Report{}
	d.Ticket = ""
	d.Author = ""
	d.Verified = nil
	if text := written(t, d); strings.Contains(text, "hunter2") || !strings.Contains(text, "***1") {
		t.Errorf("a secret is shown:\n%s", text)
	}
}

// A picture of many workspaces shows the changed ones, and counts the others.
func TestPictureIsReadable(t *testing.T) {
	text := written(t, change(500, "v2"))
	if boxes := strings.Count(text, `class="box`); boxes > 20 || !strings.Contains(text, "166 more") {
		t.Errorf("%d boxes", boxes)
	}
	if len(text) > 300_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// TestMain writes the pages to DOSSIER_PAGES, to view them in a browser.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DOSSIER_PAGES"); dir != "" {
		for _, n := range []int{5, 500} {
			file, err := os.Create(fmt.Sprintf("%s/%d.html", dir, n))
			if err != nil {
				panic(err)
			}
			if err := change(n, "v2.4.0").Write(file); err != nil {
				panic(err)
			}
			file.Close()
		}
	}
	os.Exit(m.Run())
}
