// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

// Acceptance says who accepts a finding, why, and until when.
type Acceptance struct {
	Fingerprint string
	Rule        string
	// Where is a note for people on the place of the finding.
	Where   string
	Owner   string
	Reason  string
	Expires string
}

// Acceptances returns the entries of the baseline, in its order: one for each fingerprint
// that an entry names. A nil baseline has none.
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
