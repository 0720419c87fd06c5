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

// ArchiveSize is the largest limit on what an archive may unpack to, in bytes.
const ArchiveSize = archiveMaxSize

// CheckDetector reports a name that none of TruffleHog's detectors has.
func CheckDetector(name string) error {
	_, err := config.ParseDetectors(name)
	return err
}

// IsRule reports whether findings may have this rule: the name of a detector, as it
// is written in reports.
func IsRule(name string) bool {
	_, ok := detector_typepb.DetectorType_value[name]
	return ok
}

// CheckCustom checks a definition in TruffleHog's format, as in the list detectors of
// its configuration file.
func CheckCustom(definition json.RawMessage) error {
	_, err := parseCustom(definition)
	return err
}

func parseCustom(definition json.RawMessage) (detectors.Detector, error) {
	// JSON is YAML.
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

// custom parses the definitions, and returns what identifies them.
func custom(list []scan.CustomDetector) (parsed []detectors.Detector, keys []string, err error) {
	for _, c := range list {
		d, err := parseCustom(c.Definition)
		if err != nil {
			return nil, nil, fmt.Errorf("detector %s: %w", c.Name, err)
		}
		parsed, keys = append(parsed, d), append(keys, string(c.Definition)+"\n")
	}
	return parsed, keys, nil
}

// ruleOf names what found a secret.
func ruleOf(r detectors.Result) string {
	if r.DetectorType == detector_typepb.DetectorType_CustomRegex {
		return scan.CustomDetector{Name: r.DetectorName}.Rule()
	}
	return r.DetectorType.String()
}
