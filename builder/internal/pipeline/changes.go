// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/scan"
)

// Files are files to scan without the rest of their repository.
type Files struct {
	// Title describes the scan in the progress display.
	Title string
	// Walk calls fn for each file.
	Walk func(ctx context.Context, fn func(source.Version) error) error
	// Before returns the contents that a file had before the scanned change. Secrets in those
	// contents are not reported. Before is nil if all content is new.
	Before func(path, commit string) ([][]byte, error)
	// Subdir is the repository directory that paths are relative to.
	Subdir string
	// Notify receives notes for the user, one line at a time.
	Notify func(note string)
}

// ScanFiles scans files for secrets. Findings are in the reading and reported by an error of kind
// [Secrets]. With any other error, the reading is nil. ScanFiles uses only the Scanner and the
// Baseline of checks.
func ScanFiles(ctx context.Context, display *progress.Display, files Files, checks Checks) (*Reading, error) {
	scanner := checks.Scanner
	baseline := checks.Baseline
	if baseline != nil {
		baseline = baseline.Partial()
		scanner = scanner.WithBaseline(baseline)
	}
	counter := new(counter)
	found, err := inStage(newStages(display), "read", files.Title, counter.newFormatter(), func() (scannedFiles, error) {
		return files.scan(ctx, scanner, counter)
	})
	if err != nil {
		return nil, err
	}
	if found.report.Findings, err = files.dropKnown(ctx, scanner, found); err != nil {
		return nil, fail(Incomplete, err)
	}
	if baseline != nil {
		baseline.Apply(found.report, time.Now())
	}
	reading := &Reading{
		Scan:           found.report,
		Files:          found.report.Coverage.Files,
		Bytes:          found.report.Coverage.Bytes,
		RepositoryPath: func(name string) string { return path.Join(files.Subdir, name) },
	}
	return reading, verdict(reading)
}

// scannedFiles is the result of a scan of files.
type scannedFiles struct {
	report *scan.Report
	// within maps the paths of the files to their paths within their workspaces.
	within map[string]string
}

func (f Files) scan(ctx context.Context, scanner *scan.Scanner, counter *counter) (scannedFiles, error) {
	within := map[string]string{}
	run := scanner.Start(ctx)
	walked := f.Walk(ctx, func(v source.Version) error {
		within[v.Path] = v.Within
		file := scan.File{Path: v.Path, Within: v.Within, Data: v.Data, Commit: v.Commit}
		if v.Commit != "" {
			file.Date = v.Time.UTC().Format(time.RFC3339)
		}
		return fail(Incomplete, errors.Join(counter.add(source.File{Path: v.Path, Data: v.Data}), run.Add(ctx, file)))
	})
	report, ended := run.Finish()
	if ended != nil {
		return scannedFiles{}, fail(Incomplete, ended)
	}
	return scannedFiles{report: report, within: within}, fail(Source, walked)
}

// dropKnown returns the findings that are new in this change.
func (f Files) dropKnown(ctx context.Context, scanner *scan.Scanner, found scannedFiles) ([]scan.Finding, error) {
	all := found.report.Findings
	if f.Before == nil || len(all) == 0 {
		return all, nil
	}
	known := map[fileVersion]map[string]bool{}
	var left []scan.Finding
	for _, finding := range all {
		v := fileVersion{path: finding.Path, within: found.within[finding.Path], commit: finding.Commit}
		if known[v] == nil {
			fingerprints, err := f.fingerprintsBefore(ctx, scanner, v)
			if err != nil {
				return nil, err
			}
			known[v] = fingerprints
		}
		if !known[v][finding.Fingerprint] {
			left = append(left, finding)
		}
	}
	if n := len(all) - len(left); n > 0 && f.Notify != nil {
		f.Notify(fmt.Sprintf("not listed, because the files had them before this change: %d of the secrets", n))
	}
	return left, nil
}

// fileVersion is a file as of a commit. within is its path within its workspace.
type fileVersion struct{ path, within, commit string }

// fingerprintsBefore returns the fingerprints of the secrets that a file had before the change.
func (f Files) fingerprintsBefore(ctx context.Context, scanner *scan.Scanner, v fileVersion) (map[string]bool, error) {
	contents, err := f.Before(v.path, v.commit)
	if err != nil {
		return nil, err
	}
	run := scanner.Start(ctx)
	for _, data := range contents {
		if err := run.Add(ctx, scan.File{Path: v.path, Within: v.within, Data: data}); err != nil {
			break // Finish returns the error
		}
	}
	before, err := run.Finish()
	if err != nil {
		return nil, err
	}
	fingerprints := map[string]bool{}
	for _, finding := range before.Findings {
		fingerprints[finding.Fingerprint] = true
	}
	return fingerprints, nil
}
