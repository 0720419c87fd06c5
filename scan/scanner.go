// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
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
	for _, list := range []*[]string{&policy.ExcludePaths, &policy.IncludeDetectors, &policy.ExcludeDetectors} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
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

	mu     sync.Mutex
	report Report
}

// Start starts a run. It ends with [Run.Finish].
func (s *Scanner) Start(ctx context.Context) *Run {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	return &Run{
		scanner: s, group: group, ctx: ctx, memory: semaphore.NewWeighted(inFlight),
		report: Report{
			Findings: []Finding{}, Accepted: []Accepted{}, Problems: []Problem{},
			Coverage: Coverage{Skipped: []Skip{}}, Scanners: []release.Scanner{},
		},
	}
}

// Add scans a file in the background. It waits while too much is being scanned,
// and returns early with an error when the run has failed.
func (r *Run) Add(ctx context.Context, f File) error {
	size := int64(len(f.Data))
	if r.scanner.excluded(f.Path) {
		r.record(size, nil, []Skip{{Path: f.Path, Bytes: size, Reason: reasonExcluded}}, 0)
		return nil
	}
	weight := min(size, inFlight)
	if err := r.memory.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	if r.ctx.Err() != nil {
		r.memory.Release(weight)
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

// scan runs every detector over a file. No secret outlives it.
func (r *Run) scan(f File) error {
	data, blanked := blankChecksums(f)
	var skips []Skip
	if blanked > 0 {
		skips = append(skips, Skip{Path: f.Path, Bytes: blanked, Reason: reasonChecksums})
	}
	var sightings []sighting
	filtered := 0
	for _, d := range r.scanner.detectors {
		name := d.Describe().Name
		result, err := detect(r.ctx, d, File{Path: f.Path, Data: data})
		if err != nil {
			return r.failure(&FileError{Path: f.Path, Scanner: name, Err: err})
		}
		for _, m := range unique(result.Matches) {
			sightings = append(sightings, sighting{name, m})
		}
		filtered += result.Filtered
		if result.Unread > 0 {
			reason := fmt.Sprintf("%d files inside of the archive are of a type that %s does not look into", result.Unread, name)
			skips = append(skips, Skip{Path: f.Path, Reason: reason})
		}
	}
	found, err := findings(r.ctx, f.Path, sightings)
	if err != nil {
		return err
	}
	countCharacters(found, f.Data)
	r.record(int64(len(f.Data)), found, skips, filtered)
	return nil
}

// detect turns a panic of a detector, and a file that it did not look at to the
// end, into an error. What counts is what the detector says that it has looked at.
func detect(ctx context.Context, d Detector, f File) (result Result, err error) {
	defer func() {
		if recover() != nil { // the value may hold content
			err = errors.New("the detector panicked")
		}
	}()
	result, err = d.Scan(ctx, f)
	if err == nil && result.Bytes != int64(len(f.Data)) {
		err = fmt.Errorf("it looked at %d of %d bytes", result.Bytes, len(f.Data))
	}
	return result, err
}

// failure prefers the reason of an interruption over what it made of a scan.
func (r *Run) failure(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return err
}

// record adds a file to the report.
func (r *Run) record(size int64, findings []Finding, skips []Skip, filtered int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cover := &r.report.Coverage
	cover.Files++
	cover.Bytes += size
	for _, s := range skips {
		cover.SkippedBytes += s.Bytes
	}
	cover.Skipped = append(cover.Skipped, skips...)
	r.report.Findings = append(r.report.Findings, findings...)
	r.report.Filtered += filtered
}

// Finish waits for the files and returns the report. With an error there is none:
// something was not scanned. The error is an [*FileError], or the cause of the
// context's end.
func (r *Run) Finish() (*Report, error) {
	interrupted := context.Cause(r.ctx) // of files that were never added, too
	if err := cmp.Or(r.group.Wait(), interrupted); err != nil {
		return nil, err
	}
	policy, err := r.scanner.policy.digest()
	if err != nil {
		return nil, err
	}
	report := r.report
	report.Policy = policy
	for _, d := range r.scanner.detectors {
		report.Scanners = append(report.Scanners, d.Describe())
	}
	sortFindings(report.Findings)
	slices.SortFunc(report.Coverage.Skipped, compareSkips)
	return &report, nil
}
