// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// workspacesOf returns the workspaces in an image, by path relative to their directory.
func workspacesOf(t *testing.T, built *report.Build) workspacetest.Files {
	t.Helper()
	ref := strings.TrimSuffix(built.Images[0], ":v1") + "@" + built.Digest.String() // later builds reuse the tag
	layers, err := pull(t, ref, platforms[0]).Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := workspacetest.Files{}
	for name, data := range contents(t, layers[len(layers)-3]) {
		if rel := strings.TrimPrefix(name, built.Manifest.Repository.Directory+"/"); rel != ".wh..wh..opq" {
			files[rel] = data
		}
	}
	return files
}

// production is a platform that is upgraded from image to image.
type production struct {
	*platformtest.Platform
	pods int
}

func newProduction(t *testing.T) *production {
	t.Helper()
	p := &production{Platform: platformtest.New(platformtest.Options{})}
	t.Cleanup(p.Close)
	return p
}

// deploy starts a pod of the image, imports all groups without force, and returns the result for
// each workspace. Afterwards, all workspaces must have the version in the manifest.
func (p *production) deploy(t *testing.T, built *report.Build) map[string]string {
	t.Helper()
	return p.deployFiles(t, built, workspacesOf(t, built))
}

func (p *production) deployFiles(t *testing.T, built *report.Build, files workspacetest.Files) map[string]string {
	t.Helper()
	m := built.Manifest
	r, err := platformtest.ReadRelease(workspacetest.Write(t, files), m.Repository.ID, m.Repository.Name)
	if err != nil {
		t.Fatal(err)
	}
	p.pods++
	pod := p.NewPod(fmt.Sprintf("pod-%d", p.pods), r)
	client, err := platform.New(platform.Options{BaseURL: "http://pod", Transport: platformtest.Transport(pod),
		Identity: platform.Headers(map[string]string{
			"x-prismeai-user-id": "api", "x-prismeai-role": "superadmin",
		})})
	if err != nil {
		t.Fatal(err)
	}
	became := map[string]string{}
	for _, group := range m.GroupNames() {
		result, err := client.Pull(t.Context(), platform.PullRequest{Repository: m.Repository.ID, Groups: []string{group}})
		if err != nil || result.Kind != platform.PullCompleted || result.Report.Failed() {
			t.Fatalf("import of %s: %+v: %v", group, result, err)
		}
		for _, w := range result.Report.Workspaces {
			became[w.Slug] = string(w.Status)
		}
	}
	for _, installed := range p.Installed() {
		if w, _ := m.Workspace(installed.Slug); w.Version != installed.Version {
			t.Errorf("%s has the version %s, the release %s", installed.Slug, installed.Version, w.Version)
		}
	}
	return became
}

// For a workspace that changes without a new version name, stamps make the platform import that
// workspace, and no other one, without force, both on upgrade and on rollback.
func TestStampedVersionsMakeTheSkipRuleExact(t *testing.T) {
	f := newFixture(t)
	f.opts.Input.StampVersions = true
	first := f.mustBuild(t)
	before := f.opts
	again := f.mustBuild(t)
	f.write(t, "crm/NOTES.md", "changed by hand, without a push")
	f.opts = before
	f.opts.Release = "v2"
	second := f.mustBuild(t)

	p := newProduction(t)
	all := map[string]string{"crm": "imported", "mail": "imported"}
	none := map[string]string{"crm": "skipped", "mail": "skipped"}
	changed := map[string]string{"crm": "imported", "mail": "skipped"}
	for _, step := range []struct {
		name  string
		image *report.Build
		want  map[string]string
	}{
		{"installation", first, all}, {"restart", first, none}, {"rebuild", again, none},
		{"upgrade", second, changed}, {"restart", second, none}, {"rollback", first, changed}, {"upgrade again", second, changed},
	} {
		if diff := cmp.Diff(step.want, p.deploy(t, step.image)); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

// Without stamps, the platform skips the same change.
func TestUnstampedChangeIsSkipped(t *testing.T) {
	f := newFixture(t)
	first := f.mustBuild(t)
	f.write(t, "crm/NOTES.md", "changed by hand, without a push")
	second := f.mustBuild(t)
	p := newProduction(t)
	p.deploy(t, first)
	if diff := cmp.Diff(map[string]string{"crm": "skipped", "mail": "skipped"}, p.deploy(t, second)); diff != "" {
		t.Error(diff)
	}
}

// The images differ only in their stamps, and the manifest contains both names.
func TestOnlyVersionNamesAreStamped(t *testing.T) {
	f := newFixture(t)
	plain := f.mustBuild(t)
	f.opts.Input.StampVersions = true
	reading, stamped, err := f.build(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	was, is := workspacesOf(t, plain), workspacesOf(t, stamped)
	for _, w := range stamped.Manifest.Workspaces {
		source, _ := plain.Manifest.Workspace(w.Slug)
		if want := source.Version + "-" + source.Digest.Encoded()[:8]; w.Version != want ||
			w.SourceVersion != source.Version {
			t.Errorf("%s has the version %s (%s) instead of %s", w.Slug, w.Version, w.SourceVersion, want)
		}
		metadata := w.Slug + "/.import.yml"
		was[metadata] = strings.Replace(was[metadata], source.Version, w.Version, 1)
	}
	if diff := cmp.Diff(was, is); diff != "" {
		t.Error(diff)
	}
	var size int64
	for _, data := range is {
		size += int64(len(data))
	}
	if c := reading.Scan.Coverage; c.Bytes != size || reading.Bytes != size || c.Files != len(is) {
		t.Errorf("%d files of %d bytes ship, %d of %d were scanned, %d bytes read", len(is), size, c.Files, c.Bytes,
			reading.Bytes)
	}
	if f.mustBuild(t).Digest != stamped.Digest {
		t.Error("built again, the image is another")
	}
	_, list := statements(t, stamped.Images[0])
	for _, statements := range list {
		if p, err := statements[0].Provenance(); err != nil ||
			p.BuildDefinition.ExternalParameters.StampVersions != "content" {
			t.Errorf("provenance %+v: %v", p, err)
		}
	}
}

// A shipped image is also a source, which ships the same content again.
func TestStampedReleaseIsItsOwnSource(t *testing.T) {
	f := newFixture(t)
	f.opts.Input.StampVersions = true
	first := f.mustBuild(t)
	f.read(t, workspacetest.Write(t, workspacesOf(t, first)))
	f.opts.Input.StampVersions = true
	if second := f.mustBuild(t); second.Digest != first.Digest {
		t.Errorf("digest %s instead of %s", second.Digest, first.Digest)
	}
}

func TestVersionNameThatCannotBeStampedStopsTheBuild(t *testing.T) {
	f := newFixture(t)
	f.write(t, "mail/.import.yml", "version: {name: &v v1}\ngroups: [base1]\nworkspaceId: *v\n")
	f.opts.Input.StampVersions = true
	reading, _ := f.refuse(t, pipeline.Invalid)
	rules := map[string]bool{}
	for _, d := range reading.Diagnostics {
		rules[d.Rule] = true
	}
	if !rules["version-name-stamp"] {
		t.Errorf("reported %v", slices.Sorted(maps.Keys(rules)))
	}
}
