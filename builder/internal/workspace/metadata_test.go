// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// metadataOf parses an .import.yml and returns its values without positions.
func metadataOf(t *testing.T, text string) (values map[string][]string, rules []string) {
	t.Helper()
	root, errs := parseYAML([]byte(text), Limits{}.withDefaults())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	rep := new(reporter)
	m := readMetadata(root, valueReader{rep, metadataFile})
	values = map[string][]string{}
	for key, texts := range map[string][]Text{
		"id": {m.workspaceID}, "version": {m.version}, "app": {m.app}, "groups": m.groups, "dependsOn": m.dependsOn,
	} {
		for _, t := range texts {
			if t.Value != "" {
				values[key] = append(values[key], t.Value)
			}
		}
	}
	for _, c := range m.checksums {
		values["checksums"] = append(values["checksums"], c.section+"/"+c.key+"="+c.algorithm)
	}
	return values, brief(rep.sortedFindings())
}

func TestReadMetadata(t *testing.T) {
	md5sum, sha := strings.Repeat("0a", 16), strings.Repeat("0A", 32)
	for _, c := range []struct {
		name, text string
		want       map[string][]string
		rules      []string
	}{
		{
			name: "all of it",
			text: "workspaceId: a-_1\nversion: {type: export, name: v1}\ngroups: [g, h]\ndependsOn: [app/Custom Code]\n" +
				"app: {slug: MyApp, name: My App}\nchecksums: {automations: {a/b: " + md5sum + ", 'c d': 'sha256:" +
				sha + "'}}\n",
			want: map[string][]string{
				"id": {"a-_1"}, "version": {"v1"}, "groups": {"g", "h"}, "dependsOn": {"Custom Code"}, "app": {"MyApp"},
				"checksums": {"automations/a/b=md5", "automations/c d=sha256"},
			},
		},
		{
			name: "a plain export",
			text: "version:\n  type: export\n  exportedAt: 2026-01-01T00:00:00.000Z\nchecksums:\n  automations: {}\n",
			want: map[string][]string{},
		},
		{
			name: "an id and an app only",
			text: "workspaceId: abc\napp:\n  slug: x\n",
			want: map[string][]string{"id": {"abc"}, "app": {"x"}},
		},
		{
			name: "null stands for nothing",
			text: "workspaceId: ~\nversion:\ngroups: null\ndependsOn:\napp:\nchecksums:\n  pages:\n",
			want: map[string][]string{},
		},
		{
			name: "aliases are followed",
			text: "workspaceId: &id abc\ngroups: &g [a]\ndependsOn: []\nversion: {name: *id}\n",
			want: map[string][]string{"id": {"abc"}, "version": {"abc"}, "groups": {"a"}},
		},
		{
			name: "values of the wrong type",
			text: "workspaceId: [a]\nversion: v1\ngroups: {a: b}\ndependsOn: [1]\napp: x\nchecksums: []\n",
			want: map[string][]string{},
			rules: []string{"error type-invalid .import.yml:1:14", "error type-invalid .import.yml:2:10",
				"error type-invalid .import.yml:3:9", "error type-invalid .import.yml:4:13",
				"error type-invalid .import.yml:5:6", "error type-invalid .import.yml:6:12"},
		},
		{
			name: "what YAML reads as other than text",
			text: "workspaceId: 1234567\nversion: {name: 2026-01-01}\ngroups: [true]\n",
			want: map[string][]string{},
			rules: []string{"error type-invalid .import.yml:1:14", "error type-invalid .import.yml:2:17",
				"error type-invalid .import.yml:3:10"},
		},
		{
			name: "what YAML 1.1 read as other than text",
			text: "workspaceId: yes\ngroups: [on, 'no']\n",
			want: map[string][]string{"id": {"yes"}, "groups": {"on", "no"}},
		},
		{
			name: "checksums that are none",
			text: "checksums:\n  a:\n    b: sha512:00\n    c: md5:00\n    d: [x]\n    e: sha256:" + md5sum + "\n",
			want: map[string][]string{"checksums": {"a/b=", "a/c=", "a/d=", "a/e="}}, // without a sum
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, rules := metadataOf(t, c.text)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.rules, rules); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShow(t *testing.T) {
	for in, want := range map[string]string{
		"base1":                  `"base1"`,
		"Custom Code":            `"Custom Code"`,
		"L'été":                  `"L'été"`,
		"{{secret.x}}":           "(a text of 12 bytes)",
		"a\x1b[31m":              "(a text of 6 bytes)",
		"p@ssw0rd!":              "(a text of 9 bytes)",
		strings.Repeat("a", 65):  "(a text of 65 bytes)",
		"AKIA/with+plus/or=sign": "(a text of 22 bytes)",
	} {
		if got := quoteName(in); got != want {
			t.Errorf("show(%q) is %s, want %s", in, got, want)
		}
	}
}
