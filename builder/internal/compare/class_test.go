// SPDX-License-Identifier: AGPL-3.0-or-later

package compare_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/internal/release"
)

// directory is a workspace that publishes an app; portal uses it.
var offering = workspaces{
	"directory/index.yml": "name: Directory\nconfig:\n  schema:\n    url: {type: string}\n    size: {type: number}\n",
	"directory/automations/find.yml": "slug: find\narguments:\n  email: {type: string}\n  contract: {type: string}\n" +
		"do:\n  - fetch: {url: 'https://core.example.com/a'}\n  - emit: {event: found}\n",
	"directory/automations/list.yml": "slug: list\nprivate: true\nwhen: {endpoint: false}\ndo: []\n",
	"directory/automations/v1.yml":   "slug: v1\nwhen: {endpoint: true}\ndo: []\n",
	"directory/security.yml":         "authorizations:\n  roles: {editor: {}}\n  rules:\n    - {role: editor, action: read, subject: pages}\n",
	"directory/README.md":            "Finds customers.\n",
	"portal/index.yml":               "name: Portal\n",
	"portal/imports/Dir.yml":         "appSlug: Directory\nslug: Dir\nconfig: {url: x}\n",
	"portal/automations/use.yml": "slug: use\nwhen: {events: [Dir.found]}\ndo:\n  - Dir.find: {email: a, output: b}\n" +
		"  - fetch: {url: 'https://api.example.com/workspaces/slug:directory/webhooks/v1'}\n",
}

func published(m *release.Manifest) {
	for i := range m.Workspaces {
		if m.Workspaces[i].Slug == "directory" {
			m.Workspaces[i].App = "Directory"
		}
	}
}

