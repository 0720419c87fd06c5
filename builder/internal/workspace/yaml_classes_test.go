// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
)

// yamlClass is a difference between js-yaml and other parsers: M is refused by js-yaml, V is read
// as another value, F is accepted.
type yamlClass struct {
	class string
	// file defaults to automations/x.yml.
	file string
	text string
	want diagnostic.Severity
}

const quiet diagnostic.Severity = ""

// metadataWith returns an .import.yml with a version name.
func metadataWith(name string) string { return "version: {name: " + name + "}\ngroups: [base2]\n" }

// yamlClasses are minimal examples of each class.
func yamlClasses() []yamlClass {
	const e, w = diagnostic.Error, diagnostic.Warning
	const meta, index = ".import.yml", "index.yml"
	return []yamlClass{
		{"M1", "", "a: !secret x", e}, {"M1", "", "a: !Ref y", e}, {"M1", "", "a: !vault\n", e},
		{"M1", "", "a: !!foo b", e},
		{"M1", "", `a: !!js/function "f"`, e}, {"M1", "", "a: !!str [a]", e}, {"M1", "", "a: !!map x", e},
		{"M2", "", `a: !!int "a"`, e}, {"M2", "", "a: !!bool yes", e}, {"M2", "", `a: !!binary "@@@@"`, e},
		{"M2", "", "a: !!timestamp x", e},
		{"M2", "", `a: !!null ""`, e}, {"M2", "", "a: !!omap [a]", e}, {"M2", "", "a: !!set {a: 1}", e},
		{"M3", "", "<<: a", e}, {"M3", "", "<<:", e}, {"M3", "", "a: &a {b: 1}\n<<: [*a, x]", e},
		{"M3", "", "a: &a x\n<<: *a", e},
		{"M4", "", "1: a\n0x1: b", e}, {"M4", "", "1:\n1.0:", e}, {"M4", "", "~: a\nnull: b", e},
		{"M4", "", "true: a\nTrue: b", e},
		{"M4", "", "? [a]\n: b\na: c", e}, {"M4", "", "k: &x a\nm: {a: 1, *x : 2}", e},
		{"M5", "", `a: "it\'s"`, e}, {"M6", "", "a: |# c\n  text", e}, {"M7", "", "a: [-]", e}, {"M7", "", "{b: -}", e},
		{"M8", "", "&x a: 1", w}, {"M8", "", "x:\n  &k a: 1", w}, {"M8", "", "!!str a: b", w},
		{"M9", "", "a: 1\u2028b: 2", e}, {"M10", "", "a: " + strings.Repeat("[", 101) + strings.Repeat("]", 101), e},
		{"M11", "", "a: 1\n...\n...\n", e}, {"M11", "", "? [[a]]\n: b", e}, {"M11", "", "x: &x a\n%YAML 1.1#", e},
		{"M11", "", "*x: 2", e},
		{"M12", "", "TODO", e}, {"M12", "", "42", e}, {"M12", "", "- a", e}, {"M13", "", "", e}, {"M13", "", "null", e},
		{"M14", "automations/y.json", `{"a":1,"a":2}`, e}, {"M14", "assets/y.json", `{"a":1,"a":2}`, e},
		{"M14", "pages/app/y.json", `{"a":1,"a":2}`, e},
		{"M14", "assets/y.json", "\"a\"\n:1", e},
		{"M14", "assets/y.json", strings.Repeat("[", 101) + strings.Repeat("]", 101), e},

		{"V1", meta, metadataWith("2026-02-15T10:00:00"), e}, {"V1", meta, metadataWith("2026-02-30"), e},
		{"V1", meta, metadataWith("2026-13-45"), e},
		{"V1", meta, metadataWith("2026-02-15 10:00:00 +02"), e}, {"V1", meta, metadataWith("2026-02-15T25:00:00Z"), e},
		{"V2", meta, metadataWith("61e9540"), e}, {"V2", meta, metadataWith("1e400"), e},
		{"V2", meta, metadataWith("4225332178759948e04347560002921719079454"), e},
		{"V3", meta, metadataWith("0x1FFFFFFFFFFFFFFFFFF"), e}, {"V3", meta, metadataWith("._9"), e},
		{"V4", meta, "x: &g {groups: [base2]}\n<<: *g\nversion: {name: v1}\n", quiet},
		{"V4", meta, "v: &v {name: v1}\nversion: {<<: *v}\ngroups: [base2]\n", quiet},
		{"V5", meta, "k: &k name\nversion: {*k : v1}\ngroups: [base2]\n", quiet},
		{"V6", meta, metadataWith("2026-1-5"), quiet}, {"V6", meta, metadataWith("123_"), quiet},
		{"V6", meta, metadataWith("! 1.10"), quiet},
		{"V6", meta, metadataWith("0B1"), quiet}, {"V6", meta, metadataWith("-.1"), quiet},
		{"V6", meta, metadataWith("1_000"), e},
		{"V9", "", "\ufeff\ufeffversion: 1", e}, {"V9", "", "a: 1\n\ufeffb: 2", e},

		{"F1", "", "a: |\n  x\u2028y", quiet}, {"F1", "", "a: |\n  x\u2029y", quiet}, {"F1", "", "a: x\u0085y", quiet},
		{"F1", index, "name: X\ndescription: 'a\u2028b'", quiet},
		{"F2", "", `a: "http:\/\/x"`, quiet}, {"F2", "", `a: "\ud83d\ude00"`, quiet}, {"F3", "", `x: "\uD83D"`, quiet},
		{"F4", "", "a: &ref_0{}\nb: *ref_0", quiet},
		{"F5", "", "%YAML 1.2\n---\na: 1", quiet},
		{"F6", "", "a:\n -\tb", quiet}, {"F6", "", "a: 1\n\t\nb: 2", quiet}, {"F6", "", "a: [\n\tb,\n\tc\n\t]", quiet},
		{"F6", "", "a: |\n  \tx", quiet},
		{"F7", "", "a: 1 # \a", quiet}, {"F7", "", "a: \"x\x7fy\"", quiet},
		{"F8", "", `{"` + strings.Repeat("k", 1023) + `":1}`, quiet},
		{"F8", "", strings.Repeat("k", 2000) + ": 1", quiet}, {"F9", "", "a: \xe9", e}, {"F10", "", "a: &a [*a]", e},
		{"F11", "", "a: [: b]", quiet}, {"F11", "", "a: {: a}", quiet}, {"F11", "", "a: {c:[]}", quiet},
		{"F11", "", "a: [a?b]", quiet}, {"F11", "", "--- a: 1", quiet},
		{"F11", "", "a: &é 1", quiet}, {"F11", "", "2026-01-01: a\n2026-01-02: b", quiet},
	}
}

// TestYAMLClasses validates each example. F9 and F10 are refused on purpose.
func TestYAMLClasses(t *testing.T) {
	for _, c := range yamlClasses() {
		repo := pair()
		head, _, _ := strings.Cut(repo["beta/.import.yml"], "checksums:")
		repo["beta/.import.yml"] = head
		file := c.file
		if file == "" {
			file = "automations/x.yml"
		}
		repo["beta/"+file] = c.text
		_, _, ds := collect(Options{}, repo)
		got := quiet
		var found []diagnostic.Diagnostic
		for _, d := range ds {
			related := strings.HasPrefix(d.File, "beta/"+file) && d.Rule != "import-undeclared" &&
				d.Rule != "secret-undeclared" && d.Rule != "file-extension"
			if !related {
				continue
			}
			found = append(found, d)
			if d.Severity == diagnostic.Error || got == quiet {
				got = d.Severity
			}
		}
		if got != c.want {
			t.Errorf("%s %s %.60q: %q, want %q: %v", c.class, file, c.text, got, c.want, brief(found))
		}
	}
}
