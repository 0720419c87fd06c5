// SPDX-License-Identifier: AGPL-3.0-or-later

package program

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

func newInfo(path string, settings map[string]string) *debug.BuildInfo {
	info := &debug.BuildInfo{Path: path, Main: debug.Module{Path: "example.com/fork"}}
	for key, value := range settings {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return info
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		path, os, cgo string
		file, want    string
	}{
		{path: "example.com/fork/sidecar", os: "darwin", cgo: "0", file: "sidecar"},
		{path: "example.com/fork/builder", os: "windows", cgo: "0", file: "builder.exe"},
		{path: "example.com/fork/builder", os: "linux", cgo: "1", want: "bin/x needs a C library"},
		{path: "example.com/fork/other", os: "linux", cgo: "0", want: "bin/x is example.com/fork/other, which is no program"},
	} {
		settings := map[string]string{"GOOS": c.os, "GOARCH": "arm64", "CGO_ENABLED": c.cgo}
		b, err := New("bin/x", newInfo(c.path, settings))
		switch {
		case c.want != "":
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %v", c.path, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.path, err)
		case b.FileName() != c.file || b.Platform.OS != c.os || b.Platform.Architecture != "arm64" ||
			b.Source() != "https://example.com/fork":
			t.Errorf("%s: %+v, %s", c.path, b, b.FileName())
		}
	}
}

func TestEpoch(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "0": 0, "86400": 86400} {
		if at, err := Epoch(func(string) string { return text }); err != nil || at != time.Unix(want, 0).UTC() {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v, %v", text, at, err)
		}
	}
	for _, text := range []string{"x", "-1", "1.5"} {
		if _, err := Epoch(func(string) string { return text }); err == nil ||
			!strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", text, err)
		}
	}
}

func TestReplacedModules(t *testing.T) {
	var got []string
	for _, m := range linkedModules(&debug.BuildInfo{Main: debug.Module{Path: "example.com/main"}, Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
		{Path: "example.com/c", Version: "v1.0.0", Replace: &debug.Module{Path: "./ours", Version: "(devel)"}},
	}}, "v3") {
		got = append(got, modulePURL(m.Path, m.Version, ""))
	}
	if want := []string{
		"pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/fork@v2.0.0", "pkg:golang/example.com/main/ours@v3",
	}; !slices.Equal(got, want) {
		t.Errorf("%q instead of %q", got, want)
	}
}
