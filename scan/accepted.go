// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

// Acceptance records who accepts a finding, why, and until when.
type Acceptance struct {
	Fingerprint string
	Rule        string
	// Where describes the location of the finding for readers.
	Where   string
	Owner   string
	Reason  string
	Expires string
}

// Acceptances returns the acceptances in the order of the baseline: one for each fingerprint of
// an entry. It returns nil for a nil baseline.
func (b *Baseline) Acceptances() []Acceptance {
	if b == nil {
		return nil
	}
	list := make([]Acceptance, 0, len(b.entries))
	for _, e := range b.entries {
		fingerprints := e.Fingerprints
		if e.Fingerprint != "" {
			fingerprints = []string{e.Fingerprint}
		}
		for _, fingerprint := range fingerprints {
			list = append(list, Acceptance{fingerprint, e.Rule, e.Where, e.Owner, e.Reason, e.Expires})
		}
	}
	return list
}
