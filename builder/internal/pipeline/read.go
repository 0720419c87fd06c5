// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// Reading is the result of reading a source.
type Reading struct {
	Source release.Source
	// RepositoryPath returns the path, within the source repository, of the file of a diagnostic or
	// a finding.
	RepositoryPath func(name string) string
	// CommitTime is the time of the source commit; zero if there is none.
	CommitTime time.Time
	// Files and Bytes count the content that ships.
	Files int
	Bytes int64
	// Dropped lists the files of the source that do not ship.
	Dropped     []source.Drop
	Diagnostics []diagnostic.Diagnostic
	// Lowered lists the diagnostics whose severity the user's rules lowered.
	Lowered []diagnostic.Lowered
	// Repository and Plan are set if there was a validation.
	Repository *workspace.Repository
	Plan       *workspace.Plan
	// Scan is set if there was a scan.
	Scan *scan.Report
}

// Report returns the diagnostics of the validation.
func (r *Reading) Report() diagnostic.Report {
	return diagnostic.Report{Diagnostics: r.Diagnostics, Lowered: r.Lowered}
}

// Epoch returns the time of the release: the given time, else the commit time, else 0.
func (r *Reading) Epoch(given *time.Time) time.Time { return releaseEpoch(given, r.CommitTime) }

// Read reads a source and runs the checks. Problems of the workspaces are in the reading, and
// reported by an error of kind [Invalid] or [Secrets]. With any other error, the reading is nil.
func Read(ctx context.Context, display *progress.Display, input Input, checks Checks) (*Reading, error) {
	reading, err := readOnce(ctx, newStages(display), input, checks)
	if err != nil {
		return nil, err
	}
	return reading, verdict(reading)
}

// readOnce opens a source, reads it, and closes it. The sinks receive every file, too.
func readOnce(ctx context.Context, s *stages, input Input, checks Checks, sinks ...sink) (reading *Reading, err error) {
	src, err := openSource(ctx, s, input, checks)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	if reading, err = src.read(ctx, s, sinks...); err == nil {
		reading.notifyGroups(input.Source.Notify)
	}
	return reading, err
}

// read reads the source once, and passes each file to the checks and to the sinks.
func (o *opened) read(ctx context.Context, s *stages, sinks ...sink) (*Reading, error) {
	return guarded(func() (*Reading, error) {
		collector := o.checks.newCollector(o.input.StampVersions)
		if collector != nil {
			sinks = append(sinks, sink{prepare: func(f source.File) func() {
				facts := collector.Read(f)
				return func() { collector.AddFacts(facts) }
			}})
		}
		content, err := o.scan(ctx, s, sinks)
		if err != nil {
			return nil, err
		}
		history, err := o.scanHistory(ctx, s)
		if err != nil {
			return nil, err
		}
		return o.conclude(content, history, collector), nil
	})
}

// newCollector returns a collector for the validation, or nil if there is none.
func (c *Checks) newCollector(stamped bool) *workspace.Collector {
	if c.Workspaces == nil {
		return nil
	}
	options := *c.Workspaces
	options.Stamped = stamped
	return workspace.NewCollector(options)
}

// scanned is the result of a walk, and of the scan of its files if there was one.
type scanned struct {
	walked
	report *scan.Report
}

// scan walks the files, and scans them if there is a scanner.
func (o *opened) scan(ctx context.Context, s *stages, sinks []sink) (scanned, error) {
	counter := new(counter)
	sinks = append(sinks, sink{start: counter.expect, add: counter.add})
	return inStage(s, "read", o.checks.title(), counter.newFormatter(), func() (scanned, error) {
		if o.checks.Scanner == nil {
			content, err := o.walk.to(ctx, sinks...)
			return scanned{walked: content}, fail(Source, err)
		}
		return walkAndScan(ctx, o.walk, o.checks.Scanner, sinks)
	})
}

// walkAndScan finishes the scan even if the walk fails. It prefers the error of the scan, which
// often causes the error of the walk.
func walkAndScan(ctx context.Context, walk walkFunc, scanner *scan.Scanner, sinks []sink) (scanned, error) {
	run := scanner.Start(ctx)
	content, err := walk.to(ctx, append(sinks, sink{add: func(f source.File) error {
		return fail(Incomplete, run.Add(ctx, scan.File{Path: f.Path, Data: f.Data, Sum: f.Sum}))
	}})...)
	report, ended := run.Finish()
	if ended != nil {
		return scanned{}, fail(Incomplete, ended)
	}
	return scanned{walked: content, report: report}, fail(Source, err)
}

// title returns the title of a reading with these checks.
func (c *Checks) title() string {
	var parts []string
	if c.Workspaces != nil {
		parts = append(parts, "validate")
	}
	if c.Scanner != nil {
		parts = append(parts, "scan")
	}
	return strings.Join(parts, " and ") + " the workspaces"
}

// conclude completes the checks.
func (o *opened) conclude(content scanned, history *scan.History, collector *workspace.Collector) *Reading {
	reading := &Reading{
		Source:         content.Source,
		RepositoryPath: o.tree.RepositoryPath,
		CommitTime:     o.commitTime,
		Files:          content.Files,
		Bytes:          content.Bytes,
		Dropped:        content.Dropped,
		Diagnostics:    content.Diagnostics,
		Scan:           content.report,
	}
	now := time.Now()
	if reading.Scan != nil {
		reading.Scan.History = history
		if o.checks.Baseline != nil {
			o.checks.Baseline.Apply(reading.Scan, now)
		}
	}
	if collector != nil {
		reading.validate(collector, content.versions)
	}
	reading.Diagnostics, reading.Lowered = o.checks.Rules.Apply(reading.Diagnostics, now)
	if o.checks.Strict {
		reading.Diagnostics = diagnostic.Strict(reading.Diagnostics)
	}
	diagnostic.Sort(reading.Diagnostics)
	return reading
}

// validate completes the validation. versions are the names of the versions in the source.
func (r *Reading) validate(collector *workspace.Collector, versions map[string]string) {
	repository, found := collector.Finish()
	for i := range repository.Workspaces {
		repository.Workspaces[i].SourceVersion = versions[repository.Workspaces[i].Slug]
	}
	plan, planned := repository.Plan()
	if len(repository.Workspaces) == 0 && diagnostic.Count(r.Diagnostics, diagnostic.Error) > 0 {
		// There may be workspaces whose files were all refused.
		found = slices.DeleteFunc(found, func(d diagnostic.Diagnostic) bool { return d.Severity == diagnostic.Error })
	}
	r.Repository = repository
	r.Plan = plan
	r.Diagnostics = append(append(r.Diagnostics, found...), planned...)
}

// notifyGroups lists the groups that the workspaces use, if none are configured.
func (r *Reading) notifyGroups(notify func(string)) {
	if notify == nil || r.Repository == nil {
		return
	}
	if names := r.Repository.FoundGroups(); len(names) > 0 {
		notify(
			"no groups are configured; the workspaces have these, in the order of their import: " + strings.Join(names, ", "),
		)
	}
}
