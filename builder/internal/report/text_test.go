// SPDX-License-Identifier: AGPL-3.0-or-later

package report_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
)

func TestSummary(t *testing.T) {
	tests := map[string]func(*report.Build){
		"summary.txt": func(*report.Build) {},
		"summary-dry-run.txt": func(b *report.Build) {
			b.DryRun = true
		},
		"summary-scratch.txt": func(b *report.Build) {
			b.Images, b.Dropped, b.Unscanned = nil, nil, 0
			b.Manifest.Base, b.Manifest.Source = nil, release.Source{}
		},
		"summary-directory.txt": func(b *report.Build) {
			b.Manifest.Source = release.Source{Commit: b.Manifest.Source.Commit}
		},
	}
	for file, change := range tests {
		t.Run(file, func(t *testing.T) {
			b := built()
			change(b)
			var out bytes.Buffer
			if err := report.WriteSummary(&out, b); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", file), out.Bytes())
		})
	}
}

// The summary does not claim more than it should: an accepted finding is a secret.
func TestSummaryCountsAcceptedSecrets(t *testing.T) {
	for n, want := range []string{"no secrets\n", "no secrets but 1 that is accepted\n",
		"no secrets but 2 that are accepted\n"} {
		b := built()
		b.Unscanned, b.Manifest.Scan.Accepted = 0, []string{"a", "b"}[:n]
		var out bytes.Buffer
		if err := report.WriteSummary(&out, b); err != nil {
			t.Fatal(err)
		}
		b.Manifest.Scan.Warnings = 3
		if err := report.WriteSummary(&out, b); err != nil {
			t.Fatal(err)
		}
		if warned := strings.TrimSuffix(want, "\n") + "; warnings: 3\n"; !strings.Contains(out.String(), want) ||
			!strings.Contains(out.String(), warned) {
			t.Errorf("%d accepted: %q is not in\n%s", n, want, out.String())
		}
	}
}

func TestRelease(t *testing.T) {
	var out bytes.Buffer
	if err := report.WriteRelease(&out, "registry.example.com/release:v2@sha256:00",
		[]string{"linux/amd64", "linux/arm64"}, []string{"https://slsa.dev/provenance/v1", "https://spdx.dev/Document"},
		manifest()); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/release.txt", out.Bytes())
}

// An inspected image may come from anywhere; its manifest is merely valid.
func TestHostileManifestsDoNotActOnTheTerminal(t *testing.T) {
	const evil = "\x1b]0;title\x07\x1b[2J\u202e\u009b31m\r\n\t\v"
	m := manifest()
	m.Name, m.Repository.ID, m.Repository.Name, m.Repository.Directory = "v"+evil, "i"+evil, "n"+evil, "/d"+evil
	m.Source.URL, m.Source.Commit, m.Source.Ref, m.Base.Name = "u"+evil, "c"+evil, "r"+evil, "b"+evil
	m.Groups[0].Name, m.Workspaces[0].Version = "g"+evil, "v"+evil
	m.Workspaces[0].Digest = "other:ab" // short, of an unknown algorithm
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.WriteRelease(&out, "image"+evil, []string{"linux/" + evil}, []string{"t" + evil}, m); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%U is printed: %q", r, out.String())
		}
	}
	lines := strings.Count(out.String(), "\n")
	out.Reset()
	if err := report.WriteRelease(&out, "registry.example.com/release:v2@sha256:00",
		[]string{"linux/amd64", "linux/arm64"}, nil, manifest()); err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(out.String(), "\n"); lines != want {
		t.Errorf("%d lines instead of %d", lines, want)
	}
}

type failingWriter struct{ error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.error }

func TestOutputThatFailsIsAnError(t *testing.T) {
	out := failingWriter{io.ErrClosedPipe}
	for _, err := range []error{report.WriteSummary(out, built()),
		report.WriteRelease(out, "image", nil, nil, manifest())} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("error %v", err)
		}
	}
}
