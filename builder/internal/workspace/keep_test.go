// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// keep validates the usual workspaces, alpha and beta, together with those of a base.
func keep(options Options, base map[string]string, change func(files)) (*Repository, *Plan, []string) {
	b := NewBase(options)
	for name, text := range base {
		b.Add(source.NewFile(name, []byte(text)))
	}
	options.Kept = b.Finish()
	fs := pair()
	if change != nil {
		change(fs)
	}
	repo, plan, found := collect(options, fs)
	return repo, plan, brief(found)
}

// product returns a workspace of a base.
func product(slug, metadata string) map[string]string {
	return map[string]string{
		slug + "/index.yml":   "name: Product\nid: id-" + slug + "\n",
		slug + "/.import.yml": metadata,
	}
}

func TestAddsWorkspacesOfBase(t *testing.T) {
	ours, _, _ := collect(Options{}, pair())
	repo, plan, found := keep(Options{},
		product("aaa", "version: {name: v27}\ngroups: [base1]\napp: {slug: Product}\ndependsOn: [app/Theirs]\n"), nil)
	if len(found) > 0 {
		t.Errorf("reported %v", found)
	}
	first := repo.Workspaces[0]
	if first.Slug != "aaa" || !first.FromBase || first.Version.Value != "v27" || first.Digest == "" ||
		first.Files != 2 {
		t.Errorf("added %+v", first)
	}
	if diff := cmp.Diff(ours.Manifest(), repo.Manifest()[1:]); diff != "" {
		t.Errorf("ours changed: %s", diff)
	}
	if m := repo.Manifest()[0]; !m.FromBase {
		t.Errorf("the manifest has %+v", m)
	}
	var planned []string
	for _, g := range plan.Groups {
		for _, s := range g.Workspaces {
			planned = append(planned, g.Name+"/"+s.Slug)
		}
	}
	if !slices.Contains(planned, "base1/aaa") {
		t.Errorf("planned %v", planned)
	}
}

// It is never imported, but its directory is taken.
func TestSkipsBaseWorkspaceWithoutGroup(t *testing.T) {
	ours, _, _ := collect(Options{}, pair())
	repo, _, found := keep(Options{}, product("aaa", "version: {name: v27}\n"), nil)
	if diff := cmp.Diff(ours.Manifest(), repo.Manifest()); diff != "" || len(found) > 0 {
		t.Errorf("%v %s", found, diff)
	}
	if _, _, found := keep(Options{}, product("alpha", "version: {name: v27}\n"), nil); !slices.Contains(found,
		"error base-clash alpha") {
		t.Errorf("reported %v", found)
	}
}

func TestReportsClashesWithBase(t *testing.T) {
	ours, _, _ := collect(Options{}, pair())
	alpha := ours.Workspaces[0]
	for name, base := range map[string]map[string]string{
		"slug": product("alpha", "groups: [base1]\n"),
		"id":   product("aaa", "groups: [base1]\nworkspaceId: "+alpha.ID.Value+"\n"),
	} {
		if _, _, found := keep(Options{}, base, nil); !slices.Contains(found, "error base-clash alpha") {
			t.Errorf("%s: reported %v", name, found)
		}
	}
	same := product("alpha", "groups: [base1]\nworkspaceId: "+alpha.ID.Value+"\n")
	if _, _, found := keep(Options{}, same, nil); len(found) != 1 {
		t.Errorf("the same workspace is reported as %v", found)
	}
	app := func(fs files) {
		fs["beta/.import.yml"] = strings.Replace(fs["beta/.import.yml"], "groups:", "app: {slug: Shared}\ngroups:", 1)
	}
	if _, _, found := keep(Options{}, product("aaa", "groups: [base1]\napp: {slug: Shared}\n"),
		app); !slices.Contains(found, "error base-clash beta") {
		t.Errorf("app: reported %v", found)
	}
}

func TestReportsUnknownGroupOfBase(t *testing.T) {
	_, _, found := keep(Options{}, product("aaa", "groups: [products]\n"), nil)
	if diff := cmp.Diff([]string{"error base-group-unknown base image:aaa/.import.yml:1:10"}, found); diff != "" {
		t.Error(diff)
	}
}

// A group whose only members are in the base is not empty.
func TestBaseFillsGroups(t *testing.T) {
	options := Options{Groups: append(DefaultGroups(), Group{Name: "products"}), StartupGroups: []string{"products"}}
	if _, _, found := keep(options, product("aaa", "groups: [products]\n"), nil); len(found) > 0 {
		t.Errorf("reported %v", found)
	}
	_, _, found := keep(options, product("aaa", "groups: [base1]\n"), nil)
	if !slices.Contains(found, "error group-empty") {
		t.Errorf("reported %v", found)
	}
}

// Problems of the base cannot be fixed in this repository.
func TestProblemsOfBaseAreWarnings(t *testing.T) {
	base := product("aaa", "groups: [base1]\ndependsOn: [app/Late]\nunknwn: 1\n")
	for name, text := range product("bbb", "groups: [extended]\napp: {slug: Late}\n") {
		base[name] = text
	}
	base["ccc/index.yml"] = "name: [\n"
	_, _, found := keep(Options{}, base, nil)
	if diff := cmp.Diff([]string{"warning dependency-order base image:aaa/.import.yml:2:13"}, found); diff != "" {
		t.Error(diff)
	}
}
