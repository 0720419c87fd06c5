// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// counting is a detector that counts the files it scans. It finds the canary.
type counting struct {
	Detector
	files atomic.Int64
}

func (c *counting) Scan(ctx context.Context, f File) (Result, error) {
	c.files.Add(1)
	return c.Detector.Scan(ctx, f)
}

// cached returns a scanner with a cache that verifies no verdicts by default.
func cached(t *testing.T, dir string, policy Policy, d Detector) *Scanner {
	t.Helper()
	s := newScanner(t, policy, d)
	if err := s.UseCache(dir, secret.New("key of the cache")); err != nil {
		t.Fatal(err)
	}
	s.cache.salt = proveNothing
	return s
}

// proveNothing is a salt that selects no file in these tests.
const proveNothing = 3

// files returns files, of which only the last one is not clean.
func files() []File {
	var list []File
	for i := range 50 {
		list = append(list, file(fmt.Sprintf("w%02d/index.yml", i), fmt.Sprintf("name: %d\n", i)))
	}
	return append(list, file("z/index.yml", canary+"leak"))
}

// TestSumOfTheCaller: a file has the same verdict, whether the caller knows its sum or not. The sum is
// not that of the scanned content if checksums are left out of the scan.
func TestSumOfTheCaller(t *testing.T) {
	const metadata = "groups: [a]\nchecksums: {pages: {x: 0cc175b9c0f1b6a831c399e269772661}}\n"
	plain := append(files(), file("w00/.import.yml", metadata))
	summed := slices.Clone(plain)
	for i := range summed {
		summed[i].Sum = sha256.Sum256(summed[i].Data)
	}
	dir, d := t.TempDir(), &counting{Detector: words("counting")}
	mustScan(t, cached(t, dir, Policy{}, d), plain...)
	d.files.Store(0)
	report := mustScan(t, cached(t, dir, Policy{}, d), summed...)
	if n := d.files.Load(); n != 1 || report.Cache.Files != 51 {
		t.Errorf("%d files are looked at, and %d are known; want the finding alone", n, report.Cache.Files)
	}
}

// TestOneChange: a second scan only looks at new files and at files with findings.
func TestOneChange(t *testing.T) {
	dir, d := t.TempDir(), &counting{Detector: words("counting")}
	first := mustScan(t, cached(t, dir, Policy{}, d), files()...)
	if n := d.files.Swap(0); n != 51 || first.Cache.Files != 0 {
		t.Errorf("the first scan looks at %d files and takes %d from the cache", n, first.Cache.Files)
	}
	second := mustScan(t, cached(t, dir, Policy{}, d), files()...)
	if n := d.files.Swap(0); n != 1 {
		t.Errorf("the second scan looks at %d files, want the one with a finding", n)
	}
	want := CacheUse{Files: 50, Bytes: first.Coverage.Bytes - int64(len(canary+"leak"))}
	if diff := cmp.Diff(&want, second.Cache); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	first.Cache, second.Cache = nil, nil
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the two reports differ in more than the use of the cache:\n%s", diff)
	}
	changed := files()
	changed[7].Data = []byte("name: seven\n")
	changed[8].Path = "elsewhere/index.yml"
	mustScan(t, cached(t, dir, Policy{}, d), changed...)
	if n := d.files.Swap(0); n != 3 {
		t.Errorf("%d files are looked at, want what has changed, what has moved, and the finding", n)
	}
}

// TestVerdictsDependOnMore: verdicts depend on the detectors, the policy and the key, too.
func TestVerdictsDependOnMore(t *testing.T) {
	dir, d := t.TempDir(), &counting{Detector: words("counting")}
	mustScan(t, cached(t, dir, Policy{}, d), files()...)
	other := &counting{Detector: words("other")}
	foreign := newScanner(t, Policy{}, d)
	if err := foreign.UseCache(dir, secret.New("another key")); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Scanner{
		"detector": cached(t, dir, Policy{}, other),
		"policy":   cached(t, dir, Policy{Severities: map[string]Severity{"*": Warning}}, d),
		"key":      foreign,
		"no cache": newScanner(t, Policy{}, d),
	} {
		d.files.Store(0)
		other.files.Store(0)
		mustScan(t, s, files()...)
		if n := d.files.Load() + other.files.Load(); n != 51 {
			t.Errorf("with another %s, %d of 51 files are looked at", name, n)
		}
	}
}

