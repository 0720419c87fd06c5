// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"runtime/debug"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/program"
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
	b, err := program.New("sidecar", info())
	if err != nil {
		t.Fatal(err)
	}
	labels := (&image{program: b.Program, version: "v1"}).imageLabels(b)
	if _, ok := labels[ocispec.AnnotationRevision]; ok ||
		labels[ocispec.AnnotationSource] != "https://example.com/fork" {
		t.Errorf("labels %v", labels)
	}
}

func TestBinaryForAnotherSystem(t *testing.T) {
	b, err := program.New("bin/x", info("GOOS", "darwin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := new(image).addBinary(b); err == nil || !strings.HasPrefix(err.Error(), "bin/x is for darwin") {
		t.Errorf("%v", err)
	}
}

func TestTwoBinariesForOnePlatform(t *testing.T) {
	i := new(image)
	for _, c := range []struct{ path, arch, want string }{
		{"one", "arm64", ""}, {"two", "amd64", ""}, {"three", "arm64", "one and three are for the same platform"},
	} {
		b, err := program.New(c.path, info("GOARCH", c.arch))
		if err != nil {
			t.Fatal(err)
		}
		if err := i.addBinary(b); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}
