// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"sync"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// valueDigests computes the digests by which baseline entries identify secrets independently of
// file and rule. The random salt is stored in the baseline, so that digests from different
// baselines cannot be correlated. A nil valueDigests computes nothing.
type valueDigests struct {
	salt string

	mu    sync.Mutex
	known map[string]string
}

// digestOf returns the digest of a secret. It is as expensive as a fingerprint, and cached for each
// secret.
func (v *valueDigests) digestOf(s secret.Value) (string, error) {
	if v == nil {
		return "", nil
	}
	v.mu.Lock()
	digest, known := v.known[s.Reveal()]
	v.mu.Unlock()
	if known {
		return digest, nil
	}
	digest, err := computeFingerprint("value", v.salt, s)
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known[s.Reveal()] = digest
	return digest, nil
}

// WithBaseline returns a scanner that also computes the value digests that the baseline compares.
// Pass the reports of its runs to [Baseline.Apply].
func (s *Scanner) WithBaseline(b *Baseline) *Scanner {
	if !b.comparesValues() {
		return s
	}
	comparing := *s
	comparing.values = &valueDigests{salt: b.salt, known: map[string]string{}}
	return &comparing
}

func (b *Baseline) comparesValues() bool {
	if b.proposal != nil || b.audited {
		return true
	}
	for _, e := range b.entries {
		if e.Value != "" {
			return true
		}
	}
	return false
}
