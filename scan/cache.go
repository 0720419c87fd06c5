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

// provenOneIn is how many verdicts of the cache are believed for each that is proven
// again.
const provenOneIn = 1000

// CacheUse says what a scan took from the verdict cache.
type CacheUse struct {
	// Files and Bytes count what an earlier run has found clean: the same content at the
	// same path. They are among those of the coverage, and were not scanned.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Proven counts those of the files that were scanned all the same, as a sample, with
	// the same verdict.
	Proven int `json:"proven"`
	// Problem says why the verdicts of this scan could not be kept; empty if they were.
	Problem string `json:"problem,omitempty"`
}

// write tells people what was not scanned because of the cache.
func (c *CacheUse) write(out io.Writer) {
	if c == nil {
		return
	}
	if c.Problem != "" {
		fmt.Fprintf(out, "warning: the verdicts of this scan are not kept for the next one: %s\n", printable(c.Problem))
	}
	fmt.Fprintf(out, "known to be clean from an earlier scan: %d files, %d bytes\n", c.Files, c.Bytes)
}

// CacheError is a verdict that turned out to be wrong: the cache, or something that it
// should depend on, is not what it seems.
type CacheError struct{ Path, Dir string }

func (e *CacheError) Error() string {
	return fmt.Sprintf("%s is not as clean as the verdict cache in %s says: somebody, or a mistake of ours, put a wrong verdict there; delete the directory and scan again", e.Path, e.Dir)
}

// cache is the verdict cache of a scanner. It is safe for concurrent use.
type cache struct {
	dir string
	// salt makes it impossible to foresee which verdicts are proven again.
	salt uint64

	mu   sync.Mutex
	list *verdicts.List
}

// UseCache lets the scanner skip files that an earlier run found clean, with the same
// detectors, policy and version of this program. Verdicts are kept in the directory,
// which is made if it is not there. With a key they are sealed: what somebody without it
// has written there is ignored. Without a key, whoever can write to the directory
// decides what is clean.
//
// Only clean files are remembered: one with findings is scanned each time.
func (s *Scanner) UseCache(dir string, key secret.Value) error {
	kind, err := s.kind()
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

// kind is what a verdict depends on besides the file.
func (s *Scanner) kind() (string, error) {
	policy, err := s.policy.digest()
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

// key identifies a file: a detector may look at the path, too.
func (c *cache) key(f File) (k verdicts.Key) {
	if c == nil {
		return k
	}
	h := sha256.New()
	io.WriteString(h, f.Path+"\x00"+f.Within+"\x00")
	h.Write(f.Data)
	return verdicts.Key(h.Sum(nil))
}

// verdict returns what is known of a file, and whether it is to be proven again.
func (c *cache) verdict(k verdicts.Key) (v verdicts.Verdict, known, prove bool) {
	if c == nil {
		return v, false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v, known = c.list.Get(k)
	return v, known, known && (binary.BigEndian.Uint64(k[:])^c.salt)%provenOneIn == 0
}

func (c *cache) learn(k verdicts.Key, v verdicts.Verdict) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list.Put(k, v)
}

// keep writes what was learnt. That it cannot is no reason to stop a release.
func (c *cache) keep(use *CacheUse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.list.Save(); err != nil {
		use.Problem = err.Error()
	}
}
