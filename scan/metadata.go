// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Metadata is shipped content outside of files, such as image labels.
type Metadata struct {
	// Name replaces the path in findings and for the globs of a policy. It has no slash, so
	// that it differs from the path of any workspace file.
	Name string
	// Content is encoded as JSON: an object of names and values.
	Content any
	// Help explains how to fix a secret in the metadata.
	Help string
	// Foreign metadata comes from a third party: a secret in it is only a warning.
	Foreign bool
}

// ScanMetadata scans metadata like a file. The caller adds the findings to the report of a run;
// they do not count towards its coverage. The error is a [*FileError], or the cause of the
// context's cancellation.
func (s *Scanner) ScanMetadata(ctx context.Context, m Metadata) ([]Finding, error) {
	if s.policy.isExcluded(m.Name) {
		return nil, nil
	}
	data, err := m.encodeJSON()
	if err != nil {
		return nil, err
	}
	keys := strings.Split(string(data), "\n")
	var sightings []sighting
	for _, d := range s.detectors {
		name := d.Describe().Name
		// Detectors recognize the format by the extension.
		result, err := runDetectorSafely(ctx, d, File{Path: m.Name + ".json", Data: data})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		} else if err != nil {
			return nil, &FileError{Path: m.Name, Scanner: name, Err: err}
		}
		for _, match := range removeDuplicates(result.Matches) {
			match.Help = m.Help
			sightings = append(sightings, sighting{name, match})
		}
	}
	for i, s := range sightings {
		placed := func(other sighting) bool { return other.Where != "" && other.overlaps(s.Match) }
		if !slices.ContainsFunc(sightings, placed) {
			sightings[i].Where = s.lineKey(keys)
		}
	}
	found, err := s.newFindings(ctx, m.Name, sightings)
	if err != nil {
		return nil, err
	}
	for i, f := range found {
		// The position refers to the encoded JSON, not to a file.
		found[i].Line = 0
		found[i].Column = 0
		if found[i].Severity = s.policy.findingSeverity(f); m.Foreign {
			found[i].Severity = Warning
		}
	}
	return found, nil
}

// encodeJSON returns JSON with one name and value per line.
func (m Metadata) encodeJSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m.Content); err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Name, err)
	}
	return out.Bytes(), nil
}

// lineKey returns the name in the line of a match, or "" if the name itself contains the secret.
func (m Match) lineKey(lines []string) string {
	if m.Line < 1 || m.Line > len(lines) {
		return ""
	}
	quoted, err := strconv.QuotedPrefix(strings.TrimSpace(lines[m.Line-1]))
	if err != nil || !strings.Contains(lines[m.Line-1], quoted+":") {
		return ""
	}
	var key string
	if json.Unmarshal([]byte(quoted), &key) != nil || strings.Contains(key, m.Secret.Reveal()) {
		return ""
	}
	return key
}

// Add adds findings in metadata to the report.
func (r *Report) Add(found ...Finding) {
	r.Findings = append(r.Findings, found...)
	r.sortFindings()
}
