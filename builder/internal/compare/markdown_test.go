// SPDX-License-Identifier: AGPL-3.0-or-later

package compare_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/internal/release"
)

// hostile is text with which a release could forge the report.
const hostile = "x`` ` @all **b** <img src=x> [l](http://evil) | </code></summary></details> ```\n\n# H #1 " +
	"http://evil www.evil.com \u202e\x1b[2J~~s~~"

// markup returns the unexpected markup that a GitHub Markdown parser finds, such as "Emphasis".
func markup(t *testing.T, markdown string) []string {
	t.Helper()
	source := []byte(markdown)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	var found []string
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch kind := n.Kind().String(); kind {
		case "Document", "Paragraph", "TextBlock", "Text", "CodeSpan", "FencedCodeBlock", "Table", "TableHeader", "TableRow",
			"TableCell", "List", "ListItem", "Blockquote", "Heading":
		case "HTMLBlock":
			block := n.(*ast.HTMLBlock)
			html := string(block.Lines().Value(source))
			if !strings.HasPrefix(html, "<details><summary>") && html != "</details>\n" &&
				html != "<!-- builder diff -->\n" || strings.Count(html, "\n") != 1 || strings.Contains(html, "<img") {
				found = append(found, html)
			}
		default:
			found = append(found, kind)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestContentIsEscaped(t *testing.T) {
	if len(markup(t, hostile)) < 3 {
		t.Fatal("the test does not see markup")
	}
	older := some.with(workspaces{"crm/a.md": "a\n"})
	newer := some.with(workspaces{
		"crm/a.md":                hostile,
		"crm/" + hostile + ".md":  "x\n",
		"crm/" + hostile + ".bin": "\x00",
	})
	r := diff(t, older.source(nil), newer.source(func(m *release.Manifest) {
		m.Workspaces[0].Version, m.Workspaces[0].Name = hostile, hostile
		m.Workspaces[0].DependsOn = []string{hostile}
		m.Groups[0].Labels = []string{hostile}
		m.Groups = append(m.Groups, release.Group{Name: hostile, Workspaces: []string{"crm"}})
	}), 100)
	r.New.Name, r.Workspaces[0].Slug, r.Warnings = hostile, hostile, append(r.Warnings, compare.Warning{
		Workspace: hostile,
		Message:   "a message",
	})
	value := hostile
	r.Settings = append(r.Settings, compare.Setting{
		Kind:   "variable",
		Name:   hostile,
		Change: compare.Change[*string]{Old: &value, New: &value},
	})
	r.Accepted.New = []string{hostile}
	plain, markdown, _ := written(t, r)
	if found := markup(t, markdown); len(found) > 0 {
		t.Errorf("markup %q in:\n%s", found, markdown)
	}
	if rows := strings.Count(markdown, "| changed |"); rows != 1 || strings.Count(markdown, "\n### ") != 1 {
		t.Errorf("%d rows in:\n%s", rows, markdown)
	}
	for _, c := range []string{"\x1b", "\u202e"} {
		if strings.Contains(plain+markdown, c) {
			t.Errorf("the character %q is not made visible", c)
		}
	}
	for _, shown := range []string{`\u202e`, `\u001b[2J`} {
		if !strings.Contains(plain, shown) || !strings.Contains(markdown, shown) {
			t.Errorf("%s is not shown", shown)
		}
	}
}

func TestMarkdownIsBounded(t *testing.T) {
	newer := some
	for i := range 200 {
		newer = newer.with(workspaces{
			fmt.Sprintf("crm/%03d.md", i):              strings.Repeat("some line\n", 3),
			fmt.Sprintf("workspace-%03d/index.yml", i): "name: x\n",
		})
	}
	r := diff(t, some.source(nil), newer.source(nil), 1000)
	for _, limit := range []int{4000, 8000, 16000, compare.FitsComment} {
		var out strings.Builder
		complete, err := r.WriteMarkdown(&out, limit)
		if err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if len(text) > limit || len(text) < limit/2 && limit < compare.FitsComment {
			t.Errorf("limit %d: %d bytes", limit, len(text))
		}
		shown := strings.Count(text, "<details>")
		named := strings.Count(text, "\nadded ` crm/")
		missing := fmt.Sprintf("no room for .*%d files", 200-shown-named)
		if top := strings.Split(text, "| old")[0]; shown+named < 200 && !regexp.MustCompile(missing).MatchString(top) {
			t.Errorf("limit %d: %q is not told at the top:\n%s", limit, missing, top)
		}
		if whole := !strings.Contains(text, "Not everything"); whole != complete ||
			whole != (limit == compare.FitsComment) {
			t.Errorf("limit %d: complete is %v", limit, complete)
		}
		if found := markup(t, text); len(found) > 0 {
			t.Errorf("limit %d: markup %q", limit, found)
		}
	}
}

// FuzzMarkdown checks that the difference of any file contains no markup, and fits.
func FuzzMarkdown(f *testing.F) {
	f.Add(hostile, "a\n")
	f.Add("```\n", "````\n</details>\n")
	f.Add("a: |\n  <b>\n", "a: [*x\n")
	f.Fuzz(func(t *testing.T, older, newer string) {
		r := diff(t, some.with(workspaces{"crm/a.yml": older}).source(nil), some.with(workspaces{
			"crm/a.yml": newer,
		}).source(nil), 100)
		_, markdown, _ := written(t, r)
		if found := markup(t, markdown); len(found) > 0 || len(markdown) > compare.FitsComment {
			t.Errorf("%d bytes, markup %q in:\n%s", len(markdown), found, markdown)
		}
	})
}

// FuzzHunks checks that the hunks of a file turn the old text into the new one.
func FuzzHunks(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nc\n")
	f.Add("do:\n  - a: 1\n", "do:\n  - a: 2")
	f.Add("x: &a [1]\ny: *a\n", "\ufeffx: {}\n")
	f.Fuzz(func(t *testing.T, older, newer string) {
		r := diff(t, some.with(workspaces{"crm/a.yml": older}).source(nil), some.with(workspaces{
			"crm/a.yml": newer,
		}).source(nil), 1<<20)
		for _, w := range r.Workspaces {
			for _, file := range w.Files {
				if len(file.Hunks) > 0 {
					checkHunks(t, file, older, newer)
				}
			}
		}
	})
}

// checkHunks applies hunks line by line. Long lines may be truncated.
func checkHunks(t *testing.T, f compare.File, older, newer string) {
	t.Helper()
	before, after := strings.Split(older, "\n"), strings.Split(newer, "\n")
	for _, h := range f.Hunks {
		var x, y, n int
		if _, err := fmt.Sscanf(h.Header, "@@ -%d,%d +%d,%d @@", &x, &n, &y, &n); err != nil {
			t.Fatalf("%s: %v", h.Header, err)
		}
		for _, line := range h.Lines {
			sides := map[byte][2]bool{' ': {true, true}, '-': {true, false}, '+': {false, true}, '\\': {}}[line[0]]
			text := strings.TrimSuffix(strings.TrimPrefix(line[1:], "…"), "…")
			if sides[0] {
				if !strings.Contains(before[x-1], text) {
					t.Fatalf("line %d of the older text is %q, not %q", x, before[x-1], text)
				}
				x++
			}
			if sides[1] {
				if !strings.Contains(after[y-1], text) {
					t.Fatalf("line %d of the newer text is %q, not %q", y, after[y-1], text)
				}
				y++
			}
		}
	}
}
