// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/scan"
)

// No failure may publish anything: see [fixture.refuse].
func TestSourceFailures(t *testing.T) {
	tests := map[string]struct {
		kind   pipeline.Kind
		change func(*testing.T, *fixture)
	}{
		"not there": {pipeline.Source, func(t *testing.T, f *fixture) { f.read(t, filepath.Join(f.src, "nowhere")) }},
		"a file":    {pipeline.Source, func(t *testing.T, f *fixture) { f.read(t, filepath.Join(f.src, "mail", "index.yml")) }},
		"empty":     {pipeline.Source, func(t *testing.T, f *fixture) { f.read(t, t.TempDir()) }},
		"no such repository": {pipeline.Source, func(t *testing.T, f *fixture) {
			f.read(t, "file://"+filepath.ToSlash(t.TempDir()))
		}},
		"too many files": {pipeline.Source, func(_ *testing.T, f *fixture) {
			f.opts.Input.Source.Limits = source.Limits{Files: 3, FileSize: 1 << 20, TotalSize: 1 << 20}
		}},
		"too many bytes": {pipeline.Source, func(_ *testing.T, f *fixture) {
			f.opts.Input.Source.Limits = source.Limits{Files: 100, FileSize: 1 << 20, TotalSize: 100}
		}},
		"a link": {pipeline.Invalid, func(t *testing.T, f *fixture) {
			if err := os.Symlink("/etc/passwd", filepath.Join(f.src, "mail", "passwd")); err != nil {
				t.Fatal(err)
			}
		}},
		"file cannot be read": {pipeline.Invalid, func(t *testing.T, f *fixture) {
			if err := os.Chmod(filepath.Join(f.src, "mail", "index.yml"), 0); err != nil {
				t.Fatal(err)
			}
			dropOverride(t)
		}},
		"file vanishes during the walk": {pipeline.Invalid, func(t *testing.T, f *fixture) {
			f.duringTheScan(t, func() error { return os.Remove(filepath.Join(f.src, "mail", "security.yml")) })
		}},
		"file changes during the walk": {pipeline.Invalid, func(t *testing.T, f *fixture) {
			f.duringTheScan(t,
				func() error { return os.WriteFile(filepath.Join(f.src, "mail", "security.yml"), []byte("x: 1"), 0o600) })
		}},
		"directory becomes a link during the walk": {pipeline.Invalid, func(t *testing.T, f *fixture) {
			f.duringTheScan(t, func() error {
				mail := filepath.Join(f.src, "mail")
				return errors.Join(os.Rename(mail, mail+".moved"), os.Symlink(mail+".moved", mail))
			})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.change(t, f)
			f.refuse(t, test.kind)
		})
	}
}

// duringTheScan calls do once, when the first file is scanned. At that time the walk is at most a
// few files ahead and has not reached the last file.
func (f *fixture) duringTheScan(t *testing.T, do func() error) {
	t.Helper()
	var once sync.Once
	f.detect(t, func(_ context.Context, file scan.File) (scan.Result, error) {
		once.Do(func() {
			if err := do(); err != nil {
				t.Error(err)
			}
		})
		return scan.Result{Bytes: int64(len(file.Data))}, nil
	})
}

// dropOverride makes file modes apply to root until the end of the test.
func dropOverride(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before [2]unix.CapUserData
	if err := unix.Capget(&header, &before[0]); err != nil {
		t.Fatal(err)
	}
	set := func(data [2]unix.CapUserData) {
		_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)),
			uintptr(unsafe.Pointer(&data[0])), 0)
		if errno == syscall.ENOTSUP {
			t.Skip("SKIPPED: this test binary is built with cgo, which cannot change the capabilities of all threads: " +
				"CGO_ENABLED=0")
		} else if errno != 0 {
			t.Fatal(errno)
		}
	}
	without := before
	without[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	set(without)
	t.Cleanup(func() { set(before) })
}

func TestInvalidWorkspaces(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "*" + string(c-1) + "]\n"
	}
	tests := map[string]struct {
		rule   string
		change func(*testing.T, *fixture)
	}{
		"not YAML": {"yaml-invalid", func(t *testing.T, f *fixture) { f.write(t, "mail/automations/x.yml", "a: [\n") }},
		"a bomb":   {"limit", func(t *testing.T, f *fixture) { f.write(t, "mail/automations/x.yml", bomb) }},
		"too deep": {"limit", func(t *testing.T, f *fixture) {
			f.write(t, "mail/automations/x.yml", strings.Repeat("[", 1000)+strings.Repeat("]", 1000))
		}},
		"too large": {"limit", func(t *testing.T, f *fixture) {
			f.opts.Checks.Workspaces.Limits = workspace.Limits{FileSize: 10}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.change(t, f)
			reading, _ := f.refuse(t, pipeline.Invalid)
			if reading == nil || !hasRule(reading, test.rule) {
				t.Errorf("the reading does not tell of %s: %+v", test.rule, reading)
			}
		})
	}
}

