// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// Input says what is read.
type Input struct {
	Spec   source.Spec
	Source source.Options
	// StampVersions puts the content of every workspace into the name of its version:
	// see [workspace.Stamper]. What is read, scanned and shipped has the stamp.
	StampVersions bool
	// Defaults are filled into every .import.yml that lacks them: see [workspace.Filler].
	// The version "commit" stands for the commit, and "release" for Release.
	Defaults workspace.Defaults
	Release  string
}

// Checks says which checks a reading makes.
type Checks struct {
	// Workspaces are the groups and limits to validate against; nil for no validation.
	Workspaces *workspace.Options
	// Rules change the severity of diagnostics; nil changes none.
	Rules *ruleset.Set
	// Strict makes warnings errors, also those that the rules made warnings.
	Strict bool
	// Scanner scans for secrets; nil for no scan.
	Scanner *scan.Scanner
	// SourcePolicy makes another scanner of the policy file at the top of the source,
	// where authors may have one; nil where they may not.
	SourcePolicy func(policy []byte) (*scan.Scanner, error)
	// History scans the Git history, too; nil does not. The source needs to be opened
	// with its history.
	History *History
	// Baseline accepts findings in files; nil accepts none.
	Baseline *scan.Baseline
}

// Reading is what one reading of a source found.
type Reading struct {
	Source release.Source
	// RepositoryPath returns the path that a file of a diagnostic or a finding has in the
	// repository of the source.
	RepositoryPath func(name string) string
	// CommitTime is the time of the source commit; zero if there is none.
	CommitTime time.Time
	// Files and Bytes count what ships.
	Files int
	Bytes int64
	// Dropped lists what the source holds and does not ship.
	Dropped     []source.Drop
	Diagnostics []diagnostic.Diagnostic
	// Lowered lists the diagnostics that the rules of the user made less severe.
	Lowered []diagnostic.Lowered
	// Repository and Plan are set by a validation.
	Repository *workspace.Repository
	Plan       *workspace.Plan
	// Scan is set by a scan.
	Scan *scan.Report
}

// Report returns what the validation found.
func (r *Reading) Report() diagnostic.Report {
	return diagnostic.Report{Diagnostics: r.Diagnostics, Lowered: r.Lowered}
}

// Epoch is the time of the release: the given one, else the commit's, else 0.
func (r *Reading) Epoch(given *time.Time) time.Time { return releaseEpoch(given, r.CommitTime) }

// Read reads a source and makes the checks. What is wrong with the workspaces is in
// the reading and in the error, of kind [Invalid] or [Secrets]; with any other error
// there is no reading.
func Read(ctx context.Context, display *progress.Display, input Input, checks Checks) (*Reading, error) {
	s := &stages{display: display}
	reading, err := s.read(ctx, input, checks, nil)
	if err != nil {
		return nil, err
	}
	return reading, verdict(reading.Diagnostics, reading.Scan)
}

// walker hands out the files of a source: see [source.Tree.Walk].
type walker interface {
	Walk(ctx context.Context, fn func(source.File) error) (source.Report, error)
}

// sink takes the files of a source, one at a time.
type sink func(source.File) error

// read opens the source, walks it once, and ends the checks. If opened is not nil,
// it makes more sinks of the tree.
func (s *stages) read(ctx context.Context, input Input, checks Checks, opened func(*source.Tree) ([]sink, error)) (reading *Reading, err error) {
	var tree *source.Tree
	err = s.run("open", "open "+input.Spec.String(), nil, func() (err error) {
		input.Source.History = checks.History != nil
		tree, err = source.Open(ctx, input.Spec, input.Source)
		return fail(Source, err)
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fail(Source, tree.Close())) }()
	var extra []sink
	if opened != nil {
		if extra, err = opened(tree); err != nil {
			return nil, err
		}
	}
	err = guard(func() (err error) {
		reading, err = s.readTree(ctx, tree, input, checks, extra)
		return err
	})
	return reading, err
}

