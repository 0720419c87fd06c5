// SPDX-License-Identifier: AGPL-3.0-or-later

package image_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

// repository returns the variables of a repository in the file system.
func repository(id, directory string) []string {
	return []string{variables + id + "_NAME=" + id, variables + id + "_TYPE=filesystem",
		variables + id + "_DIRPATH=" + directory}
}

func TestClashes(t *testing.T) {
	ours := map[string]any{release.LabelManifestDigest: "sha256:00", release.LabelRepository: "old"}
	tests := map[string]struct {
		labels map[string]any
		env    []string
		// clash is the ID of the clashing repository, if any.
		clash string
	}{
		"nothing there":         {env: []string{"A=1"}},
		"same id":               {env: repository("release", "/elsewhere"), clash: "release"},
		"same id, one variable": {env: []string{variables + "release_MODE=read-only"}, clash: "release"},
		"same id, of a Git repository": {
			env:   []string{variables + "release_URL=https://git.example.com/x.git"},
			clash: "release",
		},
		"same directory":            {env: repository("vendor", "/www/workspaces"), clash: "vendor"},
		"same directory, not clean": {env: repository("vendor", "/www//x/../workspaces/"), clash: "vendor"},
		"below":                     {env: repository("vendor", "/www/workspaces/products"), clash: "vendor"},
		"above":                     {env: repository("vendor", "/www"), clash: "vendor"},
		"root":                      {env: repository("vendor", "/"), clash: "vendor"},
		"beside":                    {env: repository("vendor", "/www/workspaces2")},
		"id with underscores":       {env: repository("my_vendor_id", "/www/workspaces"), clash: "my_vendor_id"},
		"no type":                   {env: []string{variables + "vendor_DIRPATH=/www/workspaces"}, clash: "vendor"},
		"directory of a Git repository": {
			env: []string{variables + "vendor_TYPE=git", variables + "vendor_DIRPATH=/www/workspaces"},
		},
		"the last value counts": {
			env: slices.Concat(repository("vendor", "/www/workspaces"),
				[]string{variables + "vendor_DIRPATH=/elsewhere"}),
		},
		"the last type counts": {
			env: slices.Concat([]string{variables + "vendor_TYPE=git"},
				repository("vendor", "/www/workspaces")), clash: "vendor",
		},
		"an earlier release of ours": {labels: ours, env: repository("old", "/www/workspaces")},
		"another one beside our earlier release": {
			labels: ours,
			env:    slices.Concat(repository("old", "/www/workspaces"), repository("vendor", "/www")),
			clash:  "vendor",
		},
		"labels of a release without its digest": {
			labels: map[string]any{release.LabelRepository: "old"},
			env:    repository("old", "/www/workspaces"),
			clash:  "old",
		},
		"not a variable of a repository": {
			env: []string{variables + "release=x", variables + "_NAME=x", "X" + variables + "release_NAME=x"},
		},
		"several: the first variable is named first": {
			env:   slices.Concat(repository("b", "/www"), repository("a", "/www")),
			clash: "b",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data := withEnv(t, test.labels, test.env...)
			_, err := image.Apply(data, config(nil))
			var clash *image.ClashError
			if test.clash == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &clash) || clash.ID != test.clash {
				t.Fatalf("error %v instead of a clash with %s", err, test.clash)
			}
			c := config(nil)
			c.ReplaceRepository = true
			for _, entry := range file(t, apply(t, data, c)).Config.Env {
				if strings.HasPrefix(entry, variables+test.clash+"_") && test.clash != "release" {
					t.Errorf("%s is left of the repository that was replaced", entry)
				}
			}
		})
	}
}

func TestClashErrorSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		err  image.ClashError
		want []string
	}{
		{
			image.ClashError{ID: "release", Directory: "/www/workspaces"},
			[]string{`"release" in /www/workspaces`, "--replace-repository", "--repository-id", "--directory"},
		},
		{image.ClashError{ID: "release"}, []string{`"release", which`}},
	} {
		for _, want := range test.want {
			if !strings.Contains(test.err.Error(), want) {
				t.Errorf("%q does not contain %q", test.err.Error(), want)
			}
		}
	}
}
