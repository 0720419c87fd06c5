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

// Input is the source to read, and how to read it.
type Input struct {
	Spec   source.Spec
	Source source.Options
	// StampVersions adds a digest of the content of every workspace to the name of its version: see
	// [workspace.Stamper]. The files that are checked, scanned and shipped contain the stamp.
	StampVersions bool
	// Defaults are filled into every .import.yml that lacks them: see [workspace.Filler]. The
	// version "commit" stands for the commit, and "release" for Release.
	Defaults workspace.Defaults
	Release  string
}

// Checks selects the checks of a reading.
type Checks struct {
	// Workspaces are the groups and limits to validate against; nil disables the validation.
	Workspaces *workspace.Options
	// Rules change the severity of diagnostics; nil changes none.
	Rules *ruleset.Set
	// Strict turns warnings into errors, including warnings whose severity a rule has set.
	Strict bool
	// Scanner scans for secrets; nil disables the scan.
	Scanner *scan.Scanner
	// SourcePolicy returns a scanner for the policy file at the top of the source. It is nil if
	// sources may not have a policy.
	SourcePolicy func(policy []byte) (*scan.Scanner, error)
	// History configures the scan of the Git history; nil disables it.
	History *History
	// Baseline accepts findings in files; nil accepts none.
	Baseline *scan.Baseline
}

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
	s := &stages{display: display}
	reading, err := s.read(ctx, input, checks, nil)
	if err != nil {
		return nil, err
	}
	return reading, verdict(reading.Diagnostics, reading.Scan)
}

// walker walks the files of a source: see [source.Tree.Walk].
type walker interface {
	Walk(ctx context.Context, fn func(source.File) error) (source.Report, error)
}

// sink receives the files of a source, one at a time.
type sink func(source.File) error

// read opens the source, walks it once, and completes the checks. If opened is not nil, it returns
// additional sinks for the tree.
func (s *stages) read(
	ctx context.Context,
	input Input,
	checks Checks,
	opened func(*source.Tree) ([]sink, error),
) (reading *Reading, err error) {
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

func (s *stages) readTree(
	ctx context.Context,
	tree *source.Tree,
	input Input,
	checks Checks,
	sinks []sink,
) (*Reading, error) {
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

// files returns a walker of the source as it ships: with defaults, stamps and checksums.
func (i *Input) files(tree *source.Tree, checks Checks) (walker, error) {
	files, err := i.fill(tree, checks)
	if rewrite := i.rewrite(checks); err == nil && rewrite != (workspace.Rewrite{}) {
		files = newStamping(files, rewrite, checks)
	}
	return files, err
}

// rewrite returns the changes to make to .import.yml.
func (i *Input) rewrite(checks Checks) workspace.Rewrite {
	refresh := checks.Workspaces != nil && checks.Workspaces.Checksums == workspace.ChecksumsRefresh
	return workspace.Rewrite{Stamp: i.StampVersions, Refresh: refresh}
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

// readPolicy replaces the scanner if the source may have a policy and contains one.
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

// title returns the title of a reading with these checks.
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

// walkAndScan finishes the scan even if the walk fails. It prefers the error of the scan, which
// often causes the error of the walk.
func walkAndScan(
	ctx context.Context,
	files walker,
	scanner *scan.Scanner,
	sinks []sink,
) (source.Report, *scan.Report, error) {
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

// conclude completes the validation, if there is one, and applies the rules.
func (r *Reading) conclude(collector *workspace.Collector, checks Checks) {
	if collector != nil {
		var found, planned []diagnostic.Diagnostic
		r.Repository, found = collector.Finish()
		r.Plan, planned = r.Repository.Plan()
		if len(r.Repository.Workspaces) == 0 && diagnostic.Count(r.Diagnostics, diagnostic.Error) > 0 {
			// There may be workspaces whose files were all refused.
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

// walk passes every file to all sinks. Each sink runs in a separate goroutine and holds one file at
// a time.
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
	err := group.Wait() // wait before reading report
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
	// allFiles and allBytes are the totals, or 0 while they are unknown.
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

// tell returns a function that formats the progress of the reading and, once the totals are known,
// the remaining time.
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

// remaining estimates the remaining time from the share of bytes read in the time passed. It
// returns 0 if the total is unknown, or if it is too early for an estimate.
func (c *counter) remaining(passed time.Duration) time.Duration {
	done, all := c.bytes.Load(), c.allBytes.Load()
	if done == 0 || done >= all || passed < time.Second {
		return 0
	}
	return time.Duration(float64(passed) * float64(all-done) / float64(done))
}
