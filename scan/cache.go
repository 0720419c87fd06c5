// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/scan/internal/verdicts"
)

// provenOneIn is the number of cached verdicts for each one that is verified by a scan.
const provenOneIn = 1000

// CacheUse reports how a scan used the verdict cache.
type CacheUse struct {
	// Files and Bytes count the files that an earlier run found clean with the same content and
	// path. They are part of the coverage although they were not scanned.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Proven is the number of those files that were scanned again as a sample, with the same
	// verdict.
	Proven int `json:"proven"`
	// Problem explains why the verdicts of this scan were not saved; empty if they were.
	Problem string `json:"problem,omitempty"`
}

// writeHuman prints how many files were skipped because of the cache.
func (c *CacheUse) writeHuman(out io.Writer) {
	if c == nil {
		return
	}
	if c.Problem != "" {
		fmt.Fprintf(out, "warning: the verdicts of this scan are not kept for the next one: %s\n", quotePath(c.Problem))
	}
	fmt.Fprintf(out, "known to be clean from an earlier scan: %d files, %d bytes\n", c.Files, c.Bytes)
}

// CacheError reports a wrong verdict: the cache has been tampered with, or its key lacks a
// dependency.
type CacheError struct{ Path, Dir string }

func (e *CacheError) Error() string {
	return fmt.Sprintf(
		"%s is not clean, but the verdict cache in %s says so: someone changed the cache, or the builder has a bug; "+
			"delete the directory and scan again",
		e.Path,
		e.Dir,
	)
}

// cache is the verdict cache of a scanner. It is safe for concurrent use.
type cache struct {
	dir string
	// salt makes the selection of verified verdicts unpredictable.
	salt uint64

	mu   sync.Mutex
	list *verdicts.List
}

// UseCache lets the scanner skip files that an earlier run found clean with the same detectors,
// policy and program version. It stores the verdicts in dir and creates the directory if
// necessary. A key seals the verdicts: entries written without it are ignored. Without a key,
// anyone with write access to the directory can declare files clean.
//
// Only clean files are cached. Files with findings are scanned in every run.
func (s *Scanner) UseCache(dir string, key secret.Value) error {
	kind, err := s.cacheKind()
	if err != nil {
		return err
	}
	list, err := verdicts.Open(dir, kind, key)
	if err != nil {
		return fmt.Errorf("verdict cache: %w", err)
	}
	s.cache = &cache{dir: dir, salt: rand.Uint64(), list: list}
	return nil
}

// cacheKind identifies everything but the file that a verdict depends on.
func (s *Scanner) cacheKind() (string, error) {
	policy, err := s.policy.computeDigest()
	if err != nil {
		return "", err
	}
	kind := struct {
		Version  version.Info
		Scanners []release.Scanner
		Policy   string
	}{Version: version.Get(), Policy: policy.String()}
	for _, d := range s.detectors {
		kind.Scanners = append(kind.Scanners, d.Describe())
	}
	text, err := json.Marshal(kind)
	if err != nil {
		return "", fmt.Errorf("encode what verdicts depend on: %w", err)
	}
	return string(text), nil
}

// fileKey identifies a file by content and path, because detectors may inspect the path, too.
func (c *cache) fileKey(f File) (k verdicts.Key) {
	if c == nil {
		return k
	}
	sum := f.Sum
	if sum == [sha256.Size]byte{} {
		sum = sha256.Sum256(f.Data)
	}
	return sha256.Sum256([]byte(f.Path + "\x00" + f.Within + "\x00" + string(sum[:])))
}

// lookUpVerdict returns the cached verdict for a file, and whether a scan should verify it.
func (c *cache) lookUpVerdict(k verdicts.Key) (v verdicts.Verdict, known, prove bool) {
	if c == nil {
		return v, false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v, known = c.list.Get(k)
	return v, known, known && (binary.BigEndian.Uint64(k[:])^c.salt)%provenOneIn == 0
}

func (c *cache) storeVerdict(k verdicts.Key, v verdicts.Verdict) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list.Put(k, v)
}

// saveVerdicts saves the new verdicts. Failure to do so is reported but does not fail the scan.
func (c *cache) saveVerdicts(use *CacheUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.list.Save(); err != nil {
		use.Problem = err.Error()
	}
}
