// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/gitleaks"
	"github.com/prismeai/workspaces-release/scan/known"
	"github.com/prismeai/workspaces-release/scan/trufflehog"
)

// newDetectors returns the selected detectors, and the user's own. TruffleHog's come first because,
// unlike the rules of gitleaks, they identify the service of a secret.
func newDetectors(p scan.Policy) ([]scan.Detector, error) {
	included := splitDetectors(p.IncludeDetectors)
	excluded := splitDetectors(p.ExcludeDetectors)
	all := len(p.IncludeDetectors) == 0
	theirs := all || len(included.trufflehog) > 0
	var list []scan.Detector
	if theirs || len(p.CustomDetectors) > 0 {
		d, err := trufflehog.New(trufflehog.Options{
			Include: included.trufflehog, Exclude: excluded.trufflehog, Custom: p.CustomDetectors, CustomOnly: !theirs,
			Limits: p.Limits, Verify: p.Verify,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	if (all || len(included.gitleaks) > 0) && !slices.Contains(excluded.gitleaks, gitleaks.Name) {
		d, err := gitleaks.New(gitleaks.Options{Include: included.gitleaks, Exclude: excluded.gitleaks})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	if (all || len(included.dsul) > 0) && !slices.Contains(excluded.dsul, dsul.Name) {
		d, err := dsul.New(dsul.Options{Include: included.dsul, Exclude: excluded.dsul})
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// newCatalog returns the names of all detectors and rules.
func newCatalog() scan.Catalog {
	return scan.Catalog{
		Detector: func(name string) error {
			switch names := splitDetectors([]string{name}); {
			case len(names.trufflehog) > 0:
				return trufflehog.CheckDetector(name)
			case len(names.gitleaks) > 0:
				return gitleaks.CheckNames(names.gitleaks)
			default:
				return dsul.CheckNames(names.dsul)
			}
		},
		Rule: func(name string) error {
			if name != known.Name && !trufflehog.IsRule(name) && !slices.Contains(dsul.Rules(), name) &&
				!slices.Contains(gitleaks.Rules(), name) {
				return fmt.Errorf("%q is not a rule: want one as reports name it, such as Github or "+
					"dsul-password, or *", name)
			}
			return nil
		},
		Custom:      trufflehog.CheckCustom,
		ArchiveSize: trufflehog.ArchiveSize,
	}
}

// detectorNames are names of detectors and rules by scanner.
type detectorNames struct{ trufflehog, gitleaks, dsul []string }

// splitDetectors groups the names by their prefix. TruffleHog's detectors have none.
func splitDetectors(names []string) detectorNames {
	var split detectorNames
	for _, text := range names {
		for name := range strings.SplitSeq(text, ",") {
			name = strings.TrimSpace(name)
			switch lower := strings.ToLower(name); {
			case strings.HasPrefix(lower, dsul.Name):
				split.dsul = append(split.dsul, lower)
			case strings.HasPrefix(lower, gitleaks.Name):
				split.gitleaks = append(split.gitleaks, lower)
			default:
				split.trufflehog = append(split.trufflehog, name)
			}
		}
	}
	return split
}
