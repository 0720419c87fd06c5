// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/docker/go-units"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/scan/internal/strict"
)

// PolicyFile is the name of the policy file in the root of a source.
const PolicyFile = "scan-policy.yaml"

// MaxFileSize is the maximum size of the files that this package reads, in bytes.
const MaxFileSize = strict.MaxSize

// anyRule stands for all rules without their own severity.
const anyRule = "*"

// Policy determines what is scanned and the consequences of a finding. The zero value scans
// everything and treats every finding as an error.
type Policy struct {
	// ExcludePaths are globs (with **) for paths that are not scanned; IncludePaths are
	// exceptions to them.
	ExcludePaths []string `json:"excludePaths"`
	IncludePaths []string `json:"includePaths"`
	// Severities maps rules to severities. The key "*" applies to all other rules.
	Severities map[string]Severity `json:"severities"`
	// HonorInlineIgnore accepts findings in lines with the comment trufflehog:ignore.
	HonorInlineIgnore bool `json:"honorInlineIgnore"`
	// These fields configure the detectors. The scanner does not use them, but they are part of
	// the policy's digest.
	IncludeDetectors []string         `json:"includeDetectors"`
	ExcludeDetectors []string         `json:"excludeDetectors"`
	CustomDetectors  []CustomDetector `json:"customDetectors"`
	Limits           Limits           `json:"limits"`
	Verify           bool             `json:"verify"`
}

// CustomDetector is a user-defined detector.
type CustomDetector struct {
	Name string `json:"name"`
	// Definition is in TruffleHog's format.
	Definition json.RawMessage `json:"definition"`
}

// Limits bound the work of detectors. Zero selects the default of the detector.
type Limits struct {
	// DetectorTimeout is the maximum time that one detector may spend on one match.
	DetectorTimeout time.Duration `json:"detectorTimeout"`
	// ArchiveSize is the maximum unpacked size of an archive, in bytes.
	ArchiveSize int64 `json:"archiveSize"`
}

// Catalog validates the names in a policy file.
type Catalog struct {
	// Detector and Rule return an error for an invalid name.
	Detector, Rule func(name string) error
	// Custom validates the definition of a custom detector.
	Custom func(definition json.RawMessage) error
	// ArchiveSize is the maximum value of the limit with this name, in bytes.
	ArchiveSize int64
}

// policyFile is the file format.
type policyFile struct {
	IncludeDetectors []strict.Value[string]          `yaml:"includeDetectors"`
	ExcludeDetectors []strict.Value[string]          `yaml:"excludeDetectors"`
	CustomDetectors  []strict.Any                    `yaml:"customDetectors"`
	ExcludePaths     []strict.Value[string]          `yaml:"excludePaths"`
	IncludePaths     []strict.Value[string]          `yaml:"includePaths"`
	Severities       map[string]strict.Value[string] `yaml:"severities"`
	Limits           struct {
		DetectorTimeout strict.Value[string] `yaml:"detectorTimeout"`
		ArchiveSize     strict.Value[string] `yaml:"archiveSize"`
	} `yaml:"limits"`
	HonorInlineIgnore bool `yaml:"honorInlineIgnore"`
}

// ReadPolicy parses a policy file. Errors contain the file, line and column.
func ReadPolicy(file string, data []byte, known Catalog) (Policy, error) {
	var f policyFile
	if err := strict.Decode(file, data, &f); err != nil {
		return Policy{}, err
	}
	p, err := f.newPolicy(known)
	return p, strict.In(file, err)
}

func (f *policyFile) newPolicy(known Catalog) (p Policy, err error) {
	p.HonorInlineIgnore = f.HonorInlineIgnore
	if p.CustomDetectors, err = parseCustomDetectors(f.CustomDetectors, known); err != nil {
		return Policy{}, err
	}
	for _, list := range []struct {
		from  []strict.Value[string]
		to    *[]string
		check func(string) error
	}{
		{f.IncludeDetectors, &p.IncludeDetectors, known.Detector},
		{f.ExcludeDetectors, &p.ExcludeDetectors, known.Detector},
		{f.ExcludePaths, &p.ExcludePaths, checkGlob},
		{f.IncludePaths, &p.IncludePaths, checkGlob},
	} {
		for _, v := range list.from {
			if err := list.check(v.Value); err != nil {
				return Policy{}, v.Errorf("%w", err)
			}
			*list.to = append(*list.to, v.Value)
		}
	}
	if p.Severities, err = f.parseSeverities(p.CustomDetectors, known); err != nil {
		return Policy{}, err
	}
	p.Limits, err = f.parseLimits(known)
	return p, err
}

func checkGlob(glob string) error {
	if !doublestar.ValidatePattern(glob) {
		return fmt.Errorf("path %q is not a valid glob", glob)
	}
	return nil
}

func parseCustomDetectors(definitions []strict.Any, known Catalog) ([]CustomDetector, error) {
	var list []CustomDetector
	for _, d := range definitions {
		fields, _ := d.Value.(map[string]any)
		name, _ := fields["name"].(string)
		if !isRuleName(name) {
			return nil, d.Errorf("a detector needs a name of letters, digits, - and _")
		}
		if slices.ContainsFunc(list, func(other CustomDetector) bool { return other.Name == name }) {
			return nil, d.Errorf("detector %s is there twice", name)
		}
		definition, err := json.Marshal(d.Value)
		if err == nil {
			err = known.Custom(definition)
		}
		if err != nil {
			return nil, d.Errorf("detector %s: %w", name, err)
		}
		list = append(list, CustomDetector{name, definition})
	}
	return list, nil
}

