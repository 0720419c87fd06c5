// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
)

// diff compares two images or directories with the options of the fixture.
func (f *fixture) diff(t *testing.T, older, newer string) (*compare.Report, error) {
	t.Helper()
	opts := pipeline.DiffOptions{
		Registry: f.opts.Registry, Checks: pipeline.Checks{Workspaces: f.opts.Checks.Workspaces},
		Scanner: f.opts.Checks.Scanner,
		Limits:  source.DefaultLimits(), MaxLines: 100,
	}
	for place, side := range map[*pipeline.Origin]string{&opts.Old: older, &opts.New: newer} {
		if !filepath.IsAbs(side) {
			place.Image = side
			continue
		}
		f.read(t, side)
		place.Input = f.opts.Input
	}
	report, err := pipeline.Diff(t.Context(), opts)
	if left := list(t, f.opts.TempDir); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	return report, err
}

// changed returns a directory with the samples, one of them modified.
func changed(t *testing.T) string {
	t.Helper()
	files := samples()
	sample := workspacetest.Sample{Slug: "crm", Groups: []string{"base2"}, Uses: []string{"Mail"}, Automations: 3,
		Version: "v2"}.Files()
	sample["automations/handle-request-1.yml"] += "# a comment\n"
	sample[".import.yml"] = strings.Split(sample[".import.yml"], "checksums:")[0] + workspacetest.Checksums(sample)
	for name, text := range sample {
		files["crm/"+name] = text
	}
	return workspacetest.Write(t, files)
}

func TestDiffOfImagesAndSources(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	older, newer := f.src, changed(t)
	f.read(t, newer)
	f.opts.Release, f.opts.Outputs[0].Names = "v2", []string{f.reg.Ref("out:v2")}
	f.mustBuild(t)
	images := map[string][]string{"old": {older, f.reg.Ref("out:v1")},
		"new": {newer, f.reg.Ref("out:v2"), "oci-layout://" + filepath.Join(f.out, "image.tar")}}
	for _, a := range images["old"] {
		for _, b := range images["new"] {
			r, err := f.diff(t, a, b)
			if err != nil {
				t.Fatalf("%s, %s: %v", a, b, err)
			}
			if len(r.Workspaces) != 1 || r.Unchanged != 1 || len(r.Warnings) > 0 || r.Images != (a != older && b != newer) ||
				len(r.Settings) > 0 {
				t.Errorf("%s, %s: %+v", a, b, r)
			}
			w := r.Workspaces[0]
			if w.Slug != "crm" || w.Version != (compare.Change[string]{Old: "v1.0.0", New: "v2"}) || len(w.Files) != 2 {
				t.Errorf("%s, %s: %+v", a, b, w)
			}
			if file := w.Files[1]; file.Path != "automations/handle-request-1.yml" || file.Added != 1 ||
				!strings.Contains(file.Note, "same values") {
				t.Errorf("%s, %s: %+v", a, b, file)
			}
		}
	}
}

// If the manifests agree, no layer with workspaces is read.
func TestDiffReadsNoContentThatIsTheSame(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	f.reg.Reset()
	r, err := f.diff(t, f.reg.Ref("out:v1"), f.src)
	if err != nil || r.Differ {
		t.Fatalf("%+v: %v", r, err)
	}
	for _, request := range f.reg.Requests() {
		if strings.Contains(request.Path, built.Manifest.Layer.Digest.String()) {
			t.Errorf("the workspaces were read: %v", request)
		}
	}
}

func TestDiffHidesSecrets(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	leaking := changed(t)
	f.src = leaking
	f.write(t, "crm/notes.md", "the key is "+planted+" now\n")
	r, err := f.diff(t, f.reg.Ref("out:v1"), leaking)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = r.WriteMarkdown(&out, compare.FitsComment)
	if err := errors.Join(r.WriteText(&out, true), err, r.WriteJSON(&out)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), planted) || strings.Count(out.String(), "the key is ***1 now") != 3 {
		t.Errorf("%s", out.String())
	}
}

// An image whose content contradicts its manifest is refused.
func TestDiffRefusesImagesThatAreNotWhatTheySay(t *testing.T) {
	f := newFixture(t)
	f.mustBuild(t)
	newer := changed(t)
	for name, test := range map[string]struct {
		change  func(*parts)
		message string
	}{
		"nothing": {func(*parts) {}, ""},
		"another file": {func(p *parts) {
			p.entry("www/workspaces/crm/index.yml").data = []byte("name: Other\n")
		}, `workspace "crm" do not match its manifest`},
		"a file too many": {func(p *parts) {
			p.add("www/workspaces/crm/more.yml", "a: 1\n")
		}, `workspace "crm" do not match its manifest`},
		"no whiteout":   {func(p *parts) { p.remove("www/workspaces/.wh..wh..opq") }, "does not hide /www/workspaces"},
		"no workspaces": {func(p *parts) { p.content = p.content[:2] }, `workspace "crm" do not match its manifest`},
	} {
		t.Run(name, func(t *testing.T) {
			p := dissect(t, pull(t, f.reg.Ref("out:v1"), "linux/amd64"))
			test.change(p)
			pushed := f.reg.PushImage(t, "lying:1", p.honest(t).image(t))
			_, err := f.diff(t, pushed.Ref, newer)
			if (err == nil) != (test.message == "") || err != nil && !strings.Contains(err.Error(), test.message) {
				t.Errorf("error %v, want %q", err, test.message)
			}
		})
	}
}

func TestDiffTellsAFailureOfTheRegistry(t *testing.T) {
	f := newFixture(t)
	built := f.mustBuild(t)
	f.hook.on(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, built.Manifest.Layer.Digest.String()) {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	_, err := f.diff(t, f.reg.Ref("out:v1"), changed(t))
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Kind != pipeline.Registry {
		t.Errorf("error %v", err)
	}
}
