// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"
)

// ruleCase provokes a rule; want lists all expected reports.
type ruleCase struct {
	name    string
	options Options
	change  func(files)
	want    []string
}

// cases provoke each rule.
var cases = slices.Concat(basicCases, platformRuleCases)

var basicCases = []ruleCase{
	{
		name:   "valid",
		change: func(files) {},
	},
	{
		name:   "no file at all",
		change: removeAll,
		want: []string{
			"error repository-empty",
		},
	},
	{
		name:   "a file beside the workspaces",
		change: write("README.md", "# Read me"),
		want: []string{
			"info outside-workspace README.md",
		},
	},
	{
		name:   "a hidden directory beside the workspaces",
		change: write(".gitlab/ci.yml", "a: [b"),
		want: []string{
			"info outside-workspace .gitlab/ci.yml",
		},
	},
	{
		name:   "a directory that is no workspace",
		change: write("docs/a.md", ""),
		want: []string{
			"error import-metadata-missing docs",
			"error index-missing docs",
		},
	},
	{
		name:   "no .import.yml",
		change: remove("beta/.import.yml"),
		want: []string{
			"error import-metadata-missing beta",
		},
	},
	{
		name:    "alone: no .import.yml",
		options: Options{Alone: true},
		change:  remove("beta/.import.yml"),
	},
	{
		name:    "alone: no group, or an unknown one",
		options: Options{Alone: true, Groups: []Group{{Name: "other"}}, StartupGroups: []string{"other"}},
		change:  write("beta/.import.yml", "version: {name: v1}\ndependsOn: [app/Alpha App]\n"),
	},
	{
		name:   "broken YAML",
		change: write("beta/assets/x.yml", "a: 1\nb: [1\nc: 2\n"),
		want: []string{
			"error yaml-invalid beta/assets/x.yml:3:1",
		},
	},
	{
		name:   "an alias without an anchor",
		change: write("beta/x.yaml", "a: *hunter2\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:1:4",
		},
	},
	{
		name:   "two aliases without an anchor",
		change: write("beta/x.yaml", "a: *hunter2\nb: *hunter2\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:1:4",
		},
	},
	{
		name:   "a mistake in the first line",
		change: write("beta/x.yaml", "[a]]\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:1:4",
		},
	},
	{
		name:   "a mistake of words",
		change: write("beta/x.yaml", "a: b\nc: d: e\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:2:5",
		},
	},
	{
		name:   "a mistake of indentation",
		change: write("beta/x.yaml", "a: b\nc:\n  d: e\n f: g\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:4:2",
		},
	},
	{
		name:   "a control character",
		change: write("beta/x.yaml", "a: b\nc: \x01\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:2:4",
		},
	},
	{
		name:   "an alias within its anchor",
		change: write("beta/x.yaml", "a: &a\n  b: *a\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:2:6",
		},
	},
	{
		name:   "YAML that is not UTF-8",
		change: write("beta/x.yaml", "a: \xff\n"),
		want: []string{
			"error yaml-invalid beta/x.yaml:1:4",
		},
	},
	{
		name:   "empty YAML",
		change: write("beta/x.yml", "# nothing\n"), // the platform ignores it
	},
	{
		name:   "two YAML documents",
		change: write("beta/x.yml", "a: 1\n---\nb: 1\n"),
		want: []string{
			"error yaml-multiple-documents beta/x.yml:2",
		},
	},
	{
		name:   "a duplicate key",
		change: write("beta/x.yml", "a:\n  b: 1\n  'b': 2\n"),
		want: []string{
			"error yaml-duplicate-key beta/x.yml:3:3",
		},
	},
	{
		name:   "two merge keys",
		change: write("beta/x.yml", "a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n"),
	},
	{
		name:   "hidden YAML",
		change: write("beta/assets/.x.yml", "a: [b"),
	},
	{
		name:   "broken JSON",
		change: write("beta/assets/x.json", "{'a': 1}"),
		want: []string{
			"warning json-yaml beta/assets/x.json",
		},
	},
	{
		name:   "JSON with comments among the sources of a page",
		change: write("beta/pages/home/tsconfig.json", "{} // ok"),
	},
	{
		name: "a pointer of Git LFS",
		change: write("beta/assets/x.json",
			"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), // the source reports it
	},
	{
		name: "files of the platform",
		change: func(fs files) {
			fs["beta/runtime.yml"], fs["beta/automations/__index__.yml"] = "a: 1", "a: 1"
		},
		want: []string{
			"warning platform-internal beta/runtime.yml",
		},
	},
	{
		name:    "too large a file",
		options: Options{Limits: Limits{FileSize: 2000}},
		change:  write("beta/x.yml", strings.Repeat("a", 2001)),
		want: []string{
			"error limit-exceeded beta/x.yml",
		},
	},
	{
		name:    "too large a JSON file",
		options: Options{Limits: Limits{FileSize: 2000}},
		change:  write("beta/pages/x.json", strings.Repeat("1", 2001)),
		want: []string{
			"error file-extension beta/pages/x.json",
			"error limit-exceeded beta/pages/x.json",
		},
	},
	{
		name:    "too large a scalar",
		options: Options{Limits: Limits{ScalarSize: 900}},
		change:  write("beta/x.yml", "a: 1\nb: "+strings.Repeat("a", 901)),
		want: []string{
			"error limit-exceeded beta/x.yml:2:4",
		},
	},
	{
		name:    "too deep a file",
		options: Options{Limits: Limits{Depth: 20}},
		change:  write("beta/x.yml", "a: "+strings.Repeat("[", 21)+strings.Repeat("]", 21)),
		want: []string{
			"error limit-exceeded beta/x.yml:1:23",
		},
	},
	{
		name:    "too many nodes",
		options: Options{Limits: Limits{Nodes: 50}},
		change:  write("beta/x.yml", "["+strings.Repeat("a,", 51)+"]"),
		want: []string{
			"error limit-exceeded beta/x.yml:1:101",
		},
	},
	{
		name:   "a bomb of aliases",
		change: write("beta/x.yml", bomb(9)),
		want: []string{
			"error limit-exceeded beta/x.yml:6:9",
		},
	},
	{
		name:    "too many files",
		options: Options{Limits: Limits{Files: 4}},
		change:  write("beta/x.yml", "a: 1"),
		want: []string{
			"error limit-exceeded beta",
		},
	},
	{
		name:   "index.yml is a list",
		change: write("beta/index.yml", "- a\n"),
		want: []string{
			"warning secret-undeclared beta/imports/Alpha App.yml:4:14",
			"error yaml-root beta/index.yml:1:1",
		},
	},
	{
		name:   "index.yml is broken",
		change: write("beta/index.yml", "name: [\n"),
		want: []string{
			"error yaml-invalid beta/index.yml:1:7",
		},
	},
	{
		name:   "index.yml is missing",
		change: remove("beta/index.yml"),
		want: []string{
			"error index-missing beta",
		},
	},
	{
		name:   "no name",
		change: replace("beta/index.yml", "name: Sample\n", ""),
		want: []string{
			"warning name-missing beta/index.yml",
		},
	},
	{
		name:   "an empty name",
		change: replace("beta/index.yml", "Sample", "''"),
		want: []string{
			"warning name-invalid beta/index.yml:2:7",
		},
	},
	{
		name:   "a name with an accent",
		change: replace("beta/index.yml", "Sample", "L'été à Zürich"),
	},
	{
		name:   "a wrong name",
		change: replace("beta/index.yml", "Sample", "a/b"),
		want: []string{
			"warning name-invalid beta/index.yml:2:7",
		},
	},
	{
		name:   "a number for a name",
		change: replace("beta/index.yml", "Sample", "2024"),
		want: []string{
			"warning type-coerced beta/index.yml:2:7",
		},
	},
	{
		name:   "yes for a name",
		change: replace("beta/index.yml", "Sample", "yes"),
	},
	{
		name:   "a wrong label",
		change: replace("alpha/index.yml", "- core", "- core\n  - a b"),
		want: []string{
			"warning label-invalid alpha/index.yml:6:5",
		},
	},
	{
		name:   "labels that are no list",
		change: replace("alpha/index.yml", "labels:\n  - core", "labels: core"),
		want: []string{
			"warning type-coerced alpha/index.yml:4:9",
		},
	},
	{
		name:   "no slug",
		change: replace("beta/index.yml", "slug: beta\n", ""),
	},
	{
		name:   "a slug that is not the directory",
		change: replace("beta/index.yml", "slug: beta", "slug: other"),
		want: []string{
			"warning slug-mismatch beta/index.yml:3:7",
		},
	},
	{
		name:   "a slug in capitals",
		change: replace("beta/index.yml", "slug: beta", "slug: Beta"),
		want: []string{
			"error slug-invalid beta/index.yml:3:7",
			"warning slug-mismatch beta/index.yml:3:7",
		},
	},
	{
		name:   "the slug of another",
		change: replace("beta/index.yml", "slug: beta", "slug: alpha"),
		want: []string{
			"error slug-duplicate beta/index.yml:3:7",
			"warning slug-mismatch beta/index.yml:3:7",
		},
	},
	{
		name: "a directory in capitals",
		change: func(fs files) {
			fs["Gamma/index.yml"], fs["Gamma/.import.yml"] = "name: Gamma", "groups: [base1]\nversion: {name: v1}"
		},
		want: []string{
			"error slug-invalid Gamma",
		},
	},
	{
		name: "the reserved slug",
		change: func(fs files) {
			fs["platform/index.yml"], fs["platform/.import.yml"] = "name: Platform", "groups: [base1]\nversion: {name: v1}"
		},
		want: []string{
			"error slug-reserved platform",
		},
	},
	{
		name: "the id of another",
		change: func(fs files) {
			replace("beta/index.yml", "id: id-beta\n", "")(fs)
			replace("beta/.import.yml", "id-beta", "id-alpha")(fs)
		},
		want: []string{
			"error workspace-id-duplicate beta/.import.yml:1:14",
		},
	},
	{
		name:   "two ids",
		change: replace("beta/index.yml", "id-beta", "id-other"),
		want: []string{
			"error workspace-id-mismatch beta/.import.yml:1:14",
		},
	},
	{
		name:   ".import.yml is empty",
		change: write("alpha/.import.yml", ""),
		want: []string{
			"warning file-empty alpha/.import.yml",
			"error groups-missing alpha/.import.yml",
			"warning version-name-missing alpha/.import.yml",
			"warning dependency-unknown beta/.import.yml:8:5",
		},
	},
	{
		name:   ".import.yml is broken",
		change: write("beta/.import.yml", "groups: [base1\n"),
		want: []string{
			"error yaml-invalid beta/.import.yml:1:9",
		},
	},
	{
		name:   "a misspelt key",
		change: replace("beta/.import.yml", "dependsOn", "dependson"),
		want: []string{
			"warning unknown-key beta/.import.yml:7:1",
			"warning import-undeclared beta/imports/Alpha App.yml:1:10",
		},
	},
	{
		name: "two more misspelt keys",
		change: func(fs files) {
			replace("beta/.import.yml", "groups:", "GROUP: x\ngroups:")(fs)
			replace("beta/.import.yml", "dependsOn:", "depends_on: x\ndependsOn:")(fs)
		},
		want: []string{
			"warning unknown-key beta/.import.yml:5:1",
			"warning unknown-key beta/.import.yml:8:1",
		},
	},
	{
		name:   "a key of a newer platform",
		change: appendTo("beta/.import.yml", "signature: 1\n"),
	},
	{
		name:   "a placeholder",
		change: replace("beta/.import.yml", "id-beta", "<workspace-id>"),
		want: []string{
			"error placeholder beta/.import.yml:1:14",
			"error workspace-id-mismatch beta/.import.yml:1:14",
		},
	},
	{
		name: "placeholders in lists",
		change: func(fs files) {
			replace("beta/.import.yml", "- base2", "- <group>\n  - base2")(fs)
			replace("beta/.import.yml", "- app/Alpha App", "- app/<app>\n  - app/Alpha App")(fs)
		},
		want: []string{
			"error placeholder beta/.import.yml:6:5",
			"error placeholder beta/.import.yml:9:5",
		},
	},
	{
		name:   "no version name",
		change: replace("beta/.import.yml", "  name: \"v1.0.0\"\n", ""),
		want: []string{
			"warning version-name-missing beta/.import.yml",
		},
	},
	{
		name:   "a long version name",
		change: replace("beta/.import.yml", "v1.0.0", "11-24-2026.1-1795000000000"),
	},
	{
		name:   "a reserved version name",
		change: replace("beta/.import.yml", "v1.0.0", "latest"),
		want: []string{
			"error version-name-reserved beta/.import.yml:4:9",
		},
	},
	{
		name:   "a number for a version name",
		change: replace("beta/.import.yml", "\"v1.0.0\"", "1.10"),
		want: []string{
			"warning version-name-missing beta/.import.yml",
			"error type-invalid beta/.import.yml:4:9",
		},
	},
	{
		name:   "no groups",
		change: replace("alpha/.import.yml", "groups:\n  - base1\n", ""),
		want: []string{
			"error groups-missing alpha/.import.yml",
		},
	},
	{
		name:   "a group where none are configured",
		change: replace("beta/.import.yml", "- base2", "- base3"),
	},
	{
		name:   "a group that cannot be one",
		change: replace("beta/.import.yml", "- base2", "- base 3"),
		want: []string{
			"error group-unknown beta/.import.yml:6:5",
		},
	},
	{
		name:    "an unknown group",
		options: Options{Groups: DefaultGroups(), StartupGroups: []string{"base1"}},
		change:  replace("beta/.import.yml", "- base2", "- base3"),
		want: []string{
			"error group-unknown beta/.import.yml:6:5",
		},
	},
	{
		name:    "an empty group",
		options: Options{Groups: []Group{{Name: "base1"}, {Name: "base2"}, {Name: "extended"}}},
		change:  func(files) {},
		want: []string{
			"error group-empty",
		},
	},
	{
		name:    "an empty group that is not imported at startup",
		options: Options{Groups: DefaultGroups(), StartupGroups: []string{"base1"}},
		change:  func(files) {},
	},
	{
		name:    "an unknown startup group",
		options: Options{StartupGroups: []string{"base9"}},
		change:  func(files) {},
		want: []string{
			"error group-unknown",
		},
	},
	{
		name:    "labels that agree",
		options: Options{Groups: []Group{{Name: "base1", Labels: []string{"x", "core"}}, {Name: "base2"}}},
		change:  func(files) {},
	},
	{
		name:    "a label of another group",
		options: Options{Groups: []Group{{Name: "base1"}, {Name: "base2", Labels: []string{"core"}}}},
		change:  func(files) {},
		want: []string{
			"error group-labels alpha/.import.yml",
			"error group-labels beta/.import.yml:6:5",
		},
	},
	{
		name:   "a dependency that is no app",
		change: replace("beta/.import.yml", "- app/Alpha App", "- app/Alpha App\n  - Alpha App\n  - app/a$b"),
		want: []string{
			"error depends-on-invalid beta/.import.yml:9:5",
			"error depends-on-invalid beta/.import.yml:10:5",
		},
	},
	{
		name:   "an app from elsewhere",
		change: replace("beta/.import.yml", "- app/Alpha App", "- app/Custom Code\n  - app/Alpha App"),
		want: []string{
			"warning dependency-unknown beta/.import.yml:8:5",
		},
	},
	{
		name:   "slugs of apps are case-sensitive",
		change: replace("alpha/.import.yml", "slug: Alpha App", "slug: alpha app"),
		want: []string{
			"warning dependency-unknown beta/.import.yml:8:5",
		},
	},
	{
		name:   "a provider in a later group",
		change: replace("alpha/.import.yml", "- base1", "- extended"),
		want: []string{
			"error dependency-order beta/.import.yml:8:5",
		},
	},
	{
		name:   "an app that is used but not declared",
		change: replace("beta/.import.yml", "dependsOn:\n  - app/Alpha App\n", ""),
		want: []string{
			"warning import-undeclared beta/imports/Alpha App.yml:1:10",
		},
	},
	{
		name:   "the app of another",
		change: appendTo("beta/.import.yml", "app:\n  slug: Alpha App\n"),
		want: []string{
			"error app-slug-duplicate beta/.import.yml:15:9",
			"error app-photo-missing beta/index.yml",
		},
	},
	{
		name:   "a wrong app slug",
		change: appendTo("beta/.import.yml", "app: {slug: a$b}\n"),
		want: []string{
			"error app-slug-invalid beta/.import.yml:14:13",
			"error app-photo-missing beta/index.yml",
		},
	},
	{
		name:    "a file that was changed",
		options: Options{Checksums: ChecksumsVerify},
		change:  appendTo("beta/automations/handle-request-0.yml", "# later\n"),
		want: []string{
			"error checksum-mismatch beta/automations/handle-request-0.yml",
		},
	},
	{
		name:    "a file that was added",
		options: Options{Checksums: ChecksumsVerify},
		change:  write("beta/automations/v1/new.yml", "slug: v1/new"),
		want: []string{
			"error checksum-missing beta/automations/v1/new.yml",
		},
	},
	{
		name:    "a file that was deleted",
		options: Options{Checksums: ChecksumsVerify},
		change:  remove("beta/automations/handle-request-0.yml"),
		want: []string{
			"error checksum-extra beta/.import.yml:11:23",
		},
	},
	{
		name:    "a checksum that is none",
		options: Options{Checksums: ChecksumsVerify},
		change:  replace("beta/.import.yml", "handle-request-0: ", "handle-request-0: z"),
		want: []string{
			"error checksum-invalid beta/.import.yml:11:23",
		},
	},
	{
		name: "checksums by name, slug and path",
		change: func(fs files) {
			fs["beta/automations/v1/by-name.yml"] = "a: 1"
			fs["beta/automations/v1/b.yml"] = "slug: by-slug"
			fs["beta/pages/c.yaml"] = "a: 1"
			sum := "checksums:\n  pages: {c.yaml: sha256:" + hex256("a: 1") + "}\n  automations:\n    by-name: " +
				hex128("a: 1") + "\n    by-slug: md5:" + hex128("slug: by-slug") + "\n"
			replace("beta/.import.yml", "checksums:\n  automations:\n", sum)(fs)
		},
		want: []string{
			"error object-slug-mismatch beta/automations/v1/b.yml:1:7",
			"error file-extension beta/pages/c.yaml",
		},
	},
	{
		name:    "a wrong checksum in SHA-256",
		options: Options{Checksums: ChecksumsVerify},
		change: func(fs files) {
			fs["beta/pages/c.yml"] = "a: 1"
			replace("beta/.import.yml", "checksums:\n", "checksums:\n  pages: {c: sha256:"+hex256("a: 2")+"}\n")(fs)
		},
		want: []string{
			"error checksum-mismatch beta/pages/c.yml",
		},
	},
	{
		name: "an edit, a new file and a deleted one: one line",
		change: func(fs files) {
			fs["beta/automations/handle-request-0.yml"] += "# later\n"
			fs["beta/automations/new.yml"] = "do: []"
			replace("beta/.import.yml", "checksums:\n", "checksums:\n  pages: {gone: "+hex128("x")+"}\n")(fs)
		},
		want: []string{"warning checksum-mismatch beta/.import.yml"},
	},
	{
		name:    "an edit that is ignored",
		options: Options{Checksums: ChecksumsIgnore},
		change: func(fs files) {
			fs["beta/automations/handle-request-0.yml"] += "# later\n"
			replace("beta/.import.yml", "handle-request-0: ", "handle-request-0: z")(fs)
		},
	},
	{
		name:    "nothing to verify",
		options: Options{Checksums: ChecksumsVerify},
		change: func(fs files) {
			fs["beta/.import.yml"], _, _ = strings.Cut(fs["beta/.import.yml"], "checksums:")
		},
		want: []string{"error checksum-missing beta/.import.yml"},
	},
	{
		name: "no checksums",
		change: func(fs files) {
			fs["beta/.import.yml"], _, _ = strings.Cut(fs["beta/.import.yml"], "checksums:")
		},
	},
	{
		name:    "checksums in SHA-256",
		options: Options{Checksums: ChecksumsVerify},
		change: write("alpha/.import.yml",
			"version: {name: v1}\ngroups: [base1]\napp: {slug: Alpha App}\nchecksums:\n  imports:\n    a: sha256:"+
				strings.Repeat("0", 64)+"\n"),
		want: []string{
			"error checksum-extra alpha/.import.yml:6:8",
			"error checksum-missing alpha/automations/handle-request-0.yml",
		},
	},
	{
		name:   "a secret that is not declared",
		change: write("beta/pages/x.yml", "a: 'ä{{ secret.mailKey }}'\nb: '{{secret.mailKey}}'"),
		want: []string{
			"warning checksum-mismatch beta/.import.yml",
			"warning secret-undeclared beta/pages/x.yml:1:9",
		},
	},
	{
		name: "a secret that is not declared, in JSON and in index.yml",
		change: both(write("beta/assets/x.json", `{"a":"{{secret[\"mailKey\"]}}"}`),
			appendTo("beta/index.yml", "description: '{{secret.other}}'\n")),
		want: []string{
			"warning secret-undeclared beta/assets/x.json:1:9",
			"warning secret-undeclared beta/index.yml:7:17",
		},
	},
	{
		name:   "a secret that nothing refers to",
		change: replace("beta/index.yml", "apiKey:", "old: {required: true}\n    apiKey:"),
		want: []string{
			"warning secret-unused beta/index.yml:6:5",
		},
	},
	{
		name: "secrets with reserved names",
		change: both(replace("beta/index.yml", "apiKey:", "prismeai_a: {}\n    apiKey:"),
			appendTo("beta/index.yml", "description: '{{secret.prismeai_a}} {{secret.prismeai_b}}'\n")),
		want: []string{
			"warning secret-reserved beta/index.yml:6:5",
			"warning secret-reserved beta/index.yml:8:39",
			"warning secret-undeclared beta/index.yml:8:39",
		},
	},
	{
		name:   "declarations in a form that is not known",
		change: appendTo("alpha/index.yml", "secrets: '{{x}}'\nconfig: [1]\n"),
	},
}
