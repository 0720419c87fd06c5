// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/internal/golden"
)

// TestReference checks that the page is up to date and its links are valid.
func TestReference(t *testing.T) {
	const file = "../../docs/reference/builder.md"
	var page bytes.Buffer
	if err := run("", &page); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, file, page.Bytes())
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(page.String(), -1) {
		headings["#"+strings.ReplaceAll(m[1], " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\((#[^)]+)\)`).FindAllStringSubmatch(page.String(), -1)
	if len(links) < len(headings)-1 {
		t.Errorf("%d links to %d commands", len(links), len(headings))
	}
	for _, link := range links {
		if !headings[link[1]] {
			t.Errorf("%s leads nowhere", link[1])
		}
	}
}

// TestManual checks that each command has a reproducible manual page.
func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		if err := run(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(one, "man1", "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../docs/reference/builder.md")
	if err != nil {
		t.Fatal(err)
	}
	if commands := bytes.Count(reference, []byte("\n## ")); len(pages) != commands {
		t.Errorf("%d pages for %d commands", len(pages), commands)
	}
	for _, page := range pages {
		first, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(two, "man1", filepath.Base(page)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) || !bytes.Contains(first, []byte(" 2023-11-14 ")) {
			t.Errorf("%s is not that of its date:\n%.300s", filepath.Base(page), first)
		}
		for _, section := range []string{"EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"} {
			if !bytes.Contains(first, []byte("\n.SH \""+section+"\"\n")) {
				t.Errorf("%s has no section %s", filepath.Base(page), section)
			}
		}
	}
}

// TestRules checks that the page of the rules is up to date.
func TestRules(t *testing.T) {
	var page bytes.Buffer
	if err := ruleset.WriteMarkdown(&page); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "../../docs/reference/rules.md", page.Bytes())
	for _, rule := range ruleset.All() {
		if heading := "\n### " + rule.ID + "\n"; strings.Count(page.String(), heading) != 1 {
			t.Errorf("the page has no anchor %s", rule.ID)
		}
	}
}