// TestCoverageIsExact: the cache does not hide skipped content of a file.
func TestCoverageIsExact(t *testing.T) {
	dir := t.TempDir()
	var looked atomic.Int64
	d := fakeDetector{name: "archives", scan: func(_ context.Context, f File) (Result, error) {
		looked.Add(1)
		r := Result{Bytes: int64(len(f.Data)), Filtered: 2}
		if strings.HasSuffix(f.Path, ".zip") {
			r.Unread = 3
		}
		return r, nil
	}}
	all := []File{
		file("a/.import.yml", "checksums:\n  a: "+md5Sum+"\n"), file("a/pictures.zip", "PK"), file("a/skipped.yml", "x"),
		file("a/empty.yml", ""),
	}
	policy := Policy{ExcludePaths: []string{"a/skipped.yml"}}
	first := mustScan(t, cached(t, dir, policy, d), all...)
	second := mustScan(t, cached(t, dir, policy, d), all...)
	if looked.Load() != 4 || second.Cache.Files != 2 {
		t.Errorf("%d looks, %d files from the cache; want 3 and one more at the archive, and 2", looked.Load(),
			second.Cache.Files)
	}
	first.Cache, second.Cache = nil, nil
	if diff := cmp.Diff(first, second); diff != "" || first.Filtered != 6 {
		t.Errorf("%d are filtered; -first +second:\n%s", first.Filtered, diff)
	}
}

// TestSomeVerdictsAreProven: about one in a thousand verdicts is verified, selected
// unpredictably.
func TestSomeVerdictsAreProven(t *testing.T) {
	dir, d := t.TempDir(), &counting{Detector: words("counting")}
	var many []File
	for i := range 3000 {
		many = append(many, file(fmt.Sprintf("w/%d.yml", i), "clean"))
	}
	mustScan(t, cached(t, dir, Policy{}, d), many...)
	seen := map[int]bool{}
	for salt := range uint64(4) {
		d.files.Store(0)
		s := cached(t, dir, Policy{}, d)
		s.cache.salt = salt << 20
		use := mustScan(t, s, many...).Cache
		if use.Proven == 0 || use.Proven > 15 || use.Files != len(many) || int(d.files.Load()) != use.Proven {
			t.Errorf("%+v, %d looked at", *use, d.files.Load())
		}
		seen[use.Proven] = true
	}
	if a, b := newSalted(t, dir), newSalted(t, dir); a == b {
		t.Error("two runs prove the same verdicts")
	}
}

func newSalted(t *testing.T, dir string) uint64 {
	t.Helper()
	s := newScanner(t, Policy{}, words("x"))
	if err := s.UseCache(dir, secret.Value{}); err != nil {
		t.Fatal(err)
	}
	return s.cache.salt
}

// TestWrongVerdictFailsTheScan: the verification of a wrong verdict fails the scan.
func TestWrongVerdictFailsTheScan(t *testing.T) {
	f := file("w/index.yml", "content")
	for name, later := range map[string]Result{
		"finding":  {Bytes: 7, Matches: []Match{{Rule: "x", Secret: secret.New(canary)}}},
		"filtered": {Bytes: 7, Filtered: 1},
		"unread":   {Bytes: 7, Unread: 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir, result := t.TempDir(), Result{Bytes: 7}
			d := fakeDetector{name: "fickle", scan: func(context.Context, File) (Result, error) { return result, nil }}
			mustScan(t, cached(t, dir, Policy{}, d), f)
			result = later
			s := cached(t, dir, Policy{}, d)
			s.cache.salt = prove(s, f)
			report, err := scanFiles(t, s, f)
			var wrong *CacheError
			if !errors.As(err, &wrong) || wrong.Path != f.Path || !strings.Contains(err.Error(), dir) || report != nil {
				t.Errorf("report %v, error %v", report, err)
			}
			if strings.Contains(fmt.Sprint(err), canary) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// prove is a salt that selects the file.
func prove(s *Scanner, f File) uint64 {
	key := s.cache.fileKey(f)
	for salt := uint64(0); ; salt++ {
		s.cache.salt = salt
		if _, _, again := s.cache.lookUpVerdict(key); again {
			return salt
		}
	}
}

// TestUnkeptVerdicts: failure to save verdicts does not fail the scan, and is reported.
func TestUnkeptVerdicts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := cached(t, dir, Policy{}, words("x"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	report := mustScan(t, s, file("w/index.yml", "x"))
	if err := report.WriteHuman(&text, false); err != nil || report.Cache.Problem == "" ||
		!strings.Contains(text.String(), "warning: the verdicts of this scan are not kept") {
		t.Errorf("report %+v, error %v:\n%s", report.Cache, err, text.String())
	}
	if err := s.UseCache(filepath.Join(os.Args[0], "below"), secret.Value{}); err == nil {
		t.Error("a directory below a file is taken for one")
	}
}
