// SPDX-License-Identifier: AGPL-3.0-or-later

package image_test

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

func TestCheckNames(t *testing.T) {
	group := func(name string, labels ...string) []release.Group {
		return []release.Group{{Name: name, Labels: labels}}
	}
	long := strings.Repeat("x", 64)
	tests := map[string]struct {
		release    string
		repository release.Repository
		groups     []release.Group
		// wrong is part of the error, or empty.
		wrong string
	}{
		"all good": {
			release:    "v2.4.0-rc.1+build_7",
			repository: release.Repository{Name: "Release für alle"},
			groups:     group("one-product", "core", "Ünïcode"),
		},
		"made later":           {},
		"release with a space": {release: "v 1", wrong: `release name "v 1"`},
		"release with a slash": {release: "team/v1", wrong: "release name"},
		"release with a dash":  {release: "-v1", wrong: "release name"},
		"release too long":     {release: long + long + "x", wrong: "release name"},
		"release, line feed":   {release: "v1\n", wrong: "release name"},
		"id with =":            {repository: release.Repository{ID: "a=b"}, wrong: "repository id"},
		"id with a space":      {repository: release.Repository{ID: "a b"}, wrong: "repository id"},
		"id too long":          {repository: release.Repository{ID: long}, wrong: "repository id"},
		"name too long":        {repository: release.Repository{Name: long + long + "x"}, wrong: "repository name"},
		"name, escape":         {repository: release.Repository{Name: "a\x1b[2J"}, wrong: "repository name"},
		"name, not UTF-8":      {repository: release.Repository{Name: "a\xff"}, wrong: "repository name"},
		"directory, relative": {
			repository: release.Repository{Directory: "www/workspaces"},
			wrong:      `directory "www/workspaces"`,
		},
		"directory, not clean":  {repository: release.Repository{Directory: "/www/../etc"}, wrong: "absolute"},
		"directory, slash":      {repository: release.Repository{Directory: "/www/"}, wrong: "absolute"},
		"directory, root":       {repository: release.Repository{Directory: "/"}, wrong: "absolute"},
		"directory, escape":     {repository: release.Repository{Directory: "/a\x1b"}, wrong: "absolute"},
		"directory, whiteout":   {repository: release.Repository{Directory: "/www/.wh.x"}, wrong: "deletes"},
		"directory of manifest": {repository: release.Repository{Directory: release.Directory}, wrong: "manifest"},
		"directory in manifest's": {
			repository: release.Repository{Directory: release.Directory + "/x"},
			wrong:      "manifest",
		},
		"directory above":        {repository: release.Repository{Directory: "/www"}, wrong: "manifest"},
		"directory beside":       {repository: release.Repository{Directory: release.Directory + "s"}},
		"group empty":            {groups: group(""), wrong: "group"},
		"group with a dot":       {groups: group("a.b"), wrong: `group "a.b"`},
		"group twice":            {groups: append(group("a"), group("a")...), wrong: `group "a" is named twice`},
		"label with a comma":     {groups: group("a", "b,c"), wrong: `label "b,c" of group "a"`},
		"label empty":            {groups: group("a", ""), wrong: "label"},
		"label with a line feed": {groups: group("a", "b\n"), wrong: "label"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.repository.ID == "" {
				test.repository.ID = "release"
			}
			if test.repository.Directory == "" {
				test.repository.Directory = "/www/workspaces"
			}
			err := image.CheckNames(test.release, test.repository, test.groups)
			if (err == nil) != (test.wrong == "") {
				t.Fatalf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("error %q does not name %q", err, test.wrong)
			}
		})
	}
}

func TestRepositoryNameIdentifiesRelease(t *testing.T) {
	name := image.RepositoryName("v2.4.0")
	if !strings.HasSuffix(name, " v2.4.0") {
		t.Errorf("name %q", name)
	}
	longest := strings.Repeat("x", 128)
	if err := image.CheckNames(longest, release.Repository{ID: "release", Directory: "/w"}, nil); err != nil {
		t.Error(err)
	}
}
