// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/secret"
)

func TestCoverage(t *testing.T) {
	s := newScanner(t, Policy{ExcludePaths: []string{"b/assets/**"}}, words("one"), words("two"))
	sums := "checksums:\n  a: " + md5Sum + "\n"
	report := mustScan(t, s,
		file("b/assets/logo.svg", canary+"excluded"), file("a/.import.yml", sums), file("a/empty.yml", ""),
		file("a/index.yml", "name: x\n"),
	)
	want := Coverage{
		Files: 4, Bytes: int64(len(canary+"excluded") + len(sums) + len("name: x\n")),
		SkippedBytes: int64(len(canary+"excluded") + len(md5Sum)),
		Skipped: []Skip{
			{Path: "a/.import.yml", Bytes: int64(len(md5Sum)), Reason: reasonChecksums},
			{Path: "b/assets/logo.svg", Bytes: int64(len(canary + "excluded")), Reason: reasonExcluded},
		},
	}
	if diff := cmp.Diff(want, report.Coverage); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(report.Findings) != 0 {
		t.Errorf("%d findings in a file that is excluded", len(report.Findings))
	}
}

// TestChecksumsAreNotShownToDetectors: detectors receive the same number of bytes nevertheless.
func TestChecksumsAreNotShownToDetectors(t *testing.T) {
	text := "app: " + otherSum + "\nchecksums:\n  a: " + md5Sum + "\n"
	want := "app: " + otherSum + "\nchecksums:\n  a: " + strings.Repeat(" ", len(md5Sum)) + "\n"
	s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
		if string(f.Data) != want {
			t.Errorf("the detector sees %q", f.Data)
		}
		return clean(t.Context(), f)
	}})
	mustScan(t, s, file(metadata, text))
}

func TestNothingScannedIsAnEmptyReport(t *testing.T) {
	report := mustScan(t, newScanner(t, Policy{}, words("words")))
	if report.Findings == nil || report.Coverage.Skipped == nil || report.Coverage.Files != 0 {
		t.Errorf("report %+v, want empty lists", report)
	}
}

func TestUnreadAndFilteredAreTold(t *testing.T) {
	s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
		return Result{Bytes: int64(len(f.Data)), Filtered: 2, Unread: 3}, nil
	}})
	report := mustScan(t, s, file("a/x.zip", "x"), file("a/y.zip", "y"))
	if report.Filtered != 4 {
		t.Errorf("%d matches are filtered, want 4", report.Filtered)
	}
	const reason = "3 files inside of the archive are of a type that fake does not look into"
	want := []Skip{{Path: "a/x.zip", Reason: reason}, {Path: "a/y.zip", Reason: reason}}
	if diff := cmp.Diff(want, report.Coverage.Skipped); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFailClosed: an error in one file prevents the report.
func TestFailClosed(t *testing.T) {
	errOwn := errors.New("own error")
	tests := map[string]struct {
		scan func(context.Context, File) (Result, error)
		want string
	}{
		"error": {func(context.Context, File) (Result, error) { return Result{}, errOwn }, "own error"},
		"error with a result": {func(_ context.Context, f File) (Result, error) {
			return Result{Bytes: int64(len(f.Data))}, errOwn
		}, "own error"},
		"panic": {func(_ context.Context, f File) (Result, error) { panic(string(f.Data)) }, "panicked"},
		"panic with nil": {func(context.Context, File) (Result, error) {
			panic(nil)
		}, "panicked"},
		"one byte not looked at": {func(_ context.Context, f File) (Result, error) {
			return Result{Bytes: int64(len(f.Data)) - 1}, nil
		}, "it looked at 9 of 10 bytes"},
		"more bytes than there are": {func(_ context.Context, f File) (Result, error) {
			return Result{Bytes: int64(len(f.Data)) + 1}, nil
		}, "it looked at 11 of 10 bytes"},
		"nothing looked at": {func(context.Context, File) (Result, error) { return Result{}, nil }, "it looked at 0 of 10 bytes"},
	}
	for name, test := range tests {
		for place, detectors := range map[string][]Detector{
			"first": {fakeDetector{"broken", test.scan}, words("words")},
			"last":  {words("words"), fakeDetector{"broken", test.scan}},
		} {
			t.Run(name+", "+place, func(t *testing.T) {
				report, err := scanFiles(t, newScanner(t, Policy{}, detectors...), file("a/index.yml", canary+"abc"))
				var failed *FileError
				if report != nil || !errors.As(err, &failed) {
					t.Fatalf("report %v and error %v, want only an *FileError", report, err)
				}
				if failed.Path != "a/index.yml" || failed.Scanner != "broken" || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %q does not name the file, the detector and %q", err, test.want)
				}
				if strings.Contains(err.Error(), canary) {
					t.Errorf("error %q shows content", err)
				}
			})
		}
	}
}

