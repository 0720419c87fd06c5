// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5" //nolint:gosec // the checksums of the platform are MD5
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

type files = workspacetest.Files

// collect validates files: the diagnostics of Finish and then those of Plan.
func collect(options Options, fs files) (*Repository, *Plan, []diagnostic.Diagnostic) {
	c := NewCollector(options)
	for _, name := range slices.Sorted(maps.Keys(fs)) {
		c.Add(name, []byte(fs[name]))
	}
	repo, ds := c.Finish()
	plan, order := repo.Plan()
	return repo, plan, append(ds, order...)
}

// brief is a diagnostic without its texts.
func brief(ds []diagnostic.Diagnostic) []string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Severity, d.Rule, d.Position())))
	}
	return out
}

// pair is a repository of two workspaces: beta uses the app of alpha.
func pair() files {
	return workspacetest.Repository(
		workspacetest.Sample{Slug: "alpha", Groups: []string{"base1"}, App: "Alpha App", Labels: []string{"core"}},
		workspacetest.Sample{Slug: "beta", Groups: []string{"base2"}, Uses: []string{"Alpha App"}},
	)
}

func replace(file, old, new string) func(files) {
	return func(fs files) {
		if !strings.Contains(fs[file], old) {
			panic(fmt.Sprintf("%s does not hold %q:\n%s", file, old, fs[file]))
		}
		fs[file] = strings.Replace(fs[file], old, new, 1)
	}
}

func write(file, text string) func(files) { return func(fs files) { fs[file] = text } }

func remove(names ...string) func(files) {
	return func(fs files) {
		for _, n := range names {
			delete(fs, n)
		}
	}
}

func appendTo(file, text string) func(files) {
	return func(fs files) { fs[file] += text }
}

func removeAll(fs files) {
	for name := range fs {
		delete(fs, name)
	}
}

