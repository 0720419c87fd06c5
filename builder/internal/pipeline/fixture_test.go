// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
)

// planted is the secret that the detector of the tests finds.
const planted = "planted-secret-4711"

// detector is a [scan.Detector]. If nil, it finds [planted].
type detector func(ctx context.Context, f scan.File) (scan.Result, error)

func (d detector) Describe() release.Scanner { return release.Scanner{Name: "test", Version: "v1"} }

func (d detector) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	if d != nil {
		return d(ctx, f)
	}
	result := scan.Result{Bytes: int64(len(f.Data))}
	if i := bytes.Index(f.Data, []byte(planted)); i >= 0 {
		line := bytes.Count(f.Data[:i], []byte("\n")) + 1
		result.Matches = []scan.Match{{Rule: "Planted", Secret: secret.New(planted), Line: line,
			Verification: scan.NotChecked}}
	}
	return result, nil
}

// fixture is a source, a registry with a base, and the output directories of a build.
type fixture struct {
	reg  *registrytest.Server
	base registrytest.Pushed
	// hook receives the requests before the registry.
	hook *hook
	// src contains the workspaces, out the files that are built.
	src, out string
	opts     pipeline.BuildOptions
	// shown is the output of the progress display.
	shown bytes.Buffer
}

var platforms = []string{"linux/amd64", "linux/arm64"}

// samples returns the workspaces that most tests use.
func samples() workspacetest.Files {
	return workspacetest.Repository(
		workspacetest.Sample{Slug: "mail", Groups: []string{"base1"}, App: "Mail", Labels: []string{"core"}},
		workspacetest.Sample{Slug: "crm", Groups: []string{"base2"}, Uses: []string{"Mail"}, Automations: 3},
	)
}

// newFixture returns a fixture for a build that pushes out:v1 and writes image.tar.
func newFixture(t *testing.T) *fixture { return newFixtureWith(t, registrytest.Options{}) }

// newFixtureWith is newFixture with a registry that has faults or requires a password.
func newFixtureWith(t *testing.T, opts registrytest.Options) *fixture {
	t.Helper()
	f := &fixture{hook: new(hook), src: workspacetest.Write(t, samples()), out: t.TempDir()}
	opts.Wrap = f.hook.wrap
	f.reg = registrytest.New(t, opts)
	f.base = f.reg.PushBase(t, "base:1", registrytest.Base{Platforms: platforms, Env: []string{"NODE_ENV=production"}})
	f.opts = pipeline.BuildOptions{
		Checks: pipeline.Checks{Workspaces: &workspace.Options{Groups: []workspace.Group{{Name: "base1",
			Labels: []string{"core"}}, {Name: "base2"}}}},
		Release:    "v1",
		Repository: release.Repository{ID: "release", Directory: "/www/workspaces"},
		BaseRef:    f.base.Ref,
		Attest:     attest.Kinds{Provenance: true, SBOM: true, Files: true, Scan: true},
		Registry:   client(t, nil),
		Outputs: []engine.Output{
			{Kind: engine.Push, Names: []string{f.reg.Ref("out:v1"), f.reg.Ref("mirror/out:v1")}},
			{Kind: engine.OCI, Dest: filepath.Join(f.out, "image.tar")},
		},
		TempDir: t.TempDir(),
	}
	f.detect(t, nil)
	f.read(t, f.src)
	return f
}

// client returns a registry client configured by env.
func client(t *testing.T, env map[string]string) *registry.Client {
	t.Helper()
	c, err := registry.New(registry.Options{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// detect makes d the detector of the scan.
func (f *fixture) detect(t *testing.T, d detector) {
	t.Helper()
	scanner, err := scan.New(scan.Policy{}, d)
	if err != nil {
		t.Fatal(err)
	}
	f.opts.Checks.Scanner = scanner
}

// read uses spec as the source.
func (f *fixture) read(t *testing.T, spec string) {
	t.Helper()
	parsed, err := source.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	f.opts.Input = pipeline.Input{Spec: parsed, Source: source.Options{TempDir: f.opts.TempDir,
		Auth: git.Auth{Getenv: func(string) string { return "" }}}}
}

// write adds a file to the source, or replaces it.
func (f *fixture) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(f.src, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// build runs one build. After any outcome, the directory for temporary files must be empty, and
// neither the display nor the error may contain the planted secret.
func (f *fixture) build(t *testing.T, ctx context.Context) (*pipeline.Reading, *report.Build, error) {
	t.Helper()
	f.shown.Reset()
	display, err := progress.New(&f.shown, "plain")
	if err != nil {
		t.Fatal(err)
	}
	result, err := pipeline.Build(ctx, display, f.opts)
	if err := display.Close(); err != nil {
		t.Error(err)
	}
	if left := list(t, f.opts.TempDir); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	if strings.Contains(f.shown.String(), planted) || err != nil && strings.Contains(err.Error(), planted) {
		t.Errorf("the secret is shown: %v\n%s", err, f.shown.String())
	}
	if (err == nil) != (result.Built != nil) {
		t.Errorf("error %v and a report: %v", err, result.Built != nil)
	}
	return result.Reading, result.Built, err
}

func (f *fixture) mustBuild(t *testing.T) *report.Build {
	t.Helper()
	reading, built, err := f.build(t, t.Context())
	if err != nil {
		t.Fatalf("%v: %+v\n%s", err, reading, f.shown.String())
	}
	return built
}

// refuse runs a build that must fail with an error of the given kind and publish nothing.
func (f *fixture) refuse(t *testing.T, want pipeline.Kind) (*pipeline.Reading, error) {
	t.Helper()
	reading, _, err := f.build(t, t.Context())
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Kind != want {
		t.Errorf("error %v instead of one of kind %d", err, want)
	}
	f.unpublished(t)
	return reading, err
}

// unpublished requires that the registry has no tag besides the base's and that no file was
// written.
func (f *fixture) unpublished(t *testing.T) {
	t.Helper()
	for _, repo := range []string{"out", "mirror/out"} {
		if tags := f.reg.Tags(t, repo); len(tags) > 0 {
			t.Errorf("%s has the tags %v", repo, tags)
		}
	}
	if files := list(t, f.out); len(files) > 0 {
		t.Errorf("there are files: %v", files)
	}
}

// list returns the entries below a directory, which may be missing.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			names = append(names, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

// hook receives every request before the registry.
type hook struct {
	mu  sync.Mutex
	see func(http.ResponseWriter, *http.Request) (done bool)
}

func (h *hook) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		see := h.see
		h.mu.Unlock()
		if see == nil || !see(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// on calls see for every request. The registry does not receive requests for which see returns
// true.
func (h *hook) on(see func(http.ResponseWriter, *http.Request) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.see = see
}

// pull reads the image of one platform with a third-party client.
func pull(t *testing.T, ref, platform string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	want, err := v1.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(parsed, remote.WithPlatform(*want))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// uploads returns the methods and paths of write requests.
func uploads(reg *registrytest.Server) []string {
	var list []string
	for _, r := range reg.Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return slices.Compact(list)
}

// patience limits how long a build may take to react to an interruption.
const patience = 2 * time.Minute