// TestFailureEndsTheRun: a failure cancels the scans of other files, and no more files are
// accepted.
func TestFailureEndsTheRun(t *testing.T) {
	t.Cleanup(setProcs(4))
	synctest.Test(t, func(t *testing.T) {
		s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(ctx context.Context, f File) (Result, error) {
			if f.Path == "hangs" {
				<-ctx.Done()
				return Result{}, ctx.Err()
			}
			return Result{}, errors.New("own error")
		}})
		run := s.Start(t.Context())
		for _, name := range []string{"hangs", "fails"} {
			if err := run.Add(t.Context(), file(name, "x")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		var failed *FileError
		if err := run.Add(t.Context(), file("late", "x")); !errors.As(err, &failed) || failed.Path != "fails" {
			t.Errorf("a late file: error %v, want that of the file that failed", err)
		}
		if _, err := run.Finish(); !errors.As(err, &failed) || failed.Path != "fails" {
			t.Errorf("error %v, want that of the file that failed", err)
		}
	})
}

func TestInterruptionIsNoReport(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(ctx context.Context, _ File) (Result, error) {
		cancel(cause)
		<-ctx.Done()
		return Result{}, errors.New("interrupted")
	}})
	run := s.Start(ctx)
	if err := run.Add(ctx, file("a", "x")); err != nil {
		t.Fatal(err)
	}
	if report, err := run.Finish(); report != nil || !errors.Is(err, cause) {
		t.Errorf("report %v and error %v, want only the cause", report, err)
	}
	if report, err := s.Start(ctx).Finish(); report != nil || !errors.Is(err, cause) {
		t.Errorf("without files: report %v and error %v, want only the cause", report, err)
	}
	if err := s.Start(t.Context()).Add(ctx, file("a", "x")); !errors.Is(err, cause) {
		t.Errorf("error %v of Add, want the cause", err)
	}
}

// TestMemoryIsBounded: detectors scan at most inFlight bytes at a time, and a larger file
// alone.
func TestMemoryIsBounded(t *testing.T) {
	t.Cleanup(setProcs(8))
	const mib = 1 << 20
	tests := map[string]struct {
		sizes []int
		// at is the number of files in flight when the limit is reached.
		at int32
	}{
		"many small":               {[]int{10 * mib, 10 * mib, 10 * mib}, 3},
		"to the brim":              {[]int{32 * mib, 32 * mib, 1}, 2},
		"the second does not fit":  {[]int{40 * mib, 40 * mib}, 1},
		"a large one alone":        {[]int{100 * mib, 1}, 1},
		"a large one after others": {[]int{1, 100 * mib}, 1},
		"empty ones always fit":    {[]int{64 * mib, 0, 0}, 3},
	}
	data := make([]byte, 100*mib)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var scanning atomic.Int32
				let := make(chan struct{})
				run := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(ctx context.Context, f File) (Result, error) {
					scanning.Add(1)
					<-let
					return clean(ctx, f)
				}}).Start(t.Context())
				added := make(chan error)
				go func() {
					defer close(added)
					for i, size := range test.sizes {
						added <- run.Add(t.Context(), File{Path: fmt.Sprint(i), Data: data[:size]})
					}
				}()
				go func() {
					for err := range added {
						if err != nil {
							t.Error(err)
						}
					}
				}()
				synctest.Wait()
				if n := scanning.Load(); n != test.at {
					t.Errorf("%d files are being scanned at a time, want %d", n, test.at)
				}
				close(let)
				synctest.Wait()
				report, err := run.Finish()
				if err != nil || report.Coverage.Files != len(test.sizes) {
					t.Errorf("report %+v, error %v; want all of %d files", report, err, len(test.sizes))
				}
			})
		})
	}
}

