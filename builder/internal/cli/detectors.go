// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/trufflehog"
)

// detectors makes those that are selected, and the user's own ones. TruffleHog's come
// first: they know whose service a secret belongs to.
func detectors(p scan.Policy) ([]scan.Detector, error) {
	included, ours := splitDetectors(p.IncludeDetectors)
	excluded, notOurs := splitDetectors(p.ExcludeDetectors)
	all := len(p.IncludeDetectors) == 0
	theirs := all || len(included) > 0
	var list []scan.Detector
	if theirs || len(p.CustomDetectors) > 0 {
		d, err := trufflehog.New(trufflehog.Options{
			Include: included, Exclude: excluded, Custom: p.CustomDetectors, CustomOnly: !theirs, Limits: p.Limits, Verify: p.Verify,
		})
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

// catalog knows the names of all detectors and rules.
func catalog() scan.Catalog {
	return scan.Catalog{
		Detector: func(name string) error {
			theirs, ours := splitDetectors([]string{name})
			if len(theirs) > 0 {
				return trufflehog.CheckDetector(name)
			}
			return dsul.CheckNames(ours)
		},
		Rule: func(name string) error {
			if !trufflehog.IsRule(name) && !slices.Contains(dsul.Rules(), name) {
				return fmt.Errorf("%q is not a rule: want one as reports name it, such as Github or dsul-password, or *", name)
			}
			return nil
		},
		Custom:      trufflehog.CheckCustom,
		ArchiveSize: trufflehog.ArchiveSize,
	}
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
