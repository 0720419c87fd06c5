// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// oneFile writes a file without a checksum; the checksums of beta are removed.
func oneFile(file, text string, want ...string) ruleCase {
	return ruleCase{
		name: file + ": " + firstLine(text),
		change: func(fs files) {
			head, _, _ := strings.Cut(fs["beta/.import.yml"], "checksums:")
			fs["beta/.import.yml"] = head
			fs["beta/"+file] = text
		},
		want: want,
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

const (
	rulesOf = "authorizations:\n  roles: {editor: {}}\n  rules:\n    - "
	doOf    = "name: x\ndo:\n  - "
)

// platformRuleCases cover what the platform refuses, loses or changes.
var platformRuleCases = []ruleCase{
	oneFile("automations/a.yaml", "do: []\n", "error file-extension beta/automations/a.yaml"),
	oneFile("automations/a.json", `{"do": []}`, "error file-extension beta/automations/a.json"),
	oneFile("automations/a.YML", "do: []\n", "error file-extension beta/automations/a.YML"),
	oneFile("pages/app/tsconfig.json", "{\n // c\n \"a\": 1,\n}"),
	oneFile("pages/app/package.json", `{"a": 1, "a": 2}`, "error json-invalid beta/pages/app/package.json:1:10"),
	oneFile("pages/app/pnpm-lock.yaml", "lockfileVersion: 9\n"),
	oneFile("pages/app/src/x.ts", "export default 1\n"),
	oneFile("automations/x.json", `{"a": 1, "a": 2}`, "error file-extension beta/automations/x.json",
		"error json-invalid beta/automations/x.json:1:10"),
	oneFile("swagger.json", "{\n // c\n \"a\": 1,\n}", "error json-invalid beta/swagger.json:3:5"),
	oneFile("swagger.json", "{\"a\": 1,}", "warning json-yaml beta/swagger.json"),
	oneFile("swagger.yml", "- a\n"),
	oneFile("automation/a.yml", "do: []\n", "error section-name beta/automation/a.yml"),
	oneFile("Pages/a.yml", "blocks: []\n", "error section-name beta/Pages/a.yml"),
	oneFile("automations.old/a.yml", "do: []\n", "error section-name beta/automations.old/a.yml"),
	oneFile("imports.yml", "appSlug: A\n", "error section-name beta/imports.yml"),
	oneFile("images/a.yml", "x: 1\n"),
	oneFile("imports/x/A.yml", "appSlug: Alpha App\n", "error import-nested beta/imports/x/A.yml"),
	oneFile("automations/.a.yml", "do: []\n", "warning file-hidden beta/automations/.a.yml"),
	oneFile("pages/app/.eslintrc.json", "{}"),
	oneFile("index.json", `{"name": "x"}`, "error root-override beta/index.json"),
	oneFile("index/x.yml", "name: x\n", "error root-override beta/index/x.yml"),
	oneFile("security/x.yml", "a: 1\n", "error root-override beta/security/x.yml"),
	oneFile("security.yaml", "authorizations: {}\n", "error root-override beta/security.yaml"),
	oneFile("assets/mybulkExport.json", "{}", "error bulk-export-name beta/assets/mybulkExport.json"),
	oneFile("automations/a.b.yml", "do: []\n", "error object-slug-invalid beta/automations/a.b.yml"),
	oneFile("automations/été.yml", "do: []\n", "error object-slug-invalid beta/automations/été.yml"),
	oneFile("pages/a (1).yml", "blocks: []\n", "error object-slug-invalid beta/pages/a (1).yml"),
	oneFile("imports/A v1.2.yml", "appSlug: Alpha App\n", "error object-slug-invalid beta/imports/A v1.2.yml"),
	oneFile("automations/a.yml", "slug: {b: c}\ndo: []\n", "error object-slug-invalid beta/automations/a.yml:1:7"),
	oneFile("automations/a.yml", "slug: \"a\\n\"\ndo: []\n", "error object-slug-invalid beta/automations/a.yml:1:7"),
	oneFile("automations/a.yml", "slug: b\ndo: []\n", "error object-slug-mismatch beta/automations/a.yml:1:7"),
	oneFile("automations/a.yml", "slug: 12\ndo: []\n", "error object-slug-mismatch beta/automations/a.yml:1:7"),
	oneFile("automations/a.yml", "slug: [b]\ndo: []\n", "error object-slug-mismatch beta/automations/a.yml:1:7"),
	oneFile("automations/12.yml", "slug: 12\ndo: []\n"),
	oneFile("automations/a.yml", "slug: ''\ndo: []\n"),
	oneFile("automations/a.yml", "slug: 0\ndo: []\n"),
	oneFile("automations/my auto.yml", "do: []\n"),
	oneFile("automations/v1/status.yml", "do: []\n"),
	oneFile("automations/v1/status.yml", "slug: v1/status\ndo: []\n"),
	oneFile("automations/v1/status.yml", "slug: status\ndo: []\n",
		"warning object-slug-nested beta/automations/v1/status.yml:1:7"),
	oneFile("automations/v1/status.yml", "slug: other\ndo: []\n",
		"error object-slug-mismatch beta/automations/v1/status.yml:1:7"),
	oneFile("imports/A.yml", "slug: B\nappSlug: Alpha App\n", "warning import-slug-mismatch beta/imports/A.yml:1:7"),
	oneFile("automations/a.yml", "slug: handle-request-0\ndo: []\n",
		"error object-slug-mismatch beta/automations/a.yml:1:7",
		"error object-slug-duplicate beta/automations/handle-request-0.yml"),
	oneFile("imports/constructor.yml", "appSlug: Alpha App\n",
		"error object-slug-reserved beta/imports/constructor.yml"),
	oneFile("pages/a.yml", "slug: __index__\nblocks: []\n", "error object-slug-reserved beta/pages/a.yml:1:7"),
	oneFile("automations/constructor.yml", "do: []\n"),

	oneFile("automations/a.yml", "", "error yaml-empty beta/automations/a.yml"),
	oneFile("automations/a.yml", "# nothing\n", "error yaml-empty beta/automations/a.yml"),
	oneFile("automations/a.yml", "~\n", "error yaml-empty beta/automations/a.yml"),
	oneFile("index.yml", "", "warning secret-undeclared beta/imports/Alpha App.yml:4:14",
		"error yaml-empty beta/index.yml"),
	oneFile("security.yml", "", "warning file-empty beta/security.yml"),
	oneFile("automations/a.yml", "TODO\n", "error yaml-root beta/automations/a.yml:1:1"),
	oneFile("imports/A.yml", "- foo\n", "error yaml-root beta/imports/A.yml:1:1"),
	oneFile("security.yml", "foo\n", "error yaml-root beta/security.yml:1:1"),
	oneFile("automations/a.yml", "do: []\noutput: {{b}}\n", "error yaml-mapping-key beta/automations/a.yml:2:10"),
	oneFile("automations/a.yml", "do: []\nx:\n  {{b}}: c\n", "error yaml-mapping-key beta/automations/a.yml:3:4"),
	oneFile("automations/a.yml", "do: []\nx: {% b %}\n", "error yaml-invalid beta/automations/a.yml:2:5"),
	oneFile("chart/values.yaml", "a: {{b}}\nc: \ufeffd\n? [a, b]\n"),
	oneFile("templates/a.json", `{"a": {{b}}}`),
	oneFile("pages/app/values.yml", "a: {{b}}\n"),
	oneFile("pages/app/a.yml", "blocks: []\na: {{b}}\n", "error yaml-mapping-key beta/pages/app/a.yml:2:5"),
	oneFile("automations/a.yml", "do: []\n? [a, b]\n: c\n", "warning yaml-list-key beta/automations/a.yml:2:3"),
	oneFile("automations/a.yml", "&x do: []\n", "warning yaml-property-before-key beta/automations/a.yml:1:1"),
	oneFile("automations/a.yml", "\ufeff\ufeffdo: []\n", "error yaml-byte-order-mark beta/automations/a.yml:1:1"),
	oneFile("automations/a.yml", "\ufeffdo: []\n"),
	oneFile("automations/a.yml", "do: []\nwhen:\n\u00a0\u00a0endpoint: true\n",
		"warning yaml-invisible-character beta/automations/a.yml:3:1"),
	oneFile("automations/a.yml", "do: []\nx: {'a\u00a0': Prix\u00a0, a\u00a0b: c}\n"),
	oneFile("chart/a.yml", "\u00a0a: b\n"),
	oneFile("automations/a.yml", "\xff\xfea\x00", "error yaml-invalid beta/automations/a.yml"),
	oneFile("automations/a.yml", "do: []\nx: \"\\uD83D http:\\/\\/x\"\ny: |\n  a\u2028b\n"),
	oneFile("automations/a.yml", "a: &a \""+strings.Repeat("x", 1<<10)+"\"\nb: ["+strings.Repeat("*a, ", 1<<17)+"]\n",
		"error limit-exceeded beta/automations/a.yml:2:4"),

	oneFile("automations/a.yml", "do: []\n<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> x\n",
		"error yaml-invalid beta/automations/a.yml:2:1"),
	oneFile("swagger.json", "{\n<<<<<<< HEAD\n\"a\": 1\n=======\n\"a\": 2\n>>>>>>> x\n}\n",
		"error json-invalid beta/swagger.json:2:1"),
	oneFile("automations/a.yml", "do: []\nx: |\n  <<<<<<< HEAD\n  >>>>>>> x\n"),

	oneFile("automations/a.yml", "when: {schedules: [not a cron]}\n",
		"error schedule-invalid beta/automations/a.yml:1:20"),
	oneFile("automations/a.yml", "when: {schedules: {a: 1}}\n", "error schedule-invalid beta/automations/a.yml:1:19"),
	oneFile("automations/a.yml", "when: {schedules: '0 8 * * 1-5'}\n",
		"error schedule-invalid beta/automations/a.yml:1:19"),
	oneFile("automations/a.yml", "when: {schedules: '* * * * *'}\n",
		"warning type-coerced beta/automations/a.yml:1:19"),
	oneFile("automations/a.yml", "when: {schedules: ['0 0 8 * * 1-5', '@daily', '0 0 L * *']}\n"),
	oneFile("automations/a.yml", "when: {schedules: }\n"),
	oneFile("automations/a.yml", doOf+"\n", "error instruction-null beta/automations/a.yml:3:4"),
	oneFile("automations/a.yml", doOf+"emit:\n", "error instruction-null beta/automations/a.yml:3:10"),
	oneFile("automations/a.yml", doOf+"repeat:\n      on: x\n      do: [~]\n",
		"error instruction-null beta/automations/a.yml:5:12"),
	oneFile("automations/a.yml", doOf+"conditions:\n      '{{a}}': [{all: [~]}]\n      default:\n",
		"error instruction-null beta/automations/a.yml:4:24"),
	oneFile("automations/a.yml", doOf+"emit: {event: 12, autocomplete: {a: {}}}\n",
		"error instruction-null beta/automations/a.yml:3:11"),
	oneFile("automations/a.yml", doOf+"conditions: {a: , default: []}\n  - break:\n  - text\n  - emit: {event: 12}\n"),
	oneFile("pages/a.yml", "blocks: {a: 1}\n", "error page-invalid beta/pages/a.yml:1:9"),
	oneFile("pages/a.yml", "blocks: [{}, ~]\n", "error page-invalid beta/pages/a.yml:1:14"),
	oneFile("pages/a.yml", "labels: {a: b}\n", "error page-invalid beta/pages/a.yml:1:9"),
	oneFile("pages/a.yml", "labels: a\nblocks:\n"),
	oneFile("imports/A.yml", "config: {}\n", "warning import-app-missing beta/imports/A.yml:1:1"),

	oneFile("security.yml", "authorizations:\n  rules: {a: 1}\n", "error security-invalid beta/security.yml:2:10"),
	oneFile("security.yml", "authorizations:\n  rules: [~]\n", "error security-invalid beta/security.yml:2:11"),
	oneFile("security.yml", "authorizations: {roles: [a]}\n", "error security-invalid beta/security.yml:1:25"),
	oneFile("security.yml", "authorizations: {roles: {a: }}\n", "error security-invalid beta/security.yml:1:26"),
	oneFile("security.yml", rulesOf+"{subject: pages}\n", "error security-invalid beta/security.yml:4:7"),
	oneFile("security.yml", rulesOf+"{action: read, subject: []}\n", "error security-invalid beta/security.yml:4:7"),
	oneFile("security.yml", rulesOf+"{role: ghost, action: read, subject: pages}\n",
		"error security-role-unknown beta/security.yml:4:14"),
	oneFile("security.yml", rulesOf+"{role: [editor, owner], action: read, subject: pages}\n",
		"error security-role-unknown beta/security.yml:4:23"),
	oneFile("security.yml",
		rulesOf+"{role: editor, action: [read], subject: secrets}\n    - {action: read, subject: agents}\n"),
	oneFile("security.yml", "authorizations:\nfoo: {}\n"),

	oneFile("security.yml", rulesOf+"{action: [read, upadte], subject: pages}\n",
		"error security-invalid beta/security.yml:4:23"),
	oneFile("security.yml", rulesOf+"{action: approve, subject: pages}\n",
		"warning security-unknown beta/security.yml:4:16"),
	oneFile("security.yml", "authorizations: [a]\n", "warning security-unknown beta/security.yml:1:17"),
	oneFile("security.yaml", "authorizations: {rules: a}\n",
		"error root-override beta/security.yaml", "error security-invalid beta/security.yaml:1:25"),
	oneFile("security.json", `{"authorizations": {"rules": [1]}}`,
		"error root-override beta/security.json", "error security-invalid beta/security.json:1:31"),
	oneFile("security.yml", "authorizations: {rule: []}\n", "warning security-unknown beta/security.yml:1:18"),
	oneFile("automations/a.yml", doOf+"emit: {event: 'a {{b}}', autocomplete: {b: }}\n",
		"error instruction-null beta/automations/a.yml:3:48"),
	{
		name: "values of other types in index.yml",
		change: replace("beta/index.yml", "id: id-beta\nname: Sample",
			"id: 12\nname: Sample\nlabels: foo\nphoto: 12\nregisterWorkspace: maybe\ndescription: 12"),
		want: []string{
			"error workspace-id-mismatch beta/.import.yml:1:14", "warning type-coerced beta/index.yml:1:5",
			"warning type-coerced beta/index.yml:3:9",
			"warning type-coerced beta/index.yml:4:8", "error type-invalid beta/index.yml:5:20",
		},
	},
	{
		name:   "no description",
		change: replace("beta/index.yml", "name: Sample", "name: Sample\ndescription:"),
		want:   []string{"error description-null beta/index.yml:3:13"},
	},
	{
		name:   "an app without a photo",
		change: replace("alpha/index.yml", "photo: https://files.example.com/alpha.svg\n", ""),
		want:   []string{"error app-photo-missing alpha/index.yml"},
	},
	{
		name:   "an app by its label",
		change: replace("beta/index.yml", "name: Sample", "labels: ['production:app']\nname: Sample"),
		want:   []string{"error app-photo-missing beta/index.yml:2:10"},
	},
	{
		name:   "an app of another name",
		change: replace("alpha/index.yml", "labels:\n", "labels:\n  - production:app\n"),
		want:   []string{"warning app-name-mismatch alpha/index.yml:2:7"},
	},
	{
		name: "parts that a pull leaves alone",
		change: replace("beta/index.yml", "name: Sample",
			"name: Sample\nrepositories: {git: {pull: {exclude: [{path: index}]}}}"),
		want: []string{"warning pull-exclude beta/index.yml:3:38"},
	},
	{
		name:   "custom domains, which an import empties",
		change: replace("beta/index.yml", "name: Sample", "name: Sample\ncustomDomains: [chat.example.com]"),
		want:   []string{"warning custom-domains beta/index.yml:3:16"},
	},
	{
		name:   "app instances in index.yml",
		change: replace("beta/index.yml", "name: Sample", "name: Sample\nimports: {Mail: {appSlug: Mail}}\npages: {}"),
		want:   []string{"warning index-objects beta/index.yml:3:10"},
	},
	{
		name: "merge keys in .import.yml",
		change: func(fs files) {
			fs["beta/.import.yml"] = "x: &x {groups: [base2]}\n<<: *x\nversion: {<<: &v {name: v1}}\n? &k workspaceId\n: " +
				"id-beta\ndependsOn: [app/Alpha App]\n"
		},
	},
	{
		name: "keys by alias and of numbers in index.yml",
		change: func(fs files) {
			fs["beta/index.yml"] = "x: &k name\n*k : Sample\nslug: beta\nsecrets: {schema: {? &s apiKey : {type: string}}}\n"
		},
	},
	{
		name:   "a version name that is a number that overflows",
		change: replace("beta/.import.yml", `name: "v1.0.0"`, "name: 61e9540"),
		want:   []string{"warning version-name-missing beta/.import.yml", "error type-invalid beta/.import.yml:4:9"},
	},
	{
		name:   "a version name that is a date",
		change: replace("beta/.import.yml", `name: "v1.0.0"`, "name: 2026-02-15T10:00:00"),
		want:   []string{"warning version-name-missing beta/.import.yml", "error type-invalid beta/.import.yml:4:9"},
	},
	{
		name: "line ends that a checkout changed",
		change: func(fs files) {
			for name, text := range fs {
				if strings.HasPrefix(name, "beta/automations/") || strings.HasPrefix(name, "beta/imports/") {
					fs[name] = strings.ReplaceAll(text, "\n", "\r\n")
				}
			}
		},
		want: []string{"warning checksum-line-ends beta"},
	},
	{
		name: "a checksum in another Unicode form",
		change: func(fs files) {
			name := "beta/pages/app/envoyé.yml"
			fs[norm.NFD.String(name)] = "a: 1"
			replace("beta/.import.yml", "checksums:\n",
				"checksums:\n  pages: {"+norm.NFC.String("app/envoyé")+": "+hex128("a: 1")+"}\n")(fs)
		},
		want: []string{"warning checksum-name-form " + norm.NFD.String("beta/pages/app/envoyé.yml")},
	},
	{
		name: "delegated secrets whose caller comes later",
		change: func(fs files) {
			fs["alpha/security.yml"] = "authorizations:\n  rules:\n    - action: [create, update]\n      subject: " +
				"secure_secrets\n" +
				"      conditions: {name: {$regex: '^figRefresh_${user.id}$'}}\n"
			for _, name := range []string{"index.yml", ".import.yml"} {
				fs["knowledge-sync/"+name] = strings.ReplaceAll(fs["beta/"+name], "beta", "knowledge-sync")
			}
			head, _, _ := strings.Cut(fs["knowledge-sync/.import.yml"], "checksums:")
			fs["knowledge-sync/.import.yml"] = head
		},
		want: []string{
			"warning secret-unused knowledge-sync/index.yml:6:5",
			"warning delegation-order alpha/security.yml:3:7",
		},
	},
}
