// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/release"
)

func exampleReport() *Report {
	return &Report{
		Findings: []Finding{
			{
				Scanner: "trufflehog", Rule: "Github", Severity: Error, Path: "mail-sender/automations/send.yml", Line: 12,
				Column:   7,
				Redacted: "ghp_***", Fingerprint: "00112233445566778899aabbccddeeff", Verification: NotChecked,
				Message: "secret of kind Github", Help: help,
			},
			{
				Scanner: "trufflehog", Rule: "PrivateKey", Severity: Error, Path: "mail-sender/keys <old>.zip",
				Redacted: "***", Fingerprint: "ffeeddccbbaa99887766554433221100", Verification: Live,
				Message: "secret of kind PrivateKey, inside of this archive", Help: help,
			},
			{
				Scanner: "trufflehog", Rule: "URI", Severity: Warning, Path: "mail-sender/index.yml", Line: 3, Column: 7,
				Where:    "config.value.url",
				Redacted: "***", Fingerprint: "00000000000000000000000000000001", Verification: NotChecked,
				Message: "secret of kind URI", Help: "declare a workspace secret url",
				Also: []Sighting{{Scanner: "dsul", Rule: "dsul-url-user-info", Fingerprint: "00000000000000000000000000000002"}},
			},
		},
		Accepted: []Accepted{
			{
				Finding: Finding{
					Scanner: "dsul", Rule: "dsul-password", Severity: Error, Path: "mail-sender/index.yml", Line: 9, Column: 3,
					Where:    "config.value.password",
					Redacted: "***", Fingerprint: "ff000000000000000000000000000000", Verification: NotChecked,
					Message: "password in plain text", Help: help,
				},
				By: ByBaseline, Owner: "claims-team", Reason: "of the demo server\nalone", Expires: "2027-01-31",
			},
			{
				Finding: Finding{
					Scanner: "dsul", Rule: "dsul-jwt", Severity: Error, Path: "mail-sender/pages/x.yml", Line: 1, Column: 3,
					Redacted: "***", Fingerprint: "fe000000000000000000000000000000", Verification: NotChecked,
					Message: "signed token (JWT)", Help: help,
				},
				By: ByComment,
			},
		},
		Problems: []Problem{{Rule: "baseline-unused", File: "scan-baseline.yaml", Line: 3, Column: 5,
			Message: "nothing is accepted by this entry", Help: "remove it"}},
		Coverage: Coverage{
			Files: 12, Bytes: 3456, SkippedBytes: 1088,
			Skipped: []Skip{
				{Path: "a/.import.yml", Bytes: 32, Reason: reasonChecksums},
				{Path: "a/x\n.zip", Reason: "3 files inside of the archive are of a type that trufflehog does not look into"},
				{Path: "b/.import.yml", Bytes: 32, Reason: reasonChecksums},
				{Path: "b/empty", Reason: reasonExcluded},
				{Path: "b/logo.svg", Bytes: 1024, Reason: reasonExcluded},
			},
		},
		Filtered: 3,
		Scanners: []release.Scanner{{Name: "trufflehog", Version: "v3.95.9", Detectors: 900,
			Rules: digest.FromString("rules")}},
		Policy: digest.FromString("policy"),
	}
}

func cleanReport() *Report {
	r := exampleReport()
	r.Findings, r.Accepted, r.Problems = []Finding{}, []Accepted{}, []Problem{}
	r.Coverage.Skipped, r.Coverage.SkippedBytes, r.Filtered = []Skip{}, 0, 0
	return r
}

func TestReports(t *testing.T) {
	for name, report := range map[string]*Report{"report": exampleReport(), "clean": cleanReport()} {
		for extension, write := range map[string]func(*strings.Builder) error{
			".json": func(b *strings.Builder) error { return report.WriteJSON(b) },
			".txt":  func(b *strings.Builder) error { return report.WriteHuman(b, true) },
		} {
			var out strings.Builder
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+extension), out.String())
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "no secrets", 1: "1 secret", 2: "2 secrets"} {
		if got := countNoun(n, "secret"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// full is a writer for a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

func TestReportsTellThatTheyCannotBeWritten(t *testing.T) {
	if err := exampleReport().WriteJSON(full{}); !errors.Is(err, errFull) {
		t.Errorf("JSON: error %v", err)
	}
	if err := exampleReport().WriteHuman(full{}, true); !errors.Is(err, errFull) {
		t.Errorf("text: error %v", err)
	}
}

// TestManifestSaysWhatWasScanned: the manifest contains the coverage, and readers of releases
// accept it.
func TestManifestSaysWhatWasScanned(t *testing.T) {
	report := cleanReport()
	want := release.Scan{Scanners: report.Scanners, Policy: report.Policy, Files: 12, Bytes: 3456}
	if diff := cmp.Diff(want, report.Manifest()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	report.Accepted = []Accepted{
		{Finding: Finding{Fingerprint: "b"}, By: ByBaseline}, {Finding: Finding{Fingerprint: "a"}, By: ByComment}, {Finding: Finding{Fingerprint: "b"}, By: ByBaseline},
	}
	report.Findings = []Finding{{Severity: Warning}, {Severity: Error}, {Severity: Warning}}
	want.Accepted, want.Warnings = []string{"a", "b"}, 2
	if diff := cmp.Diff(want, report.Manifest()); diff != "" {
		t.Errorf("with accepted findings: -want +got:\n%s", diff)
	}
}