// isRuleName reports whether a name contains only characters that print safely and
// unambiguously.
func isRuleName(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '_' {
			return false
		}
	}
	return name != ""
}

// customRule is the prefix of the rules of custom detectors.
const customRule = "custom-"

// IsCustomRule reports whether a rule belongs to a custom detector.
func IsCustomRule(rule string) bool {
	return strings.HasPrefix(rule, customRule) && isRuleName(rule)
}

// Rule returns the rule name of the detector's findings.
func (d CustomDetector) Rule() string { return customRule + d.Name }

func (f *policyFile) parseSeverities(custom []CustomDetector, known Catalog) (map[string]Severity, error) {
	severities := map[string]Severity{}
	for _, rule := range slices.Sorted(maps.Keys(f.Severities)) {
		v := f.Severities[rule]
		own := slices.ContainsFunc(custom, func(d CustomDetector) bool { return d.Rule() == rule })
		if err := known.Rule(rule); err != nil && rule != anyRule && !own {
			return nil, v.Errorf("%w", err)
		}
		s := Severity(v.Value)
		if s != Error && s != Warning {
			return nil, v.Errorf("severity %q of %s: want %s or %s", v.Value, rule, Error, Warning)
		}
		severities[rule] = s
	}
	return severities, nil
}

func (f *policyFile) parseLimits(known Catalog) (l Limits, err error) {
	if v := f.Limits.DetectorTimeout; v.Value != "" {
		if l.DetectorTimeout, err = time.ParseDuration(v.Value); err != nil || l.DetectorTimeout <= 0 {
			return l, v.Errorf("%q is not a time such as 10s", v.Value)
		}
	}
	if v := f.Limits.ArchiveSize; v.Value != "" {
		l.ArchiveSize, err = units.RAMInBytes(v.Value)
		if err != nil || l.ArchiveSize <= 0 || l.ArchiveSize > known.ArchiveSize {
			return l, v.Errorf("%q is not a size such as 50MiB, of %s at most", v.Value,
				units.BytesSize(float64(known.ArchiveSize)))
		}
	}
	return l, nil
}

// normalize validates the policy and gives equal policies equal contents.
func (p Policy) normalize() (Policy, error) {
	for _, glob := range slices.Concat(p.ExcludePaths, p.IncludePaths) {
		if err := checkGlob(glob); err != nil {
			return Policy{}, err
		}
	}
	for _, list := range []*[]string{&p.ExcludePaths, &p.IncludePaths, &p.IncludeDetectors, &p.ExcludeDetectors} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
	byName := func(a, b CustomDetector) int { return cmp.Compare(a.Name, b.Name) }
	p.CustomDetectors = slices.SortedFunc(slices.Values(p.CustomDetectors), byName)
	p.Severities = maps.Clone(p.Severities)
	if len(p.Severities) == 0 {
		p.Severities = nil
	}
	return p, nil
}

// computeDigest identifies the policy in reports and in the release manifest.
func (p Policy) computeDigest() (digest.Digest, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode scan policy: %w", err)
	}
	return digest.FromBytes(data), nil
}

// isExcluded reports whether the policy excludes a file from the scan.
func (p Policy) isExcluded(path string) bool {
	matches := func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }
	return slices.ContainsFunc(p.ExcludePaths, matches) && !slices.ContainsFunc(p.IncludePaths, matches)
}

// inlineIgnore is TruffleHog's comment for accepted lines.
const inlineIgnore = "trufflehog:ignore"

// applySeverities assigns severities to the findings in a file, and separates those that an inline
// comment accepts. Comments do not apply to archive content, which has no lines.
func (p Policy) applySeverities(found []Finding, data []byte) (findings []Finding, accepted []Accepted) {
	countCharacters(found, data)
	var all []string
	if p.HonorInlineIgnore && len(found) > 0 {
		all = strings.Split(string(data), "\n")
	}
	for _, f := range found {
		f.Severity = p.findingSeverity(f)
		if f.Line > 0 && f.Line <= len(all) && strings.Contains(all[f.Line-1], inlineIgnore) {
			accepted = append(accepted, Accepted{Finding: f, By: ByComment})
		} else {
			findings = append(findings, f)
		}
	}
	return findings, accepted
}

// findingSeverity returns the most severe level of all rules that found the secret. A live secret is
// always an error.
func (p Policy) findingSeverity(f Finding) Severity {
	if f.Verification == Live || p.ruleSeverity(f.Rule) == Error {
		return Error
	}
	for _, s := range f.Also {
		if p.ruleSeverity(s.Rule) == Error {
			return Error
		}
	}
	return Warning
}

func (p Policy) ruleSeverity(rule string) Severity {
	if s, ok := p.Severities[rule]; ok {
		return s
	}
	return cmp.Or(p.Severities[anyRule], Error)
}