// setProcs sets GOMAXPROCS, which limits concurrent scans, and returns a function to restore
// it.
func setProcs(n int) func() {
	before := runtime.GOMAXPROCS(n)
	return func() { runtime.GOMAXPROCS(before) }
}

func TestExcludedPaths(t *testing.T) {
	tests := []struct {
		glob, path string
		excluded   bool
	}{
		{"a/assets/**", "a/assets/x/y.svg", true},
		{"a/assets/**", "b/assets/x.svg", false},
		{"a/assets/*", "a/assets/x/y.svg", false},
		{"**/*.svg", "x.svg", true},
		{"**/*.svg", "a/b/c.svg", true},
		{"*.svg", "a/c.svg", false},
		{"import.yml", "a/import.yml", false},
		{"**/*import.yml", "a/automations/data-import.yml", true},
		{"a/{b,c}.yml", "a/c.yml", true},
		{"A/b.yml", "a/b.yml", false},
		{"", "a", false},
	}
	for _, test := range tests {
		s := newScanner(t, Policy{ExcludePaths: []string{"never/**", test.glob}}, words("words"))
		report := mustScan(t, s, file(test.path, canary+"abc"))
		if got := len(report.Findings) == 0; got != test.excluded {
			t.Errorf("with %q, %s is excluded: %v, want %v", test.glob, test.path, got, test.excluded)
		}
		if got := report.Coverage.SkippedBytes > 0; got != test.excluded {
			t.Errorf("with %q, %s counts as skipped: %v, want %v", test.glob, test.path, got, test.excluded)
		}
	}
}

func TestWrongScanners(t *testing.T) {
	if _, err := New(Policy{}); err == nil {
		t.Error("a scanner without a detector is accepted")
	}
	_, err := New(Policy{ExcludePaths: []string{"a/**", "a/[b"}}, words("words"))
	if err == nil || !strings.Contains(err.Error(), "a/[b") {
		t.Errorf("error %v does not name the glob", err)
	}
}

// TestPolicyDigest: equal policies have equal digests, and different ones differ.
func TestPolicyDigest(t *testing.T) {
	digestOf := func(p Policy) string {
		return string(mustScan(t, newScanner(t, p, words("words"))).Policy)
	}
	base := Policy{ExcludePaths: []string{"a", "b"}, IncludeDetectors: []string{"x", "y"},
		ExcludeDetectors: []string{"p", "q"}}
	same := Policy{ExcludePaths: []string{"b", "a", "b"}, IncludeDetectors: []string{"y", "x"},
		ExcludeDetectors: []string{"q", "p", "p"}}
	if digestOf(base) != digestOf(same) {
		t.Error("the order or the repetition of entries changes the digest")
	}
	if digestOf(Policy{}) != digestOf(Policy{
		ExcludePaths: []string{}, IncludePaths: []string{}, IncludeDetectors: []string{}, ExcludeDetectors: []string{},
		Severities: map[string]Severity{}, CustomDetectors: []CustomDetector{},
	}) {
		t.Error("empty lists and no lists have different digests")
	}
	seen := map[string]Policy{}
	for _, p := range []Policy{
		{}, base, {Verify: true}, {ExcludePaths: []string{"x"}}, {IncludeDetectors: []string{"x"}}, {ExcludeDetectors: []string{"x"}},
		{ExcludePaths: []string{"a,b"}}, {ExcludePaths: []string{"a", "b"}}, {IncludePaths: []string{"x"}}, {HonorInlineIgnore: true},
		{Severities: map[string]Severity{"a": Warning}}, {Severities: map[string]Severity{"a": Error}}, {Limits: Limits{DetectorTimeout: 1}},
		{Limits: Limits{ArchiveSize: 1}}, {CustomDetectors: []CustomDetector{{Name: "a"}}}, {CustomDetectors: []CustomDetector{{Name: "a", Definition: []byte("{}")}}},
	} {
		d := digestOf(p)
		if other, known := seen[d]; known {
			t.Errorf("%+v and %+v have the same digest", p, other)
		}
		seen[d] = p
	}
}

