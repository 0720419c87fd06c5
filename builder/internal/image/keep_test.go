// SPDX-License-Identifier: AGPL-3.0-or-later

package image_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

// A kept repository gets the name of the release; its groups and labels stay.
func TestRepositoryOfTheBaseIsKept(t *testing.T) {
	earlier := map[string]any{
		release.LabelManifestDigest: "sha256:00", release.LabelRepository: "release",
		release.LabelGroups: "base1,products",
	}
	for name, labels := range map[string]map[string]any{"foreign": nil, "an earlier release of ours": earlier} {
		env := slices.Concat([]string{"A=1"}, repository("release", "/www/workspaces/"),
			[]string{"WORKSPACES_GROUP_products_LABELS=p", "WORKSPACES_GROUP_base1_LABELS=x"})
		c := config(nil)
		c.KeepRepository = true
		got := file(t, apply(t, withEnv(t, labels, env...), c)).Config.Env
		want := []string{
			"A=1", "WORKSPACES_GROUP_products_LABELS=p", variables + "release_NAME=Release v2",
			variables + "release_TYPE=filesystem",
			variables + "release_DIRPATH=/www/workspaces", variables + "release_MODE=read-only",
			"WORKSPACES_GROUP_base1_LABELS=core,shared",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBaseWithoutTheRepositoryToKeep(t *testing.T) {
	for name, test := range map[string]struct {
		env  []string
		want string
	}{
		"none":              {nil, "it has none"},
		"another id":        {repository("products", "/www/workspaces"), `"products" in /www/workspaces`},
		"another directory": {repository("release", "/srv/products"), `"release" in /srv/products`},
		"of Git":            {[]string{variables + "release_URL=https://git.example.com/x.git"}, `"release" in Git`},
	} {
		c := config(nil)
		c.KeepRepository = true
		_, err := image.Apply(withEnv(t, nil, test.env...), c)
		var missing *image.KeepError
		if !errors.As(err, &missing) || missing.ID != "release" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Only one repository is kept. Others still clash.
func TestKeepingOneRepositoryReplacesNoOther(t *testing.T) {
	c := config(nil)
	c.KeepRepository = true
	env := slices.Concat(repository("release", "/www/workspaces"), repository("vendor", "/www/workspaces/vendor"))
	_, err := image.Apply(withEnv(t, nil, env...), c)
	var clash *image.ClashError
	if !errors.As(err, &clash) || clash.ID != "vendor" {
		t.Errorf("error %v", err)
	}
}

func TestLabelsOfAGroup(t *testing.T) {
	env := []string{"WORKSPACES_GROUP_a_LABELS=x", "WORKSPACES_GROUP_ab_LABELS=z", "WORKSPACES_GROUP_a_LABELS=y,z",
		"WORKSPACES_GROUP_b_LABELS="}
	if got := image.GroupLabels(env, "a"); !slices.Equal(got, []string{"y", "z"}) {
		t.Errorf("labels %q: the last value counts", got)
	}
	for _, group := range []string{"b", "c"} {
		if got := image.GroupLabels(env, group); len(got) > 0 {
			t.Errorf("%s has the labels %q", group, got)
		}
	}
}
