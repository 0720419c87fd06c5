// SPDX-License-Identifier: Apache-2.0

package version

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribe(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "vcs.revision", Value: "0123abc"},
		{Key: "vcs.modified", Value: "true"}}
	main := func(version string) debug.Module { return debug.Module{Version: version} }
	for name, c := range map[string]struct {
		linked string
		build  debug.BuildInfo
		want   Info
	}{
		"released":                      {"v1.2.3", debug.BuildInfo{Main: main("v1.2.3-0.2026"), Settings: vcs}, Info{Version: "v1.2.3", Commit: "0123abc", Modified: true}},
		"installed by go install":       {"", debug.BuildInfo{Main: main("v1.2.0")}, Info{Version: "v1.2.0"}},
		"built in a checkout":           {"", debug.BuildInfo{Main: main("(devel)"), Settings: vcs}, Info{Version: "0123abc", Commit: "0123abc", Modified: true}},
		"unmodified":                    {"v1", debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "false"}}}, Info{Version: "v1"}},
		"built without version control": {"", debug.BuildInfo{Main: main("(devel)")}, Info{Version: "devel"}},
		"nothing known":                 {"", debug.BuildInfo{}, Info{Version: "devel"}},
	} {
		c.want.Go, c.want.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
		if diff := cmp.Diff(c.want, describeBuild(c.linked, &c.build)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestModule(t *testing.T) {
	build := &debug.BuildInfo{Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
	}}
	for path, want := range map[string]string{
		"example.com/a": "v1.0.0", "example.com/b": "v2.0.0", "example.com/fork": "", "example.com": "", "": "",
	} {
		if got := moduleVersion(build, path); got != want {
			t.Errorf("version of %q is %q, want %q", path, got, want)
		}
	}
}

// main prints the result of this package for the program that it is linked into.
const main = `package main

import (
	"encoding/json"
	"os"

	_ "github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/version"
)

func main() {
	json.NewEncoder(os.Stdout).Encode(struct {
		version.Info
		Digest string
	}{version.Get(), version.Module("github.com/opencontainers/go-digest")})
}
`

// TestOfARealProgram links a release like the Makefile, because the linker does not report a wrong
// name in -ldflags -X. An overlay adds the program to the module, so that nothing is written to the
// source tree.
func TestOfARealProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	virtual, err := filepath.Abs("program/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{virtual: file}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlayFile,
		"-ldflags", "-X github.com/prismeai/workspaces-release/internal/version.linked=v9.8.7", "./program")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Info
		Digest string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "v9.8.7" || got.Go != runtime.Version() || got.Digest == "" {
		t.Errorf("the program says %+v", got)
	}
}