func TestErrorHoldsItsCause(t *testing.T) {
	cause := errors.New("cause")
	err := error(&FileError{Path: "a/index.yml", Scanner: "fake", Err: cause})
	const want = "a/index.yml could not be scanned for secrets by fake: cause; correct or remove the file, "
	if !strings.HasPrefix(err.Error(), want) || !errors.Is(err, cause) {
		t.Errorf("error %q, want %q", err, want)
	}
}

// TestReportIsTheSameEachTime scans many files concurrently, many times.
func TestReportIsTheSameEachTime(t *testing.T) {
	s := newScanner(t, Policy{}, words("b"), words("a"))
	var files []File
	for i := range 8 {
		files = append(files, file(fmt.Sprintf("w/%d.yml", i), canary+"1\n"+canary+"1\n"))
	}
	var want string
	for range 3 {
		var out strings.Builder
		if err := mustScan(t, s, files...).WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = out.String()
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Fatalf("the reports differ:\n%s", diff)
		}
	}
}

// TestNoSecretInReport plants random secrets.
func TestNoSecretInReport(t *testing.T) {
	s := newScanner(t, Policy{}, words("words"))
	short, long := canary+"0b", canary+strings.Repeat("7x", 20)
	report := mustScan(t, s, file("a/index.yml", short+"\n"+long+"\n"))
	if len(report.Findings) != 2 {
		t.Fatalf("%d findings, want 2", len(report.Findings))
	}
	var out strings.Builder
	if err := errors.Join(report.WriteJSON(&out), report.WriteHuman(&out, true)); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{short, long, short[5:], long[5:12]} {
		if strings.Contains(out.String(), word) {
			t.Errorf("the report shows %d bytes of a secret", len(word))
		}
	}
	for _, shown := range []string{fmt.Sprintf("%+v", report), fmt.Sprintf("%#v", report)} {
		if strings.Contains(shown, secret.New(long).Reveal()) {
			t.Error("a printed report shows a secret")
		}
	}
}

// TestPublicKeys: a key that one detector declares public is not a finding of any detector,
// unless it is live. The report counts and lists it.
func TestPublicKeys(t *testing.T) {
	public := fakeDetector{name: "public", scan: func(_ context.Context, f File) (Result, error) {
		return Result{Bytes: int64(len(f.Data)), Public: []Match{{Secret: secret.New("canary-public")}}}, nil
	}}
	live := fakeDetector{name: "live", scan: func(_ context.Context, f File) (Result, error) {
		m := Match{Rule: "Live", Secret: secret.New("canary-public"), Line: 1, Column: 1, Verification: Live}
		return Result{Bytes: int64(len(f.Data)), Matches: []Match{m}}, nil
	}}
	scanOf := func(detectors ...Detector) *Report {
		run := newScanner(t, Policy{}, detectors...).Start(t.Context())
		if err := run.Add(t.Context(), File{Path: "a", Data: []byte("canary-public\ncanary-other")}); err != nil {
			t.Fatal(err)
		}
		report, err := run.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := scanOf(words("words"), public)
	if len(report.Findings) != 1 || report.Findings[0].Line != 2 || report.Filtered != 1 || len(report.FilteredAt) != 1 ||
		report.FilteredAt[0].Line != 1 {
		t.Errorf("findings %+v, filtered %d %+v", report.Findings, report.Filtered, report.FilteredAt)
	}
	if report := scanOf(live, public); len(report.Findings) != 1 {
		t.Errorf("a live key is filtered: %+v", report.FilteredAt)
	}
}
