// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// Missing values come from the defaults, and everything else is kept.
func TestFiller(t *testing.T) {
	all := Defaults{Group: "base1", Version: "v1"}
	for name, test := range map[string]struct {
		defaults Defaults
		text     string
		want     string
	}{
		"plain export": {all, "# by the platform\nversion:\n  type: export # kept\n  exportedAt: 2026-01-01\n",
			"# by the platform\ngroups: [\"base1\"]\nversion:\n  name: \"v1\"\n  type: export # kept\n  exportedAt: 2026-01-01\n"},
		"only an id": {all, "workspaceId: abc\n",
			"version: {name: \"v1\"}\ngroups: [\"base1\"]\nworkspaceId: abc\n"},
		"flow": {all, "{version: {type: export}, workspaceId: abc}\n",
			"{groups: [\"base1\"], version: {name: \"v1\", type: export}, workspaceId: abc}\n"},
		"complete": {all, "version: {name: v9}\ngroups: [base2]\n", "version: {name: v9}\ngroups: [base2]\n"},
		"own settings": {
			Defaults{Groups: map[string][]string{"shop": {"a", "b"}}, Version: "v\"1"},
			"app: {slug: x}\n",
			"version: {name: \"v\\\"1\"}\ngroups: [\"a\", \"b\"]\napp: {slug: x}\n",
		},
		"groups only": {
			Defaults{Group: "base1"},
			"version: {name: v9}\n",
			"groups: [\"base1\"]\nversion: {name: v9}\n",
		},
		"document mark": {all, "---\nversion: {name: v9}\n...\n",
			"---\ngroups: [\"base1\"]\nversion: {name: v9}\n...\n"},
		"broken": {all, "a: [\n", "a: [\n"},
		"empty":  {all, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, found := fillShop(t, test.defaults, test.text)
			if diff := cmp.Diff(test.want, got[1].text); diff != "" {
				t.Error(diff)
			}
			if len(found) > 0 {
				t.Errorf("diagnostics %v", found)
			}
		})
	}
}

type filledFile struct{ name, text string }

// fillShop fills a repository in which shop has an .import.yml and desk has none.
func fillShop(t *testing.T, defaults Defaults, text string) (got []filledFile, added int64, rules []string) {
	t.Helper()
	f := NewFiller(defaults, Limits{}, func(f source.File) error {
		got = append(got, filledFile{f.Path, string(f.Data)})
		return nil
	})
	for _, file := range []filledFile{{"shop/!first", "1"}, {"shop/.import.yml", text}, {"shop/index.yml", "2"}} {
		if err := f.Add(source.NewFile(file.name, []byte(file.text))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	filled := f.Finish()
	for _, d := range filled.Diagnostics {
		rules = append(rules, d.File+" "+d.Rule+": "+d.Message)
	}
	return got, filled.Bytes, rules
}

// A missing file is created at its position in path order.
func TestFillerCreatesFile(t *testing.T) {
	var got []filledFile
	f := NewFiller(Defaults{
		Group:   "base1",
		Version: "v1",
		Groups:  map[string][]string{"b": {"x"}},
	}, Limits{}, func(f source.File) error {
		got = append(got, filledFile{f.Path, string(f.Data)})
		return nil
	})
	for _, name := range []string{"a/!", "b/!", "b/automations/a.yml", "b/index.yml", "c/.import.yml", "top"} {
		if err := f.Add(source.NewFile(name, []byte("version: {name: v9}\ngroups: [g]\n"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	filled := f.Finish()
	const same, made = "version: {name: v9}\ngroups: [g]\n", "version: {name: \"v1\"}\ngroups: [\"base1\"]\n"
	const own = "version: {name: \"v1\"}\ngroups: [\"x\"]\n"
	want := []filledFile{
		{"a/!", same}, {"a/.import.yml", made}, {"b/!", same}, {"b/.import.yml", own}, {"b/automations/a.yml", same},
		{"b/index.yml", same},
		{"c/.import.yml", same}, {"top", same},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(filledFile{})); diff != "" {
		t.Error(diff)
	}
	done := Filled{Workspaces: []string{"a", "b"}, Files: 2, Bytes: int64(len(made) + len(own))}
	if diff := cmp.Diff(done, filled); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

// Contradictions between the release file and .import.yml are reported.
func TestFillerReportsConflicts(t *testing.T) {
	defaults := Defaults{
		Groups:   map[string][]string{"shop": {"a"}, "gone": {"a"}},
		Versions: map[string]string{"shop": "v2"},
	}
	_, _, rules := fillShop(t, defaults, "version: {name: v1}\ngroups: [b]\n")
	want := []string{
		` release-file-workspace: the release file names workspace "gone", but the source does not have it`,
		`shop/.import.yml release-file-workspace: the version name differs from the one in the release file for workspace "shop"`,
		`shop/.import.yml release-file-workspace: the groups differ from those in the release file for workspace "shop"`,
	}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Error(diff)
	}
}

// FuzzFiller checks that any file is either completed and valid, or unchanged.
func FuzzFiller(f *testing.F) {
	for _, seed := range []string{"version:\n  type: export\n", "{a: 1}", "&a a: 1\n", "? x\n: y\n",
		"version: &v {x: 1}\nb: *v\n", "\ufeffa: 1\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, _, _ := fillShop(t, Defaults{Group: "base1", Version: "v1"}, text)
		if _, errs := parseYAML([]byte(got[1].text), Limits{}.withDefaults()); len(errs) > 0 && got[1].text != text {
			t.Errorf("%q became %q: %v", text, got[1].text, errs)
		}
	})
}
