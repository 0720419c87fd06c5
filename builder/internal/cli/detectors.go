// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/trufflehog"
)

// detectors makes those that are selected. TruffleHog's come first: they know whose
// service a secret belongs to.
func (f *scanFlags) detectors() ([]scan.Detector, error) {
	included, ours := splitDetectors(f.include)
	excluded, notOurs := splitDetectors(f.exclude)
	all := len(f.include) == 0
	var list []scan.Detector
	if all || len(included) > 0 {
		d, err := trufflehog.New(trufflehog.Options{Include: included, Exclude: excluded, Verify: f.verify})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	if (all || len(ours) > 0) && !slices.Contains(notOurs, dsul.Name) {
		d, err := dsul.New(dsul.Options{Include: ours, Exclude: notOurs})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// splitDetectors tells the names of TruffleHog's detectors from those of ours.
func splitDetectors(names []string) (trufflehogs, ours []string) {
	for _, text := range names {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); strings.HasPrefix(strings.ToLower(name), dsul.Name) {
				ours = append(ours, strings.ToLower(name))
			} else {
				trufflehogs = append(trufflehogs, name)
			}
		}
	}
	return trufflehogs, ours
}
