// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"errors"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// TestHostileYAMLIsBounded parses documents that are small but expensive.
func TestHostileYAMLIsBounded(t *testing.T) {
	const size = 4 << 20
	for name, text := range map[string]string{
		"brackets":         strings.Repeat("[", size),
		"braces":           strings.Repeat("{", size),
		"dashes":           strings.Repeat("- ", size/2),
		"questions":        strings.Repeat("? ", size/2),
		"colons":           strings.Repeat(": ", size/2),
		"commas":           "[" + strings.Repeat(",", size),
		"anchors":          strings.Repeat("&a ", size/3),
		"tags":             strings.Repeat("!a ", size/3),
		"lines":            strings.Repeat("a\n", size/2),
		"keys":             "{" + strings.Repeat("a ", size/2),
		"quotes":           strings.Repeat(`"`, size),
		"an open quote":    `"` + strings.Repeat("a\n", size/2),
		"indents":          staircase(3000),
		"aliases":          "a: &a [" + strings.Repeat("x, ", 500) + "]\nb: [" + strings.Repeat("*a, ", 1000) + "]\n",
		"a bomb":           bomb(40),
		"nested documents": strings.Repeat("---\n", size/4),
		"directives":       strings.Repeat("%TAG ! tag:\n", size/12),
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := parseYAML([]byte(text), Limits{}.withDefaults())
			if len(errs) == 0 && name != "lines" {
				t.Error("it was accepted")
			}
		})
	}
}

func staircase(steps int) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestLimitErrors(t *testing.T) {
	limits := Limits{FileSize: 100, ScalarSize: 20, Nodes: 10, Depth: 3, Files: 1}
	for _, c := range []struct{ name, text, want string }{
		{"size", strings.Repeat("a", 101), "more than 100 bytes"},
		{"scalar", "a: " + strings.Repeat("b", 21), "more than 20 bytes in one YAML scalar"},
		{"key", strings.Repeat("b", 21) + ": a", "more than 20 bytes in one YAML scalar"},
		{"nodes", "[a,b,c,d,e,f,g,h,i,j,k]", "more than 10 YAML nodes"},
		{"aliases", "a: &a [b,c]\nd: [*a,*a,*a]", "more than 10 YAML nodes, aliases expanded"},
		{"depth", "[[[[a]]]]", "more than 3 levels of YAML nesting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, errs := parseYAML([]byte(c.text), limits)
			var limit *LimitError
			if len(errs) != 1 || !errors.As(errs[0], &limit) || limit.Error() != c.want {
				t.Errorf("errors are %v, want one: %s", errs, c.want)
			}
		})
	}
	if _, errs := parseYAML([]byte("[a,"+strings.Repeat("b", 20)+"]"), limits); len(errs) > 0 {
		t.Errorf("a file within all limits is refused: %v", errs)
	}
}

func TestDuplicateKeysAreBounded(t *testing.T) {
	_, errs := parseYAML([]byte(strings.Repeat("a: 1\n", 1000)), Limits{}.withDefaults())
	if len(errs) != maxDuplicates {
		t.Errorf("%d errors, want %d", len(errs), maxDuplicates)
	}
}

func addSeeds(f *testing.F) {
	for name, text := range pair() {
		if strings.HasSuffix(name, ".yml") {
			f.Add([]byte(text))
		}
	}
	for _, text := range []string{"", "---\n", "a: *a", "a: &a [*a]", "<<: {a: b}", "? [a]\n: b", "\xef\xbb\xbfa: 1",
		"groups: *x", "version: &v {name: *v}",
		"dependsOn: [<a>, app/<b>]", "checksums: {a: {b: {c: d}}}", "checksums: {a: [b]}", bomb(12),
		"name: !!binary aGk=", "labels: [~, 1, a]", "%YAML 1.1\n---\na: 1"} {
		f.Add([]byte(text))
	}
}

// checkDiagnostics fails for a diagnostic that is not useful.
func checkDiagnostics(t *testing.T, name string, data []byte) {
	c := NewCollector(Options{Limits: Limits{FileSize: 1 << 16, Nodes: 10_000}})
	c.Add(source.NewFile(name, data))
	repo, ds := c.Finish()
	if _, more := repo.Plan(); len(more) > 0 {
		ds = append(ds, more...)
	}
	for _, d := range ds {
		if d.Message == "" || d.Severity == "" || d.Line < 0 || d.Column < 0 || d.Line > len(data)+1 {
			t.Errorf("useless diagnostic %+v", d)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/.import.yml", data) })
}

func FuzzIndex(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/index.yml", data) })
}

func FuzzImport(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/imports/b c.yml", data) })
}

func FuzzSecurity(f *testing.F) {
	addSeeds(f)
	f.Add([]byte("authorizations:\n  roles: {editor: {}}\n  rules:\n    - {role: [editor, ghost], action: read, " +
		"subject: pages}\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/security.yml", data) })
}

func FuzzAutomation(f *testing.F) {
	addSeeds(f)
	f.Add([]byte("when: {schedules: ['0 8 * * 1-5']}\ndo:\n  - emit: {event: a, autocomplete: {b: {}}}\n  - conditions: " +
		"{default: [~]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/automations/b.yml", data) })
}

func FuzzPage(f *testing.F) {
	addSeeds(f)
	f.Add([]byte("blocks: [{slug: a}, ~]\nlabels: {a: b}\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkDiagnostics(t, "a/pages/b.yml", data) })
}

func FuzzCron(f *testing.F) {
	for _, e := range []string{"* * * * *", "@daily", "0 0 1,L JAN MON#1", "*/5 1-5/2 ? * sun-sat"} {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, expression string) { _ = checkCron(expression) })
}
