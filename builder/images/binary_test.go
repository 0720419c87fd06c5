// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"runtime/debug"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// info is what the toolchain writes into a sidecar, changed by pairs of keys and values.
func info(changes ...string) *debug.BuildInfo {
	settings := map[string]string{"GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0",
		"vcs.revision": "0123abc", "vcs.time": "2026-11-25T12:00:00+01:00", "vcs.modified": "false"}
	for i := 0; i < len(changes); i += 2 {
		settings[changes[i]] = changes[i+1]
	}
	b := &debug.BuildInfo{Path: "example.com/fork/sidecar", Main: debug.Module{Path: "example.com/fork"}}
	for key, value := range settings {
		b.Settings = append(b.Settings, debug.BuildSetting{Key: key, Value: value})
	}
	return b
}

func TestBinary(t *testing.T) {
	for name, c := range map[string]struct {
		info     *debug.BuildInfo
		revision string
		unix     int64
	}{
		"of a commit":           {info(), "0123abc", 1795604400},
		"of a changed commit":   {info("vcs.modified", "true"), "0123abc-dirty", 1795604400},
		"of nothing":            {info("vcs.revision", "", "vcs.time", "", "vcs.modified", "true"), "", 0},
		"of a commit, but when": {info("vcs.time", "yesterday"), "0123abc", 0},
	} {
		b, err := newBinary("sidecar", c.info)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := &image{program: b.program, version: "v1", epoch: time.Unix(0, 0)}
		labels := i.labels(b)
		if labels[ocispec.AnnotationRevision] != c.revision || labels[ocispec.AnnotationSource] != "https://example.com/fork" {
			t.Errorf("%s: labels %v", name, labels)
		}
		if _, ok := labels[ocispec.AnnotationRevision]; ok != (c.revision != "") {
			t.Errorf("%s: an empty label", name)
		}
		if at, err := epoch(func(string) string { return "" }, b); err != nil || at.Unix() != c.unix || at.Location() != time.UTC {
			t.Errorf("%s: committed at %v, %v", name, at, err)
		}
	}
}

func TestBinariesThatWouldNotRun(t *testing.T) {
	other := info()
	other.Path = "example.com/fork/other"
	for want, info := range map[string]*debug.BuildInfo{
		"set GOOS":           info("GOOS", "darwin"),
		"set CGO_ENABLED=0":  info("CGO_ENABLED", "1"),
		"no program of ours": other,
	} {
		if _, err := newBinary("bin/x", info); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bin/x") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestEpoch(t *testing.T) {
	b, err := newBinary("sidecar", info())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := epoch(func(string) string { return "86400" }, b); err != nil || at != time.Unix(86400, 0).UTC() {
		t.Errorf("SOURCE_DATE_EPOCH does not count: %v, %v", at, err)
	}
	for _, text := range []string{"x", "-1", "1.5"} {
		if _, err := epoch(func(string) string { return text }, b); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", text, err)
		}
	}
}
