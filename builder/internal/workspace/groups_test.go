// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Without configured groups, those of the workspaces are used: the platform's own first, then
// providers before their dependents.
func TestGroupsOfTheWorkspaces(t *testing.T) {
	workspaceIn := func(slug, metadata string) files {
		return files{
			slug + "/index.yml":   "name: W\nslug: " + slug + "\n",
			slug + "/.import.yml": "workspaceId: " + slug + "\nversion: {name: v1}\n" + metadata,
		}
	}
	for name, test := range map[string]struct {
		options Options
		metas   map[string]string
		want    []string
	}{
		"the platform's own": {Options{}, map[string]string{"a": "groups: [base1]\n"}, nil},
		"by name": {
			Options{},
			map[string]string{"a": "groups: [team-b, base2]\n", "b": "groups: [team-a]\n"},
			[]string{"base2", "team-a", "team-b"},
		},
		"by dependency": {Options{}, map[string]string{
			"a": "groups: [aaa]\ndependsOn: [app/Core]\n", "b": "groups: [zzz]\napp: {slug: Core, name: Core}\n",
			"c": "groups: [mmm]\ndependsOn: [app/Core]\n",
		}, []string{"zzz", "aaa", "mmm"}},
		"cycle": {Options{}, map[string]string{
			"a": "groups: [aaa]\ndependsOn: [app/B]\napp: {slug: A, name: A}\n",
			"b": "groups: [bbb]\ndependsOn: [app/A]\napp: {slug: B, name: B}\n",
		}, []string{"aaa", "bbb"}},
		"configured": {Options{Groups: []Group{{Name: "base1"}}}, map[string]string{"a": "groups: [team]\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fs := files{}
			for slug, text := range test.metas {
				for file, data := range workspaceIn(slug, text) {
					fs[file] = data
				}
			}
			repo, _, _ := collect(test.options, fs)
			if diff := cmp.Diff(test.want, repo.FoundGroups()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
