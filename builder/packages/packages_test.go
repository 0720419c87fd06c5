// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/internal/golden"
)

const (
	repository = "../.."
	number     = "1.2.3"
)

// moment is the time of the release: 2023-11-14T22:13:20Z.
var moment = time.Unix(1_700_000_000, 0).UTC()

// platforms are those of the releases of the builder.
var platforms = []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64"}

// newBinary returns a binary for a platform that no toolchain has compiled.
func newBinary(t *testing.T, name, platform string) *program.Binary {
	t.Helper()
	system, arch, _ := strings.Cut(platform, "/")
	file := filepath.Join(t.TempDir(), name)
	writeFiles(t, filepath.Dir(file), map[string]string{name: "the " + name + " for " + platform})
	b, err := program.New(file, &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Path:      "github.com/prismeai/workspaces-release/" + name,
		Main:      debug.Module{Path: "github.com/prismeai/workspaces-release"},
		Deps:      []*debug.Module{{Path: "example.com/module", Version: "v1.0.0"}},
		Settings: []debug.BuildSetting{
			{Key: "GOOS", Value: system}, {Key: "GOARCH", Value: arch}, {Key: "CGO_ENABLED", Value: "0"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// compile compiles a small program with the name of one of ours, in a new directory.
func compile(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"go.mod":          "module github.com/prismeai/workspaces-release\n\ngo 1.26\n",
		name + "/main.go": "package main\n\nfunc main() { println(\"" + name + "\") }\n",
	})
	file := filepath.Join(dir, "out", name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", file, "./"+name)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sources makes a directory with what a release takes from the sources.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"README.md":                      "# workspaces-release\n",
		"LICENSES/AGPL-3.0-or-later.txt": "GNU AFFERO GENERAL PUBLIC LICENSE\n",
		"LICENSES/Apache-2.0.txt":        "Apache License\n",
		"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2023-11-14\n\n### Added\n\n- A release.\n\n" +
			"## [1.2.2] - 2023-11-01\n\n- An older one.\n",
	})
	return dir
}

// packChart packs a chart as helm does, with the time of the packaging.
func packChart(t *testing.T, version, appVersion string) string {
	t.Helper()
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	for _, e := range []entry{
		{name: "workspaces-release/Chart.yaml", data: fmt.Appendf(nil,
			"apiVersion: v2\nname: workspaces-release\nversion: %s\nappVersion: %s\n", version, appVersion)},
		{name: "workspaces-release/values.yaml", data: []byte("{}\n")},
		{name: "workspaces-release/charts/other/Chart.yaml", data: []byte("name: other\nversion: 9.9.9\n")},
	} {
		header := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.data)), ModTime: time.Now()}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "chart.tgz")
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// testOptions are those of a whole release, except for its images.
func testOptions(t *testing.T) options {
	t.Helper()
	o := options{
		version: "v" + number, root: sources(t), dir: filepath.Join(t.TempDir(), "release"),
		chart: packChart(t, number, number),
		getenv: func(key string) string {
			return map[string]string{"SOURCE_DATE_EPOCH": fmt.Sprint(moment.Unix())}[key]
		},
	}
	for _, platform := range platforms {
		o.binaries = append(o.binaries, newBinary(t, "builder", platform))
	}
	o.binaries = append(o.binaries, newBinary(t, "sidecar", "linux/amd64"))
	return o
}

// Compiled and packed in other directories, a release has the same files.
func TestSameFilesFromTwoDirectories(t *testing.T) {
	var runs []map[string]string
	for range 2 {
		o := testOptions(t)
		compiled, err := readBinaries([]string{compile(t, "builder"), compile(t, "sidecar")})
		if err != nil {
			t.Fatal(err)
		}
		o.binaries = compiled
		if err := run(o); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, golden.ReadDir(t, o.dir))
	}
	if _, complete := runs[0][checksumFile]; !complete {
		t.Error("there are no checksums")
	}
	for name, data := range runs[0] {
		if runs[1][name] != data {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	damaged := filepath.Join(t.TempDir(), "chart.tgz")
	writeFiles(t, filepath.Dir(damaged), map[string]string{"chart.tgz": "not gzip"})
	for name, c := range map[string]struct {
		change func(*options)
		want   string
	}{
		"version without v":     {func(o *options) { o.version = "1.2.3" }, "want v1.2.3"},
		"version with metadata": {func(o *options) { o.version = "v1.2.3+4" }, "want v1.2.3"},
		"no binaries":           {func(o *options) { o.binaries = nil }, "no binaries"},
		"no file":               {func(o *options) { o.binaries[0].Path = damaged + "-not" }, damaged + "-not"},
		"not in the changelog":  {func(o *options) { o.version = "v1.2.4" }, "CHANGELOG.md has no section [1.2.4]"},
		"without text":          {func(o *options) { o.version = "v1.2.4" }, "move there what is in [Unreleased]"},
		"other chart": {
			func(o *options) { o.chart = packChart(t, "1.2.3", "1.2.2") },
			`appVersion "1.2.2" are not 1.2.3: set both`,
		},
		"damaged chart": {func(o *options) { o.chart = damaged }, "read the chart " + damaged},
		"no time":       {func(o *options) { o.getenv = func(string) string { return "now" } }, "SOURCE_DATE_EPOCH"},
		"no sources":    {func(o *options) { o.root = t.TempDir() }, "CHANGELOG.md"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options{
				version: "v" + number, root: sources(t), dir: t.TempDir(),
				binaries: []*program.Binary{newBinary(t, "sidecar", "linux/amd64")},
				chart:    packChart(t, number, number), getenv: func(string) string { return "" },
			}
			c.change(&o)
			if err := run(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not say %q", err, c.want)
			}
			if _, complete := golden.ReadDir(t, o.dir)[checksumFile]; complete {
				t.Error("there are checksums of a release that is incomplete")
			}
		})
	}
}

// The release of the version in Chart.yaml has notes.
func TestNotesOfTheChartsVersion(t *testing.T) {
	chart, err := os.ReadFile(filepath.Join(repository, "charts/workspaces-release/Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(chart), "\nappVersion: ")
	version, _, _ := strings.Cut(after, "\n")
	if err := run(options{version: "v" + version, root: repository, check: true}); err != nil {
		t.Error(err)
	}
	err = run(options{version: "v99.0.0", root: repository, check: true})
	if err == nil || !strings.Contains(err.Error(), "CHANGELOG.md has no section [99.0.0]") {
		t.Errorf("a release without notes: %v", err)
	}
}
