// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// platformCase is a workspace and what the platform's service of October 2024 did with
// it. Files without an entry are those of the first case.
type platformCase struct {
	Name, By         string
	Files            files
	Without          []string
	Status           int
	Imported, Stored []string
	Errors           []string
	StoredOtherwise  map[string]string
}

func platformCases(t *testing.T) []platformCase {
	t.Helper()
	data, err := os.ReadFile("testdata/platform.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []platformCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	base := cases[0]
	for i := range cases {
		c := &cases[i]
		if c.Stored == nil {
			c.Stored = base.Stored
		}
		if c.Files == nil {
			c.Files = files{}
		}
		for name, text := range base.Files {
			if _, there := c.Files[name]; !there && !slices.Contains(c.Without, name) {
				c.Files[name] = text
			}
		}
		if c.Files["many"] != "" {
			delete(c.Files, "many")
			for n := range 5001 {
				c.Files[fmt.Sprintf("automations/a%d.yml", n)] = "name: x\ndo: []\n"
			}
		}
	}
	return cases
}

// outcome is what the platform made of a case: why a release with it must not be built,
// or nothing.
func (c platformCase) outcome() string {
	switch {
	case c.Status != 0 && c.Status != 200:
		return fmt.Sprintf("status %d", c.Status)
	case len(c.Errors) > 0:
		return "refused: " + c.Errors[0]
	case len(c.StoredOtherwise) > 0:
		return "an expression is lost"
	}
	for name := range c.Files {
		section := placeOf(name).section
		if section.holdsObjects() && !slices.Contains(c.Stored, name) && name != "automations/__index__.yml" {
			return "lost: " + name
		}
	}
	return ""
}

// judged are the cases in which validation does not follow what the service did, each
// with the reason.
func judged() map[string]string {
	const (
		release = "a release finds its workspaces by index.yml, and by their directory"
		pull    = "an import of an archive ignores the slug of index.yml; a pull refuses it"
		subject = "subjects of rules differ between versions"
		source  = "since 2026, pages have source trees"
		nested  = "since 2026, automations may be nested"
		root    = "what is stored is of no use"
		spread  = "it overrides the other file, which the recording does not show"
		meta    = "the metadata is for bulk imports, which the recorded service does not have"
	)
	return map[string]string{
		"index missing": release, "index missing pull": release, "index.yaml instead": release, "index.json instead": release,
		"index is list": root, "security scalar": root, "import list": root, "slug uppercase archive": pull,
		"slug platform pull":   "the slug is documented as reserved",
		"security bad subject": subject, "security subject roles": subject, "security subject agents v27": subject,
		"auto .txt":                       "files other than YAML and JSON are documented as ignored",
		"auto hidden file":                "a warning: people hide files to switch them off",
		"auto name .yml only":             "a warning: people hide files to switch them off",
		"archive automations/.import.yml": "a warning: people hide files to switch them off",
		"auto nested no slug":             nested, "PULL auto nested no slug": nested, "PULL auto nested with slug": nested,
		"page tsx source": source, "page json array": source, "page json5/comments": source, "page package-lock yaml": source,
		"archive index.yml + index.json": spread, "archive index dir": spread, "archive security dir": spread,
		"archive Automations upper dir": "what is in the directory is not imported, which the recording does not show",
		"archive .import empty":         meta, "archive .import app string": meta,
		"app slug taken":         "which apps a platform has is not known",
		"config unquoted secret": "the recording does not show index.yml, where the expression is lost, too",
		"yaml unquoted template": "the recording does not show index.yml, where the expression is lost, too",
	}
}

// TestPlatformCases validates what a real service was given: validation has an error
// where it refused, lost or deleted something, and none where it took all of it.
func TestPlatformCases(t *testing.T) {
	table := judged()
	agree, missed, alarms := 0, 0, 0
	for _, c := range platformCases(t) {
		repo := files{}
		for name, text := range c.Files {
			repo["ws-case/"+name] = text
		}
		_, _, ds := collect(Options{}, repo)
		want := c.outcome()
		got := diagnostic.Count(ds, diagnostic.Error) > 0
		reason, expected := table[c.Name]
		delete(table, c.Name)
		switch {
		case got == (want != "") && expected:
			t.Errorf("%s: validation follows the platform by now; remove the reason %q", c.Name, reason)
		case got == (want != ""):
			agree++
		case !expected:
			t.Errorf("%s by %s: platform %q, validation %s", c.Name, c.By, want, brief(ds))
		case got:
			alarms++
		default:
			missed++
		}
	}
	for name := range table {
		t.Errorf("there is no case %q", name)
	}
	t.Logf("%d agree, %d are errors that the platform took, %d are none that it refused; the reasons are in judged", agree, alarms, missed)
}

// TestPlatformCasesTakenAreQuiet lists the warnings about what the platform took.
func TestPlatformCasesTakenAreQuiet(t *testing.T) {
	for _, c := range platformCases(t) {
		repo := files{}
		for name, text := range c.Files {
			repo["ws-case/"+name] = text
		}
		_, _, ds := collect(Options{}, repo)
		if c.outcome() == "" {
			for _, d := range ds {
				t.Logf("%-32s %s", c.Name, strings.Join(brief([]diagnostic.Diagnostic{d}), " "))
			}
		}
	}
}
