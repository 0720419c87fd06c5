// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"context"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// fakeDetector runs a function of the test.
type fakeDetector struct {
	name string
	scan func(ctx context.Context, f File) (Result, error)
}

func (d fakeDetector) Describe() release.Scanner {
	return release.Scanner{Name: d.name, Version: "v1.2.3", Detectors: 1, Rules: digest.FromString(d.name)}
}

func (d fakeDetector) Scan(ctx context.Context, f File) (Result, error) { return d.scan(ctx, f) }

// canary is the prefix of the words that the word detector reports.
const canary = "canary-"

// words finds every word that starts with canary.
func words(name string) Detector {
	return fakeDetector{name: name, scan: func(_ context.Context, f File) (Result, error) {
		result := Result{Bytes: int64(len(f.Data))}
		for i, line := range bytes.Split(f.Data, []byte("\n")) {
			at := bytes.Index(line, []byte(canary))
			if at < 0 {
				continue
			}
			word, _, _ := bytes.Cut(line[at:], []byte(" "))
			result.Matches = append(result.Matches, Match{
				Rule: "Word", Secret: secret.New(string(word)), Line: i + 1, Column: at + 1, Verification: NotChecked,
			})
		}
		return result, nil
	}}
}

// clean finds nothing.
func clean(_ context.Context, f File) (Result, error) { return Result{Bytes: int64(len(f.Data))}, nil }

func newScanner(t *testing.T, policy Policy, detectors ...Detector) *Scanner {
	t.Helper()
	s, err := New(policy, detectors...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scanFiles scans the files in the order given.
func scanFiles(t *testing.T, s *Scanner, files ...File) (*Report, error) {
	t.Helper()
	run := s.Start(t.Context())
	for _, f := range files {
		if err := run.Add(t.Context(), f); err != nil {
			t.Logf("add %s: %v", f.Path, err)
			break
		}
	}
	return run.Finish()
}

func mustScan(t *testing.T, s *Scanner, files ...File) *Report {
	t.Helper()
	report, err := scanFiles(t, s, files...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func file(path, content string) File { return File{Path: path, Data: []byte(content)} }
