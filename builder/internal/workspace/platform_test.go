// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

func platformCases(t *testing.T) []platformtest.Case {
	t.Helper()
	cases, err := platformtest.Cases()
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// filesOf returns the files of a case in a workspace.
func filesOf(c platformtest.Case) files {
	repo := files{}
	for _, f := range c.Files {
		repo["ws-case/"+f.Path] = f.Text
	}
	return repo
}

// outcomeOf returns why the platform's result must prevent a release, or "".
func outcomeOf(c platformtest.Case) string {
	did := c.Platform
	switch {
	case did.Status != 0 && did.Status != 200:
		return fmt.Sprintf("status %d", did.Status)
	case len(did.Errors) > 0:
		return "refused: " + did.Errors[0].Error
	}
	for _, f := range c.Files {
		section := classifyPath(f.Path).section
		switch {
		case strings.Contains(did.Contents[f.Path], "[object Object]"):
			return "an expression is lost"
		case section.holdsObjects() && !slices.Contains(did.Stored, f.Path) && f.Path != "automations/__index__.yml":
			return "lost: " + f.Path
		}
	}
	return ""
}

// judged are the cases in which validation deliberately differs from the service, with the reason.
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
		"index missing": release, "index missing pull": release, "index.yaml instead": release,
		"index.json instead": release,
		"index is list":      root, "security scalar": root, "import list": root, "slug uppercase archive": pull,
		"slug platform pull":   "the slug is documented as reserved",
		"security bad subject": subject, "security subject roles": subject, "security subject agents v27": subject,
		"auto .txt":                       "files other than YAML and JSON are documented as ignored",
		"auto hidden file":                "a warning: people hide files to switch them off",
		"auto name .yml only":             "a warning: people hide files to switch them off",
		"archive automations/.import.yml": "a warning: people hide files to switch them off",
		"auto nested no slug":             nested, "PULL auto nested no slug": nested,
		"PULL auto nested with slug": nested,
		"page tsx source":            source, "page json array": source, "page json5/comments": source,
		"page package-lock yaml":         source,
		"archive index.yml + index.json": spread, "archive index dir": spread, "archive security dir": spread,
		"archive Automations upper dir": "what is in the directory is not imported, which the recording does not show",
		"archive .import empty":         meta, "archive .import app string": meta,
		"app slug taken":         "which apps a platform has is not known",
		"config unquoted secret": "the recording does not show index.yml, where the expression is lost, too",
		"yaml unquoted template": "the recording does not show index.yml, where the expression is lost, too",
	}
}

// TestPlatformCases validates the recorded inputs of a real service: validation must report an
// error exactly where the service refused, lost or deleted something.
func TestPlatformCases(t *testing.T) {
	table := judged()
	agree, missed, alarms := 0, 0, 0
	for _, c := range platformCases(t) {
		_, _, ds := collect(Options{}, filesOf(c))
		want := outcomeOf(c)
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
	t.Logf("%d agree, %d are errors that the platform took, %d are none that it refused; the reasons are in judged",
		agree, alarms, missed)
}

// TestAcceptedPlatformCases lists the warnings for accepted inputs.
func TestAcceptedPlatformCases(t *testing.T) {
	for _, c := range platformCases(t) {
		_, _, ds := collect(Options{}, filesOf(c))
		if outcomeOf(c) == "" {
			for _, d := range ds {
				t.Logf("%-32s %s", c.Name, strings.Join(brief([]diagnostic.Diagnostic{d}), " "))
			}
		}
	}
}
