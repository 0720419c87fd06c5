// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
)

func TestValidate(t *testing.T) {
	if err := full().Validate(); err != nil {
		t.Errorf("a valid manifest: %v", err)
	}
	if err := many(3).Validate(); err != nil {
		t.Errorf("a valid manifest: %v", err)
	}
	for want, change := range map[string]func(*release.Manifest){
		"unsupported schema version 7, want 1":                                      func(m *release.Manifest) { m.SchemaVersion = 7 },
		`the release name "" is empty`:                                              func(m *release.Manifest) { m.Name = "" },
		`the release name "\xff" is empty or not UTF-8`:                             func(m *release.Manifest) { m.Name = "\xff" },
		`it has "", "Release v2.4.0"`:                                               func(m *release.Manifest) { m.Repository.ID = "" },
		`it has "release", ""`:                                                      func(m *release.Manifest) { m.Repository.Name = "" },
		`and "workspaces"`:                                                          func(m *release.Manifest) { m.Repository.Directory = "workspaces" },
		`and "/www/../etc"`:                                                         func(m *release.Manifest) { m.Repository.Directory = "/www/../etc" },
		`and "/www/"`:                                                               func(m *release.Manifest) { m.Repository.Directory = "/www/" },
		`and "/"`:                                                                   func(m *release.Manifest) { m.Repository.Directory = "/" },
		"created 2023-11-14 22:13:20.5 +0000 UTC is not":                            func(m *release.Manifest) { m.Created = m.Created.Add(time.Second / 2) },
		"created 2023-11-14 23:13:20 +0100 UTC is not":                              func(m *release.Manifest) { m.Created = m.Created.In(time.FixedZone("UTC", 3600)) },
		`digest "sha256:12" of the base: invalid`:                                   func(m *release.Manifest) { m.Base.Digest = "sha256:12" },
		`digest "" of the layer: invalid`:                                           func(m *release.Manifest) { m.Layer.Digest = ""; m.Layers = nil },
		`digest "" of the layer's content: invalid`:                                 func(m *release.Manifest) { m.Layer.DiffID = ""; m.Layers = nil },
		`digest "" of workspace mail: invalid`:                                      func(m *release.Manifest) { m.Workspaces[1].Digest = "" },
		`workspace "../mail": the slug is not`:                                      func(m *release.Manifest) { m.Workspaces[1].Slug = "../mail" },
		`workspace "..": the slug is not`:                                           func(m *release.Manifest) { m.Workspaces[1].Slug = ".." },
		`workspace "": the slug is not`:                                             func(m *release.Manifest) { m.Workspaces[0].Slug = "" },
		`workspace "claims" is listed twice`:                                        func(m *release.Manifest) { m.Workspaces[1].Slug = "claims" },
		`workspace "aaa" comes after "claims"`:                                      func(m *release.Manifest) { m.Workspaces[1].Slug = "aaa" },
		`workspace "claims" is in no group`:                                         func(m *release.Manifest) { m.Groups = nil },
		"is not the first of the layers":                                            func(m *release.Manifest) { m.Layer.Size++ },
		`digest "" of layer 1: invalid`:                                             func(m *release.Manifest) { setLayer(m, release.Layer{DiffID: m.Layer.DiffID}) },
		`digest "" of the content of layer 1: invalid`:                              func(m *release.Manifest) { setLayer(m, release.Layer{Digest: m.Layer.Digest}) },
		"layer 1: its workspaces are not sorted":                                    func(m *release.Manifest) { m.Layers[0].Workspaces = []string{"claims", "claims"} },
		`layer 2 holds workspace "claims", which another`:                           func(m *release.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) },
		`layer 1 holds workspace "mail", which another`:                             func(m *release.Manifest) { m.Layers[0].Workspaces = []string{"claims", "mail"} },
		`layer 1 holds workspace "../etc", which another`:                           func(m *release.Manifest) { m.Layers[0].Workspaces = []string{"../etc", "claims"} },
		`workspace "claims" is in no layer`:                                         func(m *release.Manifest) { m.Layers[0].Workspaces = nil },
		`workspace "claims": the names that it requires`:                            func(m *release.Manifest) { m.Workspaces[0].Requires.Secrets = []string{"b", "a"} },
		`workspace "mail": the names that it requires`:                              func(m *release.Manifest) { m.Workspaces[1].Requires.Config = []string{"a", "a"} },
		`group "" has no name`:                                                      func(m *release.Manifest) { m.Groups[0].Name = "" },
		`group "base1" has no name or is listed twice`:                              func(m *release.Manifest) { m.Groups[1].Name = "base1" },
		`group "extended" lists workspace "crm", which is unknown`:                  func(m *release.Manifest) { m.Groups[1].Workspaces = []string{"crm"} },
		`group "extended" lists workspace "mail", which is unknown or listed twice`: func(m *release.Manifest) { m.Groups[1].Workspaces = []string{"mail", "mail"} },
	} {
		t.Run(want, func(t *testing.T) {
			err := changed(change).Validate()
			if err == nil || !strings.HasPrefix(err.Error(), "invalid release manifest: ") ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// setLayer replaces the layer wherever the manifest describes it.
func setLayer(m *release.Manifest, l release.Layer) {
	m.Layer = l
	m.Layers[0].Layer = l
}

func TestValidateAllows(t *testing.T) {
	for name, change := range map[string]func(*release.Manifest){
		"no base":                          func(m *release.Manifest) { m.Base = nil },
		"no layer":                         func(m *release.Manifest) { m.Layer = release.Layer{}; m.Layers = nil },
		"an algorithm that is not linked":  func(m *release.Manifest) { m.Base.Digest = digest.Digest("sha512:" + strings.Repeat("0", 128)) },
		"a group without workspaces":       func(m *release.Manifest) { m.Groups[1].Workspaces = nil },
		"a release without anything in it": func(m *release.Manifest) { m.Groups, m.Workspaces, m.Layers = nil, nil, nil },
	} {
		if err := changed(change).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateReportsAllProblemsUpToABound(t *testing.T) {
	two := changed(func(m *release.Manifest) { m.Name, m.Repository.ID = "", "" })
	if got := strings.Count(two.Validate().Error(), "\n"); got != 1 {
		t.Errorf("%d line feeds in %v, want 1", got, two.Validate())
	}
	m := many(10_000)
	m.Groups = nil
	lines := strings.Split(m.Validate().Error(), "\n")
	if last := lines[len(lines)-1]; len(lines) != 21 || last != "and 9980 more problems" {
		t.Errorf("%d lines, the last one %q", len(lines), last)
	}
}

func BenchmarkValidate(b *testing.B) {
	m := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