func (s *stages) readTree(ctx context.Context, tree *source.Tree, input Input, checks Checks, sinks []sink) (*Reading, error) {
	var counter counter
	sinks = append(sinks, counter.add)
	tree.OnListed(counter.expect)
	var collector *workspace.Collector
	if checks.Workspaces != nil {
		options := *checks.Workspaces
		options.Stamped = input.StampVersions
		collector = workspace.NewCollector(options)
		sinks = append(sinks, func(f source.File) error { collector.Add(f.Path, f.Data); return nil })
	}
	if err := checks.readPolicy(tree); err != nil {
		return nil, err
	}
	if checks.Baseline != nil && checks.Scanner != nil {
		checks.Scanner.UseBaseline(checks.Baseline)
	}
	files, err := input.files(tree, checks)
	if err != nil {
		return nil, err
	}
	reading := new(Reading)
	var walked source.Report
	err = s.run("read", checks.title(), counter.tell(), func() (err error) {
		if checks.Scanner == nil {
			walked, err = walk(ctx, files, sinks...)
			return fail(Source, err)
		}
		walked, reading.Scan, err = walkAndScan(ctx, files, checks.Scanner, sinks)
		return err
	})
	if err != nil {
		return nil, err
	}
	if checks.History != nil && reading.Scan != nil {
		if reading.Scan.History, err = s.readHistory(ctx, tree, checks); err != nil {
			return nil, err
		}
	}
	if checks.Baseline != nil && reading.Scan != nil {
		checks.Baseline.Apply(reading.Scan, time.Now())
	}
	reading.Source = tree.Info()
	reading.RepositoryPath = tree.RepositoryPath
	reading.CommitTime, _ = tree.CommitTime()
	reading.Files, reading.Bytes, reading.Dropped = walked.Files, walked.Bytes, walked.Dropped
	reading.Diagnostics = walked.Diagnostics
	reading.conclude(collector, checks)
	reading.notifyGroups(input.Source.Notify)
	if stamped, ok := files.(*stamping); ok {
		stamped.tell(reading.Repository)
	}
	return reading, nil
}

// files returns the walker of a source as it ships: with defaults, stamps and checksums.
func (i *Input) files(tree *source.Tree, checks Checks) (walker, error) {
	files, err := i.fill(tree, checks)
	if rewrite := i.rewrite(checks); err == nil && rewrite != (workspace.Rewrite{}) {
		files = newStamping(files, rewrite, checks)
	}
	return files, err
}

// rewrite says what of .import.yml ships in another form than the source has.
func (i *Input) rewrite(checks Checks) workspace.Rewrite {
	refresh := checks.Workspaces != nil && checks.Workspaces.Checksums == workspace.ChecksumsRefresh
	return workspace.Rewrite{Stamp: i.StampVersions, Refresh: refresh}
}

// notifyGroups names the groups that the workspaces have, if none are configured.
func (r *Reading) notifyGroups(notify func(string)) {
	if notify == nil || r.Repository == nil {
		return
	}
	if names := r.Repository.FoundGroups(); len(names) > 0 {
		notify("no groups are configured; the workspaces have these, in the order of their import: " + strings.Join(names, ", "))
	}
}

// readPolicy takes the scanner of the source's own policy, if it may have one and has.
func (c *Checks) readPolicy(tree *source.Tree) error {
	if c.SourcePolicy == nil {
		return nil
	}
	data, err := tree.ReadTop(scan.PolicyFile, scan.MaxFileSize)
	if err != nil {
		return fail(Source, err)
	}
	if data != nil {
		c.Scanner, err = c.SourcePolicy(data)
	}
	return fail(Usage, err)
}

// title says what a reading with these checks does.
func (c Checks) title() string {
	var parts []string
	if c.Workspaces != nil {
		parts = append(parts, "validate")
	}
	if c.Scanner != nil {
		parts = append(parts, "scan")
	}
	return strings.Join(parts, " and ") + " the workspaces"
}

// walkAndScan ends the scan also when the walk fails, and prefers what the scan has
// to say: it is often the reason.
func walkAndScan(ctx context.Context, files walker, scanner *scan.Scanner, sinks []sink) (source.Report, *scan.Report, error) {
	run := scanner.Start(ctx)
	walked, err := walk(ctx, files, append(sinks, func(f source.File) error {
		return fail(Incomplete, run.Add(ctx, scan.File{Path: f.Path, Data: f.Data}))
	})...)
	scanned, ended := run.Finish()
	if ended != nil {
		return walked, nil, fail(Incomplete, ended)
	}
	return walked, scanned, fail(Source, err)
}

