// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan/format"
)

// reportTarget is a report and the file that it goes to: none for standard output.
type reportTarget struct {
	format format.Format
	path   string
}

// reportFormats lists the names of the formats of a scan.
func reportFormats() []string { return names(format.All()) }

func names(formats []format.Format) []string {
	var names []string
	for _, f := range formats {
		names = append(names, string(f))
	}
	return names
}

// parseReports reads the values of --report of a scan.
func parseReports(texts []string) ([]reportTarget, error) { return parseTargets(texts, format.All()) }

// parseTargets reads the values of --report. Only annotations may go to standard
// output, between whatever else is written there.
func parseTargets(texts []string, formats []format.Format) ([]reportTarget, error) {
	var targets []reportTarget
	for _, text := range texts {
		name, path, _ := strings.Cut(text, "=")
		t := reportTarget{format.Format(name), path}
		switch {
		case !slices.Contains(formats, t.format):
			return nil, fmt.Errorf("report %q: %q is not a format, want one of %s", text, name, strings.Join(names(formats), ", "))
		case path == "" && t.format != format.GitHub:
			return nil, fmt.Errorf("report %q has no file: want %s=FILE", text, name)
		case slices.ContainsFunc(targets, func(other reportTarget) bool { return other.path == path }):
			return nil, fmt.Errorf("report %q: another report goes to the same file", text)
		}
		if path != "" {
			if err := report.CheckPath(path); err != nil {
				return nil, err
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// write writes the reports. A reading without a scan has none.
func (f *scanFlags) write(a *app, reading *pipeline.Reading) error {
	if reading == nil || reading.Scan == nil {
		return nil
	}
	targets, err := parseReports(f.reports)
	errs := []error{err}
	for _, t := range targets {
		errs = append(errs, a.writeReport(t, reading))
	}
	return errors.Join(errs...)
}

func (a *app) writeReport(t reportTarget, reading *pipeline.Reading) error {
	if t.path == "" {
		return a.writeScan(a.Out, t.format, reading)
	}
	return replaceFile(t.path, func(w io.Writer) error { return a.writeScan(w, t.format, reading) })
}

// replaceFile writes a report to a file, which has all of it or is as it was.
func replaceFile(path string, write func(io.Writer) error) error {
	return replaceFileOf(0o644, path, write)
}

// replaceFileOf is replaceFile with permissions.
func replaceFileOf(mode fs.FileMode, path string, write func(io.Writer) error) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(mode))
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	defer file.Cleanup()
	if err := write(file); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writeScan writes what the scan found, and says that it was this program.
func (a *app) writeScan(w io.Writer, f format.Format, reading *pipeline.Reading) error {
	given, err := a.epoch()
	if err != nil {
		return withCode(exitUsage, err)
	}
	return format.Write(w, f, reading.Scan, format.About{
		Tool:   release.Tool{Name: "builder", Version: version.Get().Version},
		Source: reading.Source,
		Time:   reading.Epoch(given), Command: a.running.Name(),
	})
}