func hasRule(r *pipeline.Reading, rule string) bool {
	for _, d := range r.Diagnostics {
		if strings.Contains(d.Rule, rule) {
			return true
		}
	}
	return false
}

func TestStrictMakesWarningsErrors(t *testing.T) {
	f := newFixture(t)
	f.write(t, "mail/automations/new.yml", "slug: new\nname: without a checksum\ndo: []\n")
	f.opts.Checks.Strict = true
	f.refuse(t, pipeline.Invalid)
}

// Secrets come first, because they must be revoked whatever else is wrong.
func TestSecretsComeBeforeInvalidWorkspaces(t *testing.T) {
	f := newFixture(t)
	f.write(t, "mail/automations/x.yml", "a: [\n# "+planted+"\n")
	reading, _ := f.refuse(t, pipeline.Secrets)
	if reading == nil || len(reading.Scan.Findings) != 1 || len(reading.Diagnostics) == 0 {
		t.Fatalf("reading %+v", reading)
	}
	if at := reading.Scan.Findings[0]; at.Path != "mail/automations/x.yml" || at.Line != 2 {
		t.Errorf("found at %s:%d", at.Path, at.Line)
	}
}

func TestScanThatDoesNotEndIsIncomplete(t *testing.T) {
	tests := map[string]detector{
		"error": func(context.Context, scan.File) (scan.Result, error) {
			return scan.Result{}, errors.New("no memory")
		},
		"error of the last file": func(_ context.Context, f scan.File) (scan.Result, error) {
			if f.Path == "mail/security.yml" {
				return scan.Result{}, errors.New("no memory")
			}
			return scan.Result{Bytes: int64(len(f.Data))}, nil
		},
		"panic": func(context.Context, scan.File) (scan.Result, error) { panic(planted) },
		"fewer bytes": func(_ context.Context, f scan.File) (scan.Result, error) {
			return scan.Result{Bytes: int64(len(f.Data)) - 1}, nil
		},
		"more bytes": func(_ context.Context, f scan.File) (scan.Result, error) {
			return scan.Result{Bytes: int64(len(f.Data)) + 1}, nil
		},
	}
	for name, detect := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.detect(t, detect)
			f.refuse(t, pipeline.Incomplete)
		})
	}
}

func TestRegistryFailures(t *testing.T) {
	type fault = registrytest.Fault
	tests := map[string]fault{
		"base is refused":      {Method: http.MethodHead, Kind: registrytest.Manifest, Status: http.StatusForbidden},
		"base is broken":       {Method: http.MethodGet, Kind: registrytest.Manifest, Body: []byte(`{"x":1}`)},
		"base's configuration": {Method: http.MethodGet, Kind: registrytest.Blob, Status: http.StatusNotFound},
		"upload is refused":    {Method: http.MethodPost, Kind: registrytest.Upload, Status: http.StatusForbidden},
		"upload breaks off":    {Method: http.MethodPut, Kind: registrytest.Upload, Drop: true},
		"manifest is refused":  {Method: http.MethodPut, Kind: registrytest.Manifest, Status: http.StatusForbidden},
		"manifest fails":       {Method: http.MethodPut, Kind: registrytest.Manifest, Status: http.StatusInternalServerError},
		"quota is used up":     {Method: http.MethodPost, Kind: registrytest.Upload, Status: http.StatusRequestEntityTooLarge},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // transient errors (5xx, lost connections) are retried for 7 s
			f := newFixtureWith(t, registrytest.Options{Faults: []registrytest.Fault{fault}})
			if _, err := f.refuse(t, pipeline.Registry); err == nil || !strings.Contains(err.Error(), f.reg.Host()) {
				t.Errorf("error %v does not name the registry", err)
			}
		})
	}
}

func TestFaultsThatPassAreNoFailures(t *testing.T) {
	t.Parallel()
	f := newFixtureWith(t, registrytest.Options{Faults: []registrytest.Fault{
		{Method: http.MethodHead, Kind: registrytest.Manifest, Times: 1, Status: http.StatusServiceUnavailable},
		{Method: http.MethodPut, Kind: registrytest.Upload, Times: 1, Drop: true},
		{Method: http.MethodPut, Kind: registrytest.Manifest, Times: 1, Status: http.StatusBadGateway},
	}})
	f.mustBuild(t)
}

func TestBaseThatIsNotThere(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = f.reg.Ref("nosuch:1")
	if _, err := f.refuse(t, pipeline.Registry); !strings.Contains(err.Error(), "not found") {
		t.Errorf("error %v", err)
	}
}

