// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/trufflesecurity/trufflehog/v3/pkg/config"
	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/pb/detector_typepb"

	"github.com/prismeai/workspaces-release/scan"
)

// ArchiveSize is the upper limit for the unpacked size of an archive, in bytes.
const ArchiveSize = archiveMaxSize

// CheckDetector returns an error for an unknown TruffleHog detector.
func CheckDetector(name string) error {
	_, err := config.ParseDetectors(name)
	return err
}

// IsRule reports whether a rule is the name of a TruffleHog detector, as spelled in reports.
func IsRule(name string) bool {
	_, ok := detector_typepb.DetectorType_value[name]
	return ok
}

// CheckCustom validates a definition in TruffleHog's format, an item of the list detectors in
// its configuration file.
func CheckCustom(definition json.RawMessage) error {
	_, err := parseCustom(definition)
	return err
}

func parseCustom(definition json.RawMessage) (detectors.Detector, error) {
	// JSON is a subset of YAML.
	parsed, err := config.NewYAML(slices.Concat([]byte(`{"detectors":[`), definition, []byte(`]}`)))
	switch {
	case err != nil:
		return nil, err
	case len(parsed.Detectors) != 1:
		return nil, errors.New("it is not one detector")
	default:
		return parsed.Detectors[0], nil
	}
}

// custom parses the definitions. The keys identify them in the description of the detector.
func custom(list []scan.CustomDetector) (parsed []detectors.Detector, keys []string, err error) {
	for _, c := range list {
		d, err := parseCustom(c.Definition)
		if err != nil {
			return nil, nil, fmt.Errorf("detector %s: %w", c.Name, err)
		}
		parsed = append(parsed, d)
		keys = append(keys, string(c.Definition)+"\n")
	}
	return parsed, keys, nil
}

// ruleOf returns the rule name for a result.
func ruleOf(r detectors.Result) string {
	if r.DetectorType == detector_typepb.DetectorType_CustomRegex {
		return scan.CustomDetector{Name: r.DetectorName}.Rule()
	}
	return r.DetectorType.String()
}
