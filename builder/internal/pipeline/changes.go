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

	// within maps paths to the paths of the files within their workspaces.
	within map[string]string
}

// ScanFiles scans files for secrets. Findings are in the reading and reported by an error of kind
// [Secrets]. With any other error, the reading is nil. ScanFiles uses only the Scanner and the
// Baseline of checks.
func ScanFiles(ctx context.Context, display *progress.Display, files Files, checks Checks) (*Reading, error) {
	s := &stages{display: display}
	files.within = map[string]string{}
	baseline := checks.Baseline
	if baseline != nil {
		baseline = baseline.Partial()
		checks.Scanner.UseBaseline(baseline)
	}
	var found *scan.Report
	var counter counter
	err := s.run("read", files.Title, counter.tell(), func() (err error) {
		found, err = files.scan(ctx, checks.Scanner, &counter)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := files.dropKnown(ctx, checks.Scanner, found); err != nil {
		return nil, fail(Incomplete, err)
	}
	if baseline != nil {
		baseline.Apply(found, time.Now())
	}
	reading := &Reading{Scan: found, Files: found.Coverage.Files, Bytes: found.Coverage.Bytes}
	reading.RepositoryPath = func(name string) string { return path.Join(files.Subdir, name) }
	return reading, verdict(nil, found)
}

func (f Files) scan(ctx context.Context, scanner *scan.Scanner, counter *counter) (*scan.Report, error) {
	run := scanner.Start(ctx)
	walked := f.Walk(ctx, func(v source.Version) error {
		f.within[v.Path] = v.Within
		file := scan.File{Path: v.Path, Within: v.Within, Data: v.Data, Commit: v.Commit}
		if v.Commit != "" {
			file.Date = v.Time.UTC().Format(time.RFC3339)
		}
		return fail(Incomplete, errors.Join(counter.add(source.File{Path: v.Path, Data: v.Data}), run.Add(ctx, file)))
	})
	found, ended := run.Finish()
	if ended != nil {
		return nil, fail(Incomplete, ended)
	}
	return found, fail(Source, walked)
}

// dropKnown removes findings that the file already had before the change.
func (f Files) dropKnown(ctx context.Context, scanner *scan.Scanner, found *scan.Report) error {
	if f.Before == nil || len(found.Findings) == 0 {
		return nil
	}
	type version struct{ path, commit string }
	known := map[version]map[string]bool{}
	var left []scan.Finding
	for _, finding := range found.Findings {
		v := version{finding.Path, finding.Commit}
		if known[v] == nil {
			var err error
			if known[v], err = f.fingerprintsBefore(ctx, scanner, v.path, v.commit); err != nil {
				return err
			}
		}
		if !known[v][finding.Fingerprint] {
			left = append(left, finding)
		}
	}
	if n := len(found.Findings) - len(left); n > 0 && f.Notify != nil {
		f.Notify(fmt.Sprintf("not listed, because the files had them before this change: %d of the secrets", n))
	}
	found.Findings = left
	return nil
}

// fingerprintsBefore returns the fingerprints of the secrets that a file had before the change.
func (f Files) fingerprintsBefore(
	ctx context.Context,
	scanner *scan.Scanner,
	name, commit string,
) (map[string]bool, error) {
	contents, err := f.Before(name, commit)
	if err != nil {
		return nil, err
	}
	run := scanner.Start(ctx)
	for _, data := range contents {
		if err := run.Add(ctx, scan.File{Path: name, Within: f.within[name], Data: data}); err != nil {
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