// conclude ends the validation, if there is one.
func (r *Reading) conclude(collector *workspace.Collector, checks Checks) {
	if collector != nil {
		var found, planned []diagnostic.Diagnostic
		r.Repository, found = collector.Finish()
		r.Plan, planned = r.Repository.Plan()
		if len(r.Repository.Workspaces) == 0 && diagnostic.Count(r.Diagnostics, diagnostic.Error) > 0 {
			// There may be workspaces, all of whose files were refused.
			found = slices.DeleteFunc(found, func(d diagnostic.Diagnostic) bool { return d.Severity == diagnostic.Error })
		}
		r.Diagnostics = append(append(r.Diagnostics, found...), planned...)
	}
	r.Diagnostics, r.Lowered = checks.Rules.Apply(r.Diagnostics, time.Now())
	if checks.Strict {
		r.Diagnostics = diagnostic.Strict(r.Diagnostics)
	}
	diagnostic.Sort(r.Diagnostics)
}

// walk gives every file to all sinks. Each sink has a goroutine of its own and
// holds one file at a time.
func walk(ctx context.Context, files walker, sinks ...sink) (source.Report, error) {
	group, ctx := errgroup.WithContext(ctx)
	spawn := func(fn func() error) { group.Go(func() error { return guard(fn) }) }
	pipes := make([]chan source.File, len(sinks))
	for i, sink := range sinks {
		pipes[i] = make(chan source.File)
		spawn(func() error { return drain(pipes[i], sink) })
	}
	var report source.Report
	spawn(func() (err error) {
		defer func() {
			for _, pipe := range pipes {
				close(pipe)
			}
		}()
		report, err = files.Walk(ctx, func(file source.File) error { return deliver(ctx, file, pipes) })
		return err
	})
	err := group.Wait() // before the report is read
	return report, err
}

func drain(pipe <-chan source.File, sink sink) error {
	for file := range pipe {
		if err := sink(file); err != nil {
			return err
		}
	}
	return nil
}

func deliver(ctx context.Context, file source.File, pipes []chan source.File) error {
	for _, pipe := range pipes {
		select {
		case pipe <- file:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// counter counts files and bytes for the display of progress.
type counter struct {
	files, bytes atomic.Int64
	// allFiles and allBytes are the totals, or 0 until they are known.
	allFiles, allBytes atomic.Int64
}

func (c *counter) add(f source.File) error {
	c.files.Add(1)
	c.bytes.Add(int64(len(f.Data)))
	return nil
}

// expect sets the totals.
func (c *counter) expect(files int, bytes int64) {
	c.allFiles.Store(int64(files))
	c.allBytes.Store(bytes)
}

// tell returns a function that says how far the reading is, and once the totals are known, how
// long it will take.
func (c *counter) tell() func() string {
	started := time.Now()
	return func() string {
		files := strconv.FormatInt(c.files.Load(), 10)
		bytes := units.HumanSize(float64(c.bytes.Load()))
		if all := c.allFiles.Load(); all > 0 {
			files += " of " + strconv.FormatInt(all, 10)
			bytes += " of " + units.HumanSize(float64(c.allBytes.Load()))
		}
		passed := time.Since(started)
		rate := float64(c.bytes.Load()) / max(passed.Seconds(), 1e-3)
		text := fmt.Sprintf("%s files, %s, %s/s", files, bytes, units.HumanSize(rate))
		if left := c.remaining(passed); left >= time.Second {
			text += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
		return text
	}
}

// remaining estimates the time to the end from the share of bytes that took the time passed. It
// is 0 if that is not known, or too early to say.
func (c *counter) remaining(passed time.Duration) time.Duration {
	done, all := c.bytes.Load(), c.allBytes.Load()
	if done == 0 || done >= all || passed < time.Second {
		return 0
	}
	return time.Duration(float64(passed) * float64(all-done) / float64(done))
}
