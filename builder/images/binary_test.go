// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"runtime/debug"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// info returns the build information of a sidecar, changed by pairs of keys and values.
func info(changes ...string) *debug.BuildInfo {
	settings := map[string]string{"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0"}
	for i := 0; i < len(changes); i += 2 {
		settings[changes[i]] = changes[i+1]
	}
	b := &debug.BuildInfo{Path: "example.com/fork/sidecar", Main: debug.Module{Path: "example.com/fork"}}
	for key, value := range settings {
		b.Settings = append(b.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return b
}

func TestLabelsOfAFork(t *testing.T) {
	b, err := newBinary("sidecar", info())
	if err != nil {
		t.Fatal(err)
	}
	labels := (&image{program: b.program, version: "v1"}).imageLabels(b)
	if _, ok := labels[ocispec.AnnotationRevision]; ok ||
		labels[ocispec.AnnotationSource] != "https://example.com/fork" {
		t.Errorf("labels %v", labels)
	}
}

func TestBinariesThatWouldNotRun(t *testing.T) {
	other := info()
	other.Path = "example.com/fork/other"
	for want, info := range map[string]*debug.BuildInfo{
		"set GOOS":           info("GOOS", "darwin"),
		"set CGO_ENABLED=0":  info("CGO_ENABLED", "1"),
		"which has no image": other,
	} {
		if _, err := newBinary("bin/x", info); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "bin/x") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestTwoBinariesForOnePlatform(t *testing.T) {
	i := new(image)
	for _, c := range []struct{ path, arch, want string }{
		{"one", "arm64", ""}, {"two", "amd64", ""}, {"three", "arm64", "one and three are for the same platform"},
	} {
		b, err := newBinary(c.path, info("GOARCH", c.arch))
		if err != nil {
			t.Fatal(err)
		}
		if err := i.addBinary(b); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func TestEpoch(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "0": 0, "86400": 86400} {
		if at, err := parseEpoch(func(string) string { return text }); err != nil || at != time.Unix(want, 0).UTC() {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v, %v", text, at, err)
		}
	}
	for _, text := range []string{"x", "-1", "1.5"} {
		if _, err := parseEpoch(func(string) string { return text }); err == nil ||
			!strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", text, err)
		}
	}
}
