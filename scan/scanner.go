// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/prismeai/workspaces-release/internal/release"
)

// inFlight bounds the content that is being scanned at a time, in bytes. A larger
// file is scanned alone.
const inFlight = 64 << 20

// Policy says what is not scanned. Its zero value scans everything.
type Policy struct {
	// ExcludePaths are globs (with **) on the paths of files.
	ExcludePaths []string `json:"excludePaths"`
	// IncludeDetectors, ExcludeDetectors and Verify are what the detectors were made
	// with: a scanner does not act on them, but they are part of its policy's digest.
	IncludeDetectors []string `json:"includeDetectors"`
	ExcludeDetectors []string `json:"excludeDetectors"`
	Verify           bool     `json:"verify"`
}

// Scanner runs detectors over files. It is safe for concurrent use.
type Scanner struct {
	policy    Policy
	detectors []Detector
}

// New validates the policy. There must be at least one detector.
func New(policy Policy, detectors ...Detector) (*Scanner, error) {
	if len(detectors) == 0 {
		return nil, errors.New("a scanner needs a detector")
	}
	for _, glob := range policy.ExcludePaths {
		if !doublestar.ValidatePattern(glob) {
			return nil, fmt.Errorf("path %q to exclude from the scan is not a valid glob", glob)
		}
	}
	policy.ExcludePaths = slices.Sorted(slices.Values(policy.ExcludePaths))
	return &Scanner{policy: policy, detectors: detectors}, nil
}

// digest identifies the policy in reports and in the release manifest.
func (p Policy) digest() (digest.Digest, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode scan policy: %w", err)
	}
	return digest.FromBytes(data), nil
}

// Run is one scan of many files.
type Run struct {
	scanner *Scanner
	group   *errgroup.Group
	ctx     context.Context //nolint:containedctx // that of the group, which is what a run is
	memory  *semaphore.Weighted

	mu       sync.Mutex
	found    map[found]Match
	coverage Coverage
	filtered int
}

// found makes matches unique.
type found struct {
	scanner, path, rule, secret string
	line, column                int
}

// Start starts a run. It ends with [Run.Finish].
func (s *Scanner) Start(ctx context.Context) *Run {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	return &Run{
		scanner: s, group: group, ctx: ctx, memory: semaphore.NewWeighted(inFlight),
		found: map[found]Match{}, coverage: Coverage{Skipped: []Skip{}},
	}
}

// Add scans a file in the background. It waits while too much is being scanned,
// and returns early with an error when the run has failed.
func (r *Run) Add(ctx context.Context, f File) error {
	if r.scanner.excluded(f.Path) {
		r.skip(f, int64(len(f.Data)), "its path is excluded by the scan policy")
		return nil
	}
	weight := min(int64(len(f.Data)), inFlight)
	if err := r.memory.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	r.group.Go(func() error {
		defer r.memory.Release(weight)
		return r.scan(f)
	})
	return nil
}

func (s *Scanner) excluded(path string) bool {
	return slices.ContainsFunc(s.policy.ExcludePaths, func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) })
}

func (r *Run) skip(f File, bytes int64, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.coverage.Files++
	r.coverage.Bytes += bytes
	r.coverage.SkippedBytes += bytes
	r.coverage.Skipped = append(r.coverage.Skipped, Skip{Path: f.Path, Bytes: bytes, Reason: reason})
}

// scan runs every detector over a file. What counts as scanned is what the
// detectors say that they have looked at.
func (r *Run) scan(f File) error {
	data, blanked := blankChecksums(f)
	for _, d := range r.scanner.detectors {
		name := d.Describe().Name
		result, err := detect(r.ctx, d, File{Path: f.Path, Data: data})
		if err == nil && result.Bytes != int64(len(f.Data)) {
			err = fmt.Errorf("it looked at %d of %d bytes", result.Bytes, len(f.Data))
		}
		if err != nil {
			return r.failure(&Error{Path: f.Path, Scanner: name, Err: err})
		}
		r.record(name, f.Path, result)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.coverage.Files++
	r.coverage.Bytes += int64(len(f.Data))
	if blanked > 0 {
		r.coverage.SkippedBytes += blanked
		r.coverage.Skipped = append(r.coverage.Skipped, Skip{Path: f.Path, Bytes: blanked, Reason: "checksums of the platform"})
	}
	return nil
}

// detect turns a panic of a detector into an error.
func detect(ctx context.Context, d Detector, f File) (result Result, err error) {
	defer func() {
		if recover() != nil { // the value may hold content
			err = errors.New("the detector panicked")
		}
	}()
	return d.Scan(ctx, f)
}

// failure prefers the reason of an interruption over what it made of a scan.
func (r *Run) failure(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return err
}

func (r *Run) record(scanner, path string, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filtered += result.Filtered
	for _, m := range result.Matches {
		key := found{scanner: scanner, path: path, rule: m.Rule, secret: m.Secret.Reveal(), line: m.Line, column: m.Column}
		if _, known := r.found[key]; !known {
			r.found[key] = m
		}
	}
}

// Finish waits for the files and returns the report. With an error there is none:
// something was not scanned. The error is an [*Error], or the cause of the
// context's end.
func (r *Run) Finish() (*Report, error) {
	if err := r.group.Wait(); err != nil {
		return nil, err
	}
	policy, err := r.scanner.policy.digest()
	if err != nil {
		return nil, err
	}
	report := &Report{Coverage: r.coverage, Filtered: r.filtered, Policy: policy, Findings: []Finding{}, Scanners: []release.Scanner{}}
	for _, d := range r.scanner.detectors {
		report.Scanners = append(report.Scanners, d.Describe())
	}
	report.Findings, err = r.findings()
	slices.SortFunc(report.Coverage.Skipped, compareSkips)
	return report, err
}

// findings computes the fingerprints, each secret of a file once.
func (r *Run) findings() ([]Finding, error) {
	var mu sync.Mutex
	findings := []Finding{}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for key, m := range r.found {
		group.Go(func() error {
			finding, err := m.finding(key.scanner, key.path)
			mu.Lock()
			defer mu.Unlock()
			findings = append(findings, finding)
			return err
		})
	}
	err := group.Wait()
	sortFindings(findings)
	return findings, err
}