var cases = []struct {
	name    string
	options Options
	change  func(files)
	want    []string
}{
	{"valid", Options{}, func(files) {}, nil},
	{"no file at all", Options{}, removeAll, []string{"error repository-empty"}},
	{"a file beside the workspaces", Options{}, write("README.md", "# Read me"), []string{"info outside-workspace README.md"}},
	{"a hidden directory beside the workspaces", Options{}, write(".gitlab/ci.yml", "a: [b"), []string{"info outside-workspace .gitlab/ci.yml"}},
	{"a directory that is no workspace", Options{}, write("docs/a.md", ""), []string{
		"error import-metadata-missing docs", "error index-missing docs"}},
	{"no .import.yml", Options{}, remove("beta/.import.yml"), []string{"error import-metadata-missing beta"}},

	{"broken YAML", Options{}, write("beta/assets/x.yml", "a: 1\nb: [1\nc: 2\n"), []string{"error yaml-invalid beta/assets/x.yml:2"}},
	{"an alias without an anchor", Options{}, write("beta/x.yaml", "a: *hunter2\n"), []string{"error yaml-invalid beta/x.yaml:1:4"}},
	{"two aliases without an anchor", Options{}, write("beta/x.yaml", "a: *hunter2\nb: *hunter2\n"), []string{"error yaml-invalid beta/x.yaml"}},
	{"a mistake in the first line", Options{}, write("beta/x.yaml", "[a]]\n"), []string{"error yaml-invalid beta/x.yaml:1"}},
	{"a mistake of words", Options{}, write("beta/x.yaml", "a: b\nc: d: e\n"), []string{"error yaml-invalid beta/x.yaml:2"}},
	{"a mistake of indentation", Options{}, write("beta/x.yaml", "a: b\nc:\n  d: e\n f: g\n"), []string{"error yaml-invalid beta/x.yaml:4"}},
	{"a control character", Options{}, write("beta/x.yaml", "a: b\nc: \x01\n"), []string{"error yaml-invalid beta/x.yaml"}},
	{"an alias within its anchor", Options{}, write("beta/x.yaml", "a: &a\n  b: *a\n"), []string{"error yaml-invalid beta/x.yaml:2:6"}},
	{"YAML that is not UTF-8", Options{}, write("beta/x.yaml", "a: \xff\n"), []string{"error yaml-invalid beta/x.yaml"}},
	{"empty YAML", Options{}, write("beta/x.yml", "# nothing\n"), []string{"warning yaml-empty beta/x.yml"}},
	{"two YAML documents", Options{}, write("beta/x.yml", "a: 1\n---\nb: 1\n"), []string{"error yaml-multiple-documents beta/x.yml:2:1"}},
	{"a duplicate key", Options{}, write("beta/x.yml", "a:\n  b: 1\n  'b': 2\n"), []string{"error yaml-duplicate-key beta/x.yml:3:3"}},
	{"two merge keys", Options{}, write("beta/x.yml", "a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n"), nil},
	{"hidden YAML", Options{}, write("beta/assets/.x.yml", "a: [b"), nil},
	{"broken JSON", Options{}, write("beta/assets/x.json", "{'a': 1}"), []string{"error json-invalid beta/assets/x.json"}},
	{"JSON with comments among the sources of a page", Options{}, write("beta/pages/home/tsconfig.json", "{} // ok"), nil},
	{"a pointer of Git LFS", Options{}, write("beta/assets/x.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), []string{"error lfs-pointer beta/assets/x.json"}},
	{"files of the platform", Options{}, func(fs files) {
		fs["beta/runtime.yml"], fs["beta/automations/__index__.yml"] = "a: 1", "a: 1"
	}, []string{"warning platform-internal beta/automations/__index__.yml", "warning platform-internal beta/runtime.yml"}},

	{"too large a file", Options{Limits: Limits{FileSize: 2000}}, write("beta/x.yml", strings.Repeat("a", 2001)), []string{"error limit-exceeded beta/x.yml"}},
	{"too large a JSON file", Options{Limits: Limits{FileSize: 2000}}, write("beta/pages/x.json", strings.Repeat("1", 2001)), []string{"error limit-exceeded beta/pages/x.json"}},
	{"too large a scalar", Options{Limits: Limits{ScalarSize: 900}}, write("beta/x.yml", "a: 1\nb: "+strings.Repeat("a", 901)), []string{"error limit-exceeded beta/x.yml:2:4"}},
	{"too deep a file", Options{Limits: Limits{Depth: 20}}, write("beta/x.yml", "a: "+strings.Repeat("[", 21)+strings.Repeat("]", 21)), []string{"error limit-exceeded beta/x.yml:1:24"}},
	{"too many nodes", Options{Limits: Limits{Nodes: 50}}, write("beta/x.yml", "["+strings.Repeat("a,", 51)+"]"), []string{"error limit-exceeded beta/x.yml"}},
	{"a bomb of aliases", Options{}, write("beta/x.yml", bomb(9)), []string{"error limit-exceeded beta/x.yml:6:5"}},
	{"too many files", Options{Limits: Limits{Files: 4}}, write("beta/x.yml", "a: 1"), []string{"error limit-exceeded beta"}},

	{"index.yml is a list", Options{}, write("beta/index.yml", "- a\n"), []string{"error name-missing beta/index.yml", "error type-invalid beta/index.yml:1:1"}},
	{"index.yml is broken", Options{}, write("beta/index.yml", "name: [\n"), []string{"error yaml-invalid beta/index.yml:2"}},
	{"index.yml is missing", Options{}, remove("beta/index.yml"), []string{"error index-missing beta"}},
	{"no name", Options{}, replace("beta/index.yml", "name: Sample\n", ""), []string{"error name-missing beta/index.yml"}},
	{"an empty name", Options{}, replace("beta/index.yml", "Sample", "''"), []string{"error name-invalid beta/index.yml:2:7"}},
	{"a name with an accent", Options{}, replace("beta/index.yml", "Sample", "L'été à Zürich"), nil},
	{"a wrong name", Options{}, replace("beta/index.yml", "Sample", "a/b"), []string{"error name-invalid beta/index.yml:2:7"}},
	{"a number for a name", Options{}, replace("beta/index.yml", "Sample", "2024"), []string{"error type-invalid beta/index.yml:2:7"}},
	{"yes for a name", Options{}, replace("beta/index.yml", "Sample", "yes"), nil},
	{"a wrong label", Options{}, replace("alpha/index.yml", "- core", "- core\n  - a b"), []string{"error label-invalid alpha/index.yml:6:5"}},
	{"labels that are no list", Options{}, replace("alpha/index.yml", "labels:\n  - core", "labels: core"), []string{"error type-invalid alpha/index.yml:4:9"}},

	{"no slug", Options{}, replace("beta/index.yml", "slug: beta\n", ""), nil},
	{"a slug that is not the directory", Options{}, replace("beta/index.yml", "slug: beta", "slug: other"), []string{"warning slug-mismatch beta/index.yml:3:7"}},
	{"a slug in capitals", Options{}, replace("beta/index.yml", "slug: beta", "slug: Beta"), []string{"error slug-invalid beta/index.yml:3:7", "warning slug-mismatch beta/index.yml:3:7"}},
	{"the slug of another", Options{}, replace("beta/index.yml", "slug: beta", "slug: alpha"), []string{"error slug-duplicate beta/index.yml:3:7", "warning slug-mismatch beta/index.yml:3:7"}},
	{"a directory in capitals", Options{}, func(fs files) {
		fs["Gamma/index.yml"], fs["Gamma/.import.yml"] = "name: Gamma", "groups: [base1]\nversion: {name: v1}"
	}, []string{"error slug-invalid Gamma"}},
	{"the reserved slug", Options{}, func(fs files) {
		fs["platform/index.yml"], fs["platform/.import.yml"] = "name: Platform", "groups: [base1]\nversion: {name: v1}"
	}, []string{"error slug-reserved platform"}},
	{"the id of another", Options{}, func(fs files) {
		replace("beta/index.yml", "id: id-beta\n", "")(fs)
		replace("beta/.import.yml", "id-beta", "id-alpha")(fs)
	}, []string{"error workspace-id-duplicate beta/.import.yml:1:14"}},
	{"two ids", Options{}, replace("beta/index.yml", "id-beta", "id-other"), []string{"error workspace-id-mismatch beta/.import.yml:1:14"}},

	{".import.yml is empty", Options{}, write("alpha/.import.yml", ""), []string{
		"error groups-missing alpha/.import.yml", "warning version-name-missing alpha/.import.yml", "warning yaml-empty alpha/.import.yml",
		"warning dependency-unknown beta/.import.yml:8:5"}},
	{".import.yml is broken", Options{}, write("beta/.import.yml", "groups: [base1\n"), []string{"error yaml-invalid beta/.import.yml:2"}},
	{"a misspelt key", Options{}, replace("beta/.import.yml", "dependsOn", "dependson"), []string{
		"warning unknown-key beta/.import.yml:7:1", "warning import-undeclared beta/imports/Alpha App.yml:1:10"}},
	{"a key of a newer platform", Options{}, appendTo("beta/.import.yml", "signature: 1\n"), nil},
	{"a placeholder", Options{}, replace("beta/.import.yml", "id-beta", "<workspace-id>"), []string{
		"error placeholder beta/.import.yml:1:14", "error workspace-id-mismatch beta/.import.yml:1:14"}},
	{"placeholders in lists", Options{}, func(fs files) {
		replace("beta/.import.yml", "- base2", "- <group>\n  - base2")(fs)
		replace("beta/.import.yml", "- app/Alpha App", "- app/<app>\n  - app/Alpha App")(fs)
	}, []string{"error placeholder beta/.import.yml:6:5", "error placeholder beta/.import.yml:9:5"}},
	{"no version name", Options{}, replace("beta/.import.yml", "  name: \"v1.0.0\"\n", ""), []string{"warning version-name-missing beta/.import.yml"}},
	{"a long version name", Options{}, replace("beta/.import.yml", "v1.0.0", "11-24-2026.1-1795000000000"), nil},
	{"a reserved version name", Options{}, replace("beta/.import.yml", "v1.0.0", "latest"), []string{"error version-name-reserved beta/.import.yml:4:9"}},
	{"a number for a version name", Options{}, replace("beta/.import.yml", "\"v1.0.0\"", "1.10"), []string{
		"warning version-name-missing beta/.import.yml", "error type-invalid beta/.import.yml:4:9"}},

	{"no groups", Options{}, replace("alpha/.import.yml", "groups:\n  - base1\n", ""), []string{"error groups-missing alpha/.import.yml"}},
	{"an unknown group", Options{}, replace("beta/.import.yml", "- base2", "- base3"), []string{"error group-unknown beta/.import.yml:6:5"}},
	{"an empty group", Options{Groups: []Group{{Name: "base1"}, {Name: "base2"}, {Name: "extended"}}}, func(files) {}, []string{"error group-empty"}},
	{"an empty group that is not imported at startup", Options{Groups: DefaultGroups(), StartupGroups: []string{"base1"}}, func(files) {}, nil},
	{"an unknown startup group", Options{StartupGroups: []string{"base9"}}, func(files) {}, []string{"error group-unknown"}},
	{"labels that agree", Options{Groups: []Group{{Name: "base1", Labels: []string{"x", "core"}}, {Name: "base2"}}}, func(files) {}, nil},
	{"a label of another group", Options{Groups: []Group{{Name: "base1"}, {Name: "base2", Labels: []string{"core"}}}}, func(files) {}, []string{
		"error group-labels alpha/.import.yml", "error group-labels beta/.import.yml:6:5"}},

	{"a dependency that is no app", Options{}, replace("beta/.import.yml", "- app/Alpha App", "- app/Alpha App\n  - Alpha App\n  - app/a$b"), []string{
		"error depends-on-invalid beta/.import.yml:9:5", "error depends-on-invalid beta/.import.yml:10:5"}},
	{"an app from elsewhere", Options{}, replace("beta/.import.yml", "- app/Alpha App", "- app/Custom Code\n  - app/Alpha App"), []string{"warning dependency-unknown beta/.import.yml:8:5"}},
	{"slugs of apps are case-sensitive", Options{}, replace("alpha/.import.yml", "slug: Alpha App", "slug: alpha app"), []string{"warning dependency-unknown beta/.import.yml:8:5"}},
	{"a provider in a later group", Options{}, replace("alpha/.import.yml", "- base1", "- extended"), []string{"error dependency-order beta/.import.yml:8:5"}},
	{"an app that is used but not declared", Options{}, replace("beta/.import.yml", "dependsOn:\n  - app/Alpha App\n", ""), []string{"warning import-undeclared beta/imports/Alpha App.yml:1:10"}},
	{"the app of another", Options{}, appendTo("beta/.import.yml", "app:\n  slug: Alpha App\n"), []string{"error app-slug-duplicate beta/.import.yml:15:9"}},
	{"a wrong app slug", Options{}, appendTo("beta/.import.yml", "app: {slug: a$b}\n"), []string{"error app-slug-invalid beta/.import.yml:14:13"}},

	{"a file that was changed", Options{}, appendTo("beta/automations/handle-request-0.yml", "# later\n"), []string{"error checksum-mismatch beta/automations/handle-request-0.yml"}},
	{"a file that was added", Options{}, write("beta/automations/v1/new.yml", "slug: v1/new"), []string{"warning checksum-missing beta/automations/v1/new.yml"}},
	{"a file that was deleted", Options{}, remove("beta/automations/handle-request-0.yml"), []string{"warning checksum-extra beta/.import.yml:11:23"}},
	{"a checksum that is none", Options{}, replace("beta/.import.yml", "handle-request-0: ", "handle-request-0: z"), []string{
		"error checksum-invalid beta/.import.yml:11:23", "warning checksum-missing beta/automations/handle-request-0.yml"}},
	{"checksums by name, slug and path", Options{}, func(fs files) {
		fs["beta/automations/v1/by-name.yml"], fs["beta/automations/v1/b.yml"], fs["beta/pages/c.yaml"] = "a: 1", "slug: by-slug", "a: 1"
		sum := "checksums:\n  pages: {c.yaml: sha256:" + hex256("a: 1") + "}\n  automations:\n    by-name: " + hex128("a: 1") + "\n    by-slug: md5:" + hex128("slug: by-slug") + "\n"
		replace("beta/.import.yml", "checksums:\n  automations:\n", sum)(fs)
	}, nil},
	{"a wrong checksum in SHA-256", Options{}, func(fs files) {
		fs["beta/pages/c.yml"] = "a: 1"
		replace("beta/.import.yml", "checksums:\n", "checksums:\n  pages: {c: sha256:"+hex256("a: 2")+"}\n")(fs)
	}, []string{"error checksum-mismatch beta/pages/c.yml"}},
	{"no checksums", Options{}, func(fs files) {
		fs["beta/.import.yml"], _, _ = strings.Cut(fs["beta/.import.yml"], "checksums:")
	}, nil},
	{"checksums in SHA-256", Options{}, write("alpha/.import.yml", "version: {name: v1}\ngroups: [base1]\napp: {slug: Alpha App}\nchecksums:\n  imports:\n    a: sha256:"+strings.Repeat("0", 64)+"\n"), []string{
		"warning checksum-extra alpha/.import.yml:6:8", "warning checksum-missing alpha/automations/handle-request-0.yml"}},
}

func hex256(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
func hex128(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }

// bomb is the billion laughs: each level holds the one below ten times.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < levels; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.Join(slices.Repeat([]string{ref}, 10), ", "))
	}
	return b.String()
}

func TestRules(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs := pair()
			c.change(fs)
			_, _, ds := collect(c.options, fs)
			if diff := cmp.Diff(c.want, brief(ds)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			for _, d := range ds {
				if d.Message == "" || d.Help == "" {
					t.Errorf("%s has no message or no help: %+v", d.Rule, d)
				}
			}
		})
	}
}