func TestClasses(t *testing.T) {
	replace := func(path, old, new string) workspaces {
		if !strings.Contains(offering[path], old) {
			t.Fatalf("%s does not contain %q", path, old)
		}
		return offering.with(workspaces{path: strings.ReplaceAll(offering[path], old, new)})
	}
	const find = "directory/automations/find.yml"
	for name, c := range map[string]struct {
		newer workspaces
		want  []string
	}{
		"role": {replace("directory/security.yml", "{editor: {}}", "{editor: {}, guest: {}}"),
			[]string{"permission: security.yml: new roles: guest"}},
		"rule": {replace("directory/security.yml", "action: read", "action: manage"),
			[]string{"permission: security.yml: rules: 1 added, 1 removed"}},
		"format": {replace("directory/security.yml", "roles: {editor: {}}", "roles:\n    editor: {}"),
			[]string{"metadata: security.yml: same values"}},
		"not private": {replace("directory/automations/list.yml", "private: true\n", ""),
			[]string{"permission: automations/list.yml: no longer private",
				"behaviour: automations/list.yml: private"}},
		"private endpoint": {replace("directory/automations/list.yml", "endpoint: false", "endpoint: true"),
			[]string{"behaviour: automations/list.yml: when"}},
		"endpoint": {replace(find, "do:", "when: {endpoint: true}\ndo:"),
			[]string{"permission: automations/find.yml: new endpoint find", "behaviour: automations/find.yml: when"}},
		"new endpoint": {offering.with(workspaces{
			"directory/automations/n.yml": "slug: n\nwhen: {endpoint: v2/n}\ndo: []\n",
		}),
			[]string{"permission: automations/n.yml: new endpoint v2/n",
				"behaviour: automations/n.yml: the automation is new"}},
		"template": {offering.with(workspaces{
			"directory/index.yml": offering["directory/index.yml"] + "labels: [template]\n",
		}),
			[]string{"permission: index.yml: label template: where rules let them read it, all signed-in users may clone the " +
				"workspace", "metadata: index.yml: labels"}},
		"host": {replace(find, "core.example.com", "elsewhere.example.com"),
			[]string{"outgoing: automations/find.yml: new host elsewhere.example.com",
				"behaviour: automations/find.yml: do"}},
		"host before": {offering.with(workspaces{"directory/automations/n.yml": "slug: n\ndo:\n  - fetch: {url: 'https://core.example.com/b'}\n"}), []string{"behaviour: automations/n.yml: the automation is new"}},
		"text": {replace(find, "slug: find", "slug: find\ndescription: x").with(workspaces{
			"directory/README.md": "x\n",
		}),
			[]string{"text: README.md: a file that the platform does not import",
				"text: automations/find.yml: description"}},
		"times": {replace(find, "slug: find", "slug: find\nupdatedAt: x"),
			[]string{"metadata: automations/find.yml: only what the platform writes with each push differs"}},
		"automation removed": {offering.with(workspaces{find: ""}),
			[]string{"breaking: automations/find.yml: automation find was removed, which portal uses",
				"breaking: event found was removed, which portal uses",
				"behaviour: automations/find.yml: the automation was removed"}},
		"argument removed": {replace(find, "  email: {type: string}\n", ""),
			[]string{"breaking: automations/find.yml: argument email of automation find was removed, which portal uses",
				"behaviour: automations/find.yml: arguments"}},
		"argument not used": {replace(find, "  contract: {type: string}\n", ""),
			[]string{"behaviour: automations/find.yml: arguments"}},
		"argument required": {replace(find, "contract: {type: string}", "contract: {type: string, required: true}"),
			[]string{"breaking: automations/find.yml: automation find now requires argument contract, which portal uses",
				"behaviour: automations/find.yml: arguments"}},
		"endpoint removed": {replace("directory/automations/v1.yml", "when: {endpoint: true}\n", ""),
			[]string{"breaking: automations/v1.yml: endpoint v1 was removed, which portal uses",
				"behaviour: automations/v1.yml: when"}},
		"config key removed": {replace("directory/index.yml", "    url: {type: string}\n", ""),
			[]string{"breaking: index.yml: config key url was removed, which portal uses", "behaviour: index.yml: config"}},
		"config key required": {replace("directory/index.yml", "size: {type: number}",
			"size: {type: number, required: true}"),
			[]string{"breaking: index.yml: the app now requires config key size, which portal uses",
				"behaviour: index.yml: config"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := diff(t, offering.source(published), c.newer.source(published), 100)
			var got []string
			for _, w := range r.Workspaces {
				for _, reason := range w.Reasons {
					got = append(got, reason.String())
					if !slices.Contains(w.Classes, reason.Class) || !r.Has(reason.Class) {
						t.Errorf("class %s is not that of the workspace or of the report", reason.Class)
					}
				}
			}
			less := func(a, b string) bool { return a < b }
			if diff := cmp.Diff(c.want, got, cmpopts.SortSlices(less)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			text, markdown, _ := written(t, r)
			for _, reason := range c.want {
				class, message, _ := strings.Cut(reason, ": ")
				shown := class == "permission" || class == "breaking" || class == "outgoing"
				if shown && (!strings.Contains(text, message) || !strings.Contains(markdown, message)) {
					t.Errorf("%q is not shown:\n%s\n%s", message, text, markdown)
				}
				if !strings.Contains(text, class) || !strings.Contains(markdown, class) {
					t.Errorf("class %s is not shown", class)
				}
			}
		})
	}
}

func TestRemovedAppBreaksItsUsers(t *testing.T) {
	without := offering.with(nil)
	for path := range offering {
		if strings.HasPrefix(path, "directory/") {
			delete(without, path)
		}
	}
	for name, c := range map[string]struct {
		newer *compare.Release
		want  bool
	}{
		"gone":  {without.source(nil), true},
		"moved": {without.with(workspaces{"other/index.yml": "name: x\n"}).source(func(m *release.Manifest) { m.Workspaces[0].App = "Directory" }), false},
	} {
		r := diff(t, offering.source(published), c.newer, 100)
		if got := r.Has(compare.Breaking); got != c.want {
			t.Errorf("%s: breaking is %v", name, got)
		}
	}
}

// again is a release of n workspaces pushed under a version name.
func again(n int, version string, change workspaces) *compare.Release {
	files := workspaces{}
	for i := range n {
		slug := fmt.Sprintf("ws-%04d", i)
		files[slug+"/.import.yml"] = "version:\n  type: export\n  name: " + version + "\n  exportedAt: " + version +
			"\ngroups: [base1]\nchecksums:\n  automations:\n    ask: 0123456789abcdef0123456789abcdef\n"
		files[slug+"/automations/ask.yml"] = "slug: ask\nupdatedAt: " + version + "\ndo: []\n"
	}
	return files.with(change).source(func(m *release.Manifest) {
		for i := range m.Workspaces {
			m.Workspaces[i].Version = version
		}
	})
}

// Workspaces with only a new version name do not hide a real change.
func TestVersionNamesDoNotHideAChange(t *testing.T) {
	change := workspaces{"ws-0290/automations/ask.yml": "slug: ask\ndo:\n  - emit: {event: deleted}\n"}
	for _, n := range []int{300, 2000} {
		r := diff(t, again(n, "v1", nil), again(n, "v2", change), 100)
		text, markdown, encoded := written(t, r)
		for format, out := range map[string]string{"text": text, "Markdown": markdown, "JSON": encoded} {
			if !strings.Contains(out, "event: deleted") {
				t.Errorf("%d workspaces: %s does not show the change", n, format)
			}
		}
		for format, out := range map[string]string{"text": text, "Markdown": markdown} {
			if want := fmt.Sprintf("%d workspaces only get a new version name: v1 → v2", n-1); !strings.Contains(out, want) {
				t.Errorf("%s does not say %q", format, want)
			}
			if strings.Contains(out, "Not everything is shown") || strings.Contains(out, "ws-0000") {
				t.Errorf("%d workspaces: %s:\n%s", n, format, out)
			}
		}
		if r.Workspaces[0].Slug != "ws-0290" || r.OnlyVersion.Count != n-1 || r.Cut != (compare.Cut{}) {
			t.Errorf("%s is first, %+v, %+v", r.Workspaces[0].Slug, r.OnlyVersion, r.Cut)
		}
		var decoded compare.Report
		if err := json.Unmarshal([]byte(encoded), &decoded); err != nil || decoded.OnlyVersion.Count != n-1 {
			t.Errorf("JSON: %v, %+v", err, decoded.OnlyVersion)
		}
	}
}

// Behaviour has priority over text, and omissions are reported first.
func TestImportantChangesHavePriority(t *testing.T) {
	older := workspaces{"a/index.yml": "name: a\n", "z/index.yml": "name: z\n"}
	newer := older.with(workspaces{
		"a/README.md": strings.Repeat("line\n", 50), "z/automations/a.yml": "slug: a\ndo:\n  - emit: {event: x}\n",
	})
	r := diff(t, older.source(nil), newer.source(nil), 12)
	text, markdown, _ := written(t, r)
	if !strings.Contains(text, "+  - emit: {event: x}") {
		t.Errorf("the automation is not shown:\n%s", text)
	}
	for format, out := range map[string]string{"text": text, "Markdown": markdown} {
		cut := strings.Index(out, "Not everything is shown: 47 lines")
		if cut < 0 || cut > strings.Index(out, "README.md") || !strings.Contains(out, "a/README.md") {
			t.Errorf("%s:\n%s", format, out)
		}
	}
}

func TestNamesInTwoUnicodeFormsAreOneFile(t *testing.T) {
	older := workspaces{"a/pages/caf\u00e9.yml": "slug: x\n", "a/pages/the\u0301.yml": "slug: y\n"}
	newer := workspaces{"a/pages/cafe\u0301.yml": "slug: x\n", "a/pages/th\u00e9.yml": "slug: z\n"}
	r := diff(t, older.source(nil), newer.source(nil), 100)
	var got []string
	for _, f := range r.Workspaces[0].Files {
		got = append(got, fmt.Sprintf("%s %s %s", f.Status, f.Path, f.Note))
	}
	want := []string{"changed pages/th\u00e9.yml ",
		"changed pages/cafe\u0301.yml only the Unicode form of the name differs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Of a long line, the changed part is shown.
func TestLongLinesShowWhatWasChanged(t *testing.T) {
	const before, after = "a/a.md", "a/a.md"
	prompt := strings.Repeat("é", 5000)
	r := diff(t, workspaces{before: prompt + "old end\n"}.source(nil), workspaces{
		after: prompt + "new end\n",
	}.source(nil), 100)
	text, _, _ := written(t, r)
	if !strings.Contains(text, "éold end") || !strings.Contains(text, "énew end") ||
		!strings.Contains(text, "\n-…é") {
		t.Errorf("%s", text)
	}
}

// Reasons are redacted, and quote nothing from a file whose secrets cannot be hidden.
func TestReasonsHideSecrets(t *testing.T) {
	older := workspaces{"a/index.yml": "name: a\n"}
	for _, word := range []string{canary + "endpoint", "encoded-" + canary + "endpoint"} {
		newer := older.with(workspaces{
			"a/automations/a.yml": "slug: a\nwhen:\n  endpoint: " + word + "\ndo:\n  - fetch:\n      url: https://x/\n",
			"b/automations/b.yml": "slug: b\nwhen:\n  endpoint: " + word + "\ndo: []\n",
		})
		r := diff(t, older.source(nil), newer.source(nil), 100)
		text, markdown, encoded := written(t, r)
		for _, out := range []string{text, markdown, encoded} {
			if strings.Contains(out, canary) {
				t.Errorf("a secret is shown:\n%s", out)
			}
			if want := map[bool]string{true: "new host (not shown)", false: "new host x"}[word[0] == 'e']; !strings.Contains(out,
				want) {
				t.Errorf("%q is not said:\n%s", want, out)
			}
		}
	}
}
