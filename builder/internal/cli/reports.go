// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/checkreport"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan/format"
)

// reportTarget is a report and its file; no file means standard output.
type reportTarget struct {
	format format.Format
	path   string
}

// reportFormats lists the report formats of a scan.
func reportFormats() []string { return formatNames(format.All()) }

func formatNames(formats []format.Format) []string {
	var names []string
	for _, f := range formats {
		names = append(names, string(f))
	}
	return names
}

// parseReports reads the values of --report of a scan or a build.
func parseReports(texts []string) ([]reportTarget, error) {
	return parseTargets(texts, checkreport.Formats())
}

// parseTargets parses the values of --report. Only annotations may go to standard output, where
// they can be mixed with other output.
func parseTargets(texts []string, formats []format.Format) ([]reportTarget, error) {
	var targets []reportTarget
	for _, text := range texts {
		name, path, _ := strings.Cut(text, "=")
		t := reportTarget{format.Format(name), path}
		switch {
		case !slices.Contains(formats, t.format):
			return nil, fmt.Errorf("report %q: %q is not a format, want one of %s", text, name,
				strings.Join(formatNames(formats), ", "))
		case path == "" && t.format != format.GitHub:
			return nil, fmt.Errorf("report %q has no file: want %s=FILE", text, name)
		case slices.ContainsFunc(targets, func(other reportTarget) bool { return isSameFile(other.path, path) }):
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

// isSameFile reports whether two results would go to the same file, or both to standard output.
func isSameFile(a, b string) bool {
	return a == b || a != "" && b != "" && filepath.Clean(a) == filepath.Clean(b)
}

// writeReports writes the reports of a scan or build, including one that failed with err.
func (f *scanFlags) writeReports(a *app, reading *pipeline.Reading, failed error) error {
	targets, err := parseReports(f.reports)
	return errors.Join(err, a.writeReports(targets, reading, failed))
}

// validationReports are the values of --report of validate.
type validationReports struct{ texts []string }

func (f *validationReports) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.texts, "report", nil, "write a report to a file, even if the run fails: `FORMAT=FILE`, "+
		"where FORMAT is json, sarif, gitlab (code quality), junit, github or human; github without a file annotates the "+
		"job on standard output (repeat)")
	assignGroup(flags, groupOutput)
}

// reportTargets returns the reports. Without a secret scan, the GitLab format is code quality.
func (f *validationReports) reportTargets() ([]reportTarget, error) {
	targets, err := parseTargets(f.texts, checkreport.Formats())
	for i := range targets {
		if targets[i].format == format.GitLab {
			targets[i].format = checkreport.CodeQuality
		}
	}
	return targets, err
}

// writeReports writes reports. reading is nil if nothing was read.
func (a *app) writeReports(targets []reportTarget, reading *pipeline.Reading, failed error) error {
	if len(targets) == 0 {
		return nil
	}
	results, err := a.newResults(reading, failed)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range targets {
		if t.path == "" {
			errs = append(errs, checkreport.Write(a.Out, t.format, results))
			continue
		}
		errs = append(errs, replaceFile(t.path, func(w io.Writer) error {
			return checkreport.Write(w,
				t.format, results)
		}))
	}
	return errors.Join(errs...)
}

// replaceFile writes a report atomically.
func replaceFile(path string, write func(io.Writer) error) error {
	return replaceFileMode(0o644, path, write)
}

// replaceFileMode is replaceFile with permissions.
func replaceFileMode(mode fs.FileMode, path string, write func(io.Writer) error) error {
	file, err := atomicfile.Create(path, mode)
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	defer file.Discard()
	if err := write(file); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// newResults returns the results of a run, and why it failed if for another reason.
func (a *app) newResults(reading *pipeline.Reading, failed error) (checkreport.Results, error) {
	given, err := a.readEpoch()
	if err != nil {
		return checkreport.Results{}, withCode(exitUsage, err)
	}
	r := checkreport.Results{About: format.About{
		Tool:    release.Tool{Name: "builder", Version: version.Get().Version},
		Command: a.running.Name(),
		Verbose: a.verbose,
	}}
	if reading == nil {
		r.Incomplete = true
		reading = new(pipeline.Reading)
	}
	r.Incomplete = r.Incomplete || exitCode(failed) == exitIncomplete
	r.About.Source = reading.Source
	r.About.Path = reading.RepositoryPath
	r.About.Time = reading.Epoch(given)
	r.Scan = reading.Scan
	// A scan only reports what must not be in a source.
	validated := reading.Repository != nil || a.running.Name() == "validate"
	if found := reading.Report(); validated || len(found.Diagnostics) > 0 {
		r.Diagnostics = &found
	}
	verdict := exitCode(failed) == exitInvalid || exitCode(failed) == exitSecrets
	if failed != nil && !(verdict && r.HaveErrors()) {
		r.Failure = failed.Error()
	}
	return r, nil
}

// writeScan writes the results of the scan with the name of this program.
func (a *app) writeScan(w io.Writer, f format.Format, reading *pipeline.Reading) error {
	results, err := a.newResults(reading, nil)
	if err != nil {
		return err
	}
	results.Diagnostics = nil
	return checkreport.Write(w, f, results)
}
