// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan/internal/verdicts"
)

// inFlight limits the content scanned concurrently, in bytes. A larger file is scanned alone.
const inFlight = 64 << 20

// Scanner runs detectors over files. It is safe for concurrent use.
type Scanner struct {
	policy    Policy
	detectors []Detector
	// cache is nil if every file is scanned.
	cache *cache
	// values is nil unless a baseline compares secrets by value.
	values *valueDigests
}

// New returns a scanner. It returns an error for an invalid policy, or if there is no detector.
func New(policy Policy, detectors ...Detector) (*Scanner, error) {
	if len(detectors) == 0 {
		return nil, errors.New("a scanner needs a detector")
	}
	policy, err := policy.normalize()
	if err != nil {
		return nil, fmt.Errorf("scan policy: %w", err)
	}
	return &Scanner{policy: policy, detectors: detectors}, nil
}

// Run is one scan of many files.
type Run struct {
	scanner *Scanner
	group   *errgroup.Group
	ctx     context.Context //nolint:containedctx // of the group: it ends when a file fails, so that Add can stop early
	memory  *semaphore.Weighted

	mu     sync.Mutex
	report Report
	cached CacheUse
}

// Start starts a run. The caller ends it with [Run.Finish].
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

// Add scans a file in the background. It blocks while too much content is in flight, and
// returns an error immediately if the run has failed.
func (r *Run) Add(ctx context.Context, f File) error {
	size := int64(len(f.Data))
	if r.scanner.policy.isExcluded(f.Path) || r.scanner.policy.isExcluded(f.InWorkspace()) {
		r.Skip(f.Path, size, reasonExcluded)
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
		return r.scanFile(f)
	})
	return nil
}

// Skip records a file that exists but cannot be scanned.
func (r *Run) Skip(path string, size int64, reason string) {
	r.recordOutcome(fileOutcome{size: size, skips: []Skip{{Path: path, Bytes: size, Reason: reason}}})
}

// fileOutcome is the result of scanning one file.
type fileOutcome struct {
	size     int64
	findings []Finding
	accepted []Accepted
	skips    []Skip
	filtered int
	examples []FilteredMatch
	// known: the cache had a verdict. proven: the scan verified it.
	known, proven bool
}

// scanFile uses the cached verdict for a file, or runs every detector over it.
func (r *Run) scanFile(f File) error {
	data, blanked := blankChecksums(f)
	out := fileOutcome{size: int64(len(f.Data))}
	if blanked > 0 {
		out.skips = append(out.skips, Skip{Path: f.Path, Bytes: blanked, Reason: reasonChecksums})
	}
	shown := f
	if blanked > 0 {
		shown = File{Path: f.Path, Within: f.Within, Data: data}
	}
	key := r.scanner.cache.fileKey(shown)
	verdict, known, prove := r.scanner.cache.lookUpVerdict(key)
	out.known = known
	out.proven = prove
	if known && !prove {
		out.filtered = int(verdict.Filtered)
		r.recordOutcome(out)
		return nil
	}
	found, unread, err := r.detectSecrets(shown, &out)
	if err != nil {
		return err
	}
	clean := len(found)+len(out.examples) == 0 && !unread
	if known && (!clean || int(verdict.Filtered) != out.filtered) {
		return &CacheError{Path: f.Path, Dir: r.scanner.cache.dir}
	}
	if clean {
		r.scanner.cache.storeVerdict(key, verdicts.Verdict{Filtered: uint32(out.filtered)})
	}
	for i := range found {
		found[i].Commit = f.Commit
		found[i].Date = f.Date
	}
	out.findings, out.accepted = r.scanner.policy.applySeverities(found, f.Data)
	r.recordOutcome(out)
	return nil
}

// detectSecrets runs every detector over a file. The findings do not contain secrets. Unread reports
// whether archive content was skipped.
func (r *Run) detectSecrets(f File, out *fileOutcome) (found []Finding, unread bool, err error) {
	all, err := r.scanner.runDetectors(r.ctx, f)
	if err != nil {
		return nil, false, r.explainFailure(err)
	}
	out.filtered += all.filtered
	out.examples = all.listExamples(f.Path)
	out.skips = append(out.skips, all.unread...)
	found, err = r.scanner.newFindings(r.ctx, f.Path, all.sightings)
	all.hideNames(found)
	return found, len(all.unread) > 0, err
}

// runDetectorSafely runs one detector. It returns an error if the detector panics, or if the byte count in
// its result shows that it did not scan the complete file.
func runDetectorSafely(ctx context.Context, d Detector, f File) (result Result, err error) {
	defer func() {
		if recover() != nil { // the panic value may contain file content
			err = errors.New("the detector panicked")
		}
	}()
	result, err = d.Scan(ctx, f)
	if err == nil && result.Bytes != int64(len(f.Data)) {
		err = fmt.Errorf("it looked at %d of %d bytes", result.Bytes, len(f.Data))
	}
	return result, err
}

// explainFailure returns the cause of a cancellation instead of the resulting scan error.
func (r *Run) explainFailure(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return err
}

// recordOutcome adds the outcome of a file to the report.
func (r *Run) recordOutcome(out fileOutcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cover := &r.report.Coverage
	cover.Files++
	cover.Bytes += out.size
	for _, s := range out.skips {
		cover.SkippedBytes += s.Bytes
	}
	cover.Skipped = append(cover.Skipped, out.skips...)
	r.report.Findings = append(r.report.Findings, out.findings...)
	r.report.Accepted = append(r.report.Accepted, out.accepted...)
	r.report.Filtered += out.filtered
	r.report.FilteredAt = append(r.report.FilteredAt, out.examples...)
	if out.known {
		r.cached.Files++
		r.cached.Bytes += out.size
	}
	if out.proven {
		r.cached.Proven++
	}
}

// Finish waits for all files and returns the report. It returns no report if any content was
// not scanned. The error is a [*FileError], a [*CacheError], or the cause of the context's
// cancellation.
func (r *Run) Finish() (*Report, error) {
	interrupted := context.Cause(r.ctx) // also covers files that were never added
	if err := cmp.Or(r.group.Wait(), interrupted); err != nil {
		return nil, err
	}
	policy, err := r.scanner.policy.computeDigest()
	if err != nil {
		return nil, err
	}
	report := r.report
	report.Policy = policy
	for _, d := range r.scanner.detectors {
		report.Scanners = append(report.Scanners, d.Describe())
	}
	if r.scanner.cache != nil {
		report.Cache = &r.cached
		r.scanner.cache.saveVerdicts(report.Cache)
	}
	report.sortFindings()
	slices.SortFunc(report.Coverage.Skipped, compareSkips)
	return &report, nil
}