// If the tag of the base moves during the build, the digest resolved first is used.
func TestBaseIsPinned(t *testing.T) {
	f := newFixture(t)
	resolved := make(chan struct{})
	var once sync.Once
	f.hook.on(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/base/manifests/sha256:") {
			once.Do(func() { close(resolved) }) // what follows the answer about the tag
		}
		return false
	})
	f.duringTheScan(t, func() error {
		<-resolved
		f.reg.PushBase(t, "base:1", registrytest.Base{Env: []string{"OTHER=1"}, Platforms: platforms})
		return nil
	})
	built := f.mustBuild(t)
	if got := built.Manifest.Base.Digest.String(); got != f.base.Digest.String() {
		t.Errorf("built on %s instead of %s", got, f.base.Digest)
	}
	config, err := pull(t, built.Images[0], "linux/amd64").ConfigFile()
	if err != nil || config.Config.Env[0] != "NODE_ENV=production" {
		t.Errorf("variables %v, %v", config.Config.Env, err)
	}
}

// Tags of a release in several registries: see [engine.Build].
func TestSecondRegistryThatFailsLeavesNoNameInTheFirst(t *testing.T) {
	f := newFixture(t)
	second := registrytest.New(t, registrytest.Options{Faults: []registrytest.Fault{
		{Method: http.MethodPut, Kind: registrytest.Manifest, Status: http.StatusForbidden},
	}})
	f.opts.Outputs[0].Names = append(f.opts.Outputs[0].Names, second.Ref("out:v1"))
	_, err := f.refuse(t, pipeline.Registry)
	if err == nil || !strings.Contains(err.Error(), second.Host()) || strings.Contains(err.Error(), f.reg.Host()) {
		t.Errorf("error %v does not name the registry that failed", err)
	}
}

// A registry may accept a complete image and refuse its tag, for example because tags are
// immutable. The build then writes no files. Tags pushed before remain and refer to complete
// images.
func TestNameThatIsRefusedAtTheEnd(t *testing.T) {
	f := newFixture(t)
	f.hook.on(func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/mirror/out/manifests/v1")
		if refused {
			w.WriteHeader(http.StatusConflict)
		}
		return refused
	})
	_, _, err := f.build(t, t.Context())
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Kind != pipeline.Registry || !strings.Contains(err.Error(), "mirror/out:v1") {
		t.Errorf("error %v", err)
	}
	if files := list(t, f.out); len(files) > 0 {
		t.Errorf("there are files: %v", files)
	}
	if _, err := pipeline.Inspect(t.Context(), client(t, nil), f.reg.Ref("out:v1")); err != nil {
		t.Errorf("the first image is not whole: %v", err)
	}
	if tags := f.reg.Tags(t, "mirror/out"); len(tags) > 0 {
		t.Errorf("tags %v", tags)
	}
}

func TestEngineFailures(t *testing.T) {
	tests := map[string]func(*testing.T, *fixture){
		"no directory for temporary files": func(_ *testing.T, f *fixture) { f.opts.TempDir = filepath.Join(f.opts.TempDir, "none") },
		"directory for temporary files is a file": func(_ *testing.T, f *fixture) {
			f.opts.TempDir = filepath.Join(f.src, "mail", "index.yml")
		},
		// A file takes the place of the directory, because a build that has not written to it yet
		// would make the directory again and go on.
		"temporary files are swept away": func(t *testing.T, f *fixture) {
			f.duringTheScan(t, func() error {
				dirs, err := filepath.Glob(filepath.Join(f.opts.TempDir, "builder-*"))
				if err != nil || len(dirs) != 1 {
					return fmt.Errorf("directories %q: %w", dirs, err)
				}
				return errors.Join(
					os.Rename(dirs[0], filepath.Join(t.TempDir(), "swept")),
					os.WriteFile(dirs[0], nil, 0o644),
				)
			})
		},
		"directory of the output vanishes": func(t *testing.T, f *fixture) {
			f.duringTheScan(t, func() error { return os.Remove(f.out) })
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			change(t, f)
			f.refuse(t, pipeline.Engine)
		})
	}
}

// A directory takes the name of the output file during the build, so that renaming the file fails
// at the end.
func TestFileThatCannotGetItsName(t *testing.T) {
	f := newFixture(t)
	f.opts.Outputs = []engine.Output{f.opts.Outputs[1]}
	f.duringTheScan(t, func() error { return os.Mkdir(f.opts.Outputs[0].Dest, 0o755) })
	_, _, err := f.build(t, t.Context())
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Kind != pipeline.Engine {
		t.Errorf("error %v", err)
	}
	if files := list(t, f.out); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}