func TestEveryRuleHasACase(t *testing.T) {
	tested := map[string]bool{"dependency-cycle": true} // TestCycles
	for _, c := range cases {
		for _, w := range c.want {
			tested[strings.Fields(w)[1]] = true
		}
	}
	for _, r := range Rules() {
		if !tested[r.ID] {
			t.Errorf("no case provokes rule %s", r.ID)
		}
		delete(tested, r.ID)
	}
	if len(tested) > 0 {
		t.Errorf("cases name rules that do not exist: %v", tested)
	}
}

func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	fs := pair()
	fs["beta/automations/handle-request-0.yml"] += "# later\n"
	_, _, want := collect(Options{}, fs)
	c := NewCollector(Options{})
	names := slices.Sorted(maps.Keys(fs))
	slices.Reverse(names)
	for _, name := range names {
		c.Add(name, []byte(fs[name]))
	}
	_, got := c.Finish()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-sorted +reversed):\n%s", diff)
	}
}

func TestMessagesHoldNoContent(t *testing.T) {
	const canary = "xK9$hunter2!canary"
	for name, text := range map[string]string{
		"beta/index.yml":           "name: " + canary + "\nslug: " + canary + "\nlabels: ['" + canary + "']\n" + canary + ": 1\n" + canary + ": 2\n",
		"beta/.import.yml":         "workspaceId: " + canary + "\ngroups: ['" + canary + "']\ndependsOn: ['" + canary + "', 'app/" + canary + "']\napp: {slug: '" + canary + "'}\nchecksums: {automations: {a: '" + canary + "'}, pages: {'" + canary + "': 0}}\n",
		"beta/imports/x.yml":       "appSlug: '" + canary + "'\n",
		"beta/x.yml":               "password: *" + canary + "\n",
		"beta/automations/y.yml":   "password: \"" + canary + "\n",
		"beta/automations/z.yml":   "password: !!int " + canary + "\n  x\n",
		"beta/automations/tag.yml": "password: !" + canary + "! a\n",
	} {
		t.Run(name, func(t *testing.T) {
			fs := pair()
			fs[name] = text
			_, _, ds := collect(Options{}, fs)
			if len(ds) == 0 {
				t.Error("nothing was reported, so nothing was tested")
			}
			for _, d := range ds {
				if strings.Contains(d.Message+d.Help, "hunter2") {
					t.Errorf("%s prints content: %s", d.Rule, d.Message)
				}
			}
		})
	}
}
