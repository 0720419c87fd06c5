// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ruleset lists all rules for workspaces, and applies the user's severities to their
// diagnostics.
package ruleset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/spelling"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
)

// expiredRule is the rule for settings past their last day.
const expiredRule = "rule-setting-expired"

// All returns all rules, sorted by ID.
func All() []diagnostic.Rule {
	own := diagnostic.Rule{
		ID: expiredRule, Severity: diagnostic.Warning, Title: "A setting of a rule has expired",
		Meaning: "It no longer applies: the diagnostics of the rule have their default severity again.",
		Example: "rules: [{rule: secret-unused, severity: off, reason: …, until: 2020-01-31}]",
		Remedy:  "correct what the rule reports, and delete the setting; or agree on a later date",
	}
	rules := append(slices.Concat(source.Rules(), workspace.Rules()), own)
	slices.SortFunc(rules, func(a, b diagnostic.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// Find returns the rule with an ID. The error suggests a similar rule.
func Find(id string) (diagnostic.Rule, error) {
	rules := All()
	var ids []string
	for _, r := range rules {
		if r.ID == id {
			return r, nil
		}
		ids = append(ids, r.ID)
	}
	if near := spelling.Nearest(id, slices.Values(ids)); near != "" {
		return diagnostic.Rule{}, fmt.Errorf("unknown rule %q, did you mean %q?", id, near)
	}
	return diagnostic.Rule{}, fmt.Errorf("unknown rule %q: builder rules lists them", id)
}

// Setting is a severity set by the user.
type Setting struct {
	// Rule is the ID of the rule.
	Rule string
	// Path is a glob of files, relative to the workspaces, in which ** matches any directories.
	// Empty means all files, and diagnostics without a file.
	Path     string
	Severity diagnostic.Severity
	Reason   string
	// Until is the last day, in UTC, of the setting; may be empty.
	Until string
	// Place is the position of the setting, such as release.yaml:12, for messages.
	Place string
}

// Set holds valid settings. A nil set changes nothing.
type Set struct{ settings []Setting }

// New validates settings. The error lists all problems.
func New(settings []Setting) (*Set, error) {
	var errs []error
	for _, s := range settings {
		if err := s.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Place, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Set{slices.Clone(settings)}, nil
}

func (s Setting) validate() error {
	if s.Rule == "" {
		return errors.New("the entry of rules has no rule")
	}
	rule, err := Find(s.Rule)
	if err != nil {
		return err
	}
	level := s.Severity.Level()
	if level < 0 {
		return fmt.Errorf("severity %q of rule %s is not error, warning, info or off", s.Severity, s.Rule)
	}
	if rule.Fixed && level < rule.Severity.Level() {
		return fmt.Errorf("rule %s stays %s: it protects the operators of the release, or the release cannot be built "+
			"without it; %s",
			s.Rule, rule.Severity, rule.Remedy)
	}
	if strings.TrimSpace(s.Reason) == "" {
		return fmt.Errorf("the setting of rule %s has no reason", s.Rule)
	}
	if !doublestar.ValidatePattern(s.Path) {
		return fmt.Errorf("path %q of rule %s is not a glob", s.Path, s.Rule)
	}
	if _, err := time.Parse(time.DateOnly, s.Until); err != nil && s.Until != "" {
		return fmt.Errorf("until %q of rule %s is not a date such as 2027-01-31", s.Until, s.Rule)
	}
	return nil
}

func (s Setting) matchesDiagnostic(d diagnostic.Diagnostic) bool {
	return s.Rule == d.Rule && (s.Path == "" || doublestar.MatchUnvalidated(s.Path, d.File))
}

// Apply applies the settings that are valid at the time. It drops diagnostics that are off, and
// adds a warning for each expired setting. If several settings match, the last one wins.
func (s *Set) Apply(ds []diagnostic.Diagnostic, now time.Time) ([]diagnostic.Diagnostic, []diagnostic.Lowered) {
	if s == nil {
		return ds, nil
	}
	valid, over := s.splitExpired(now)
	counts := make([]int, len(valid))
	var kept []diagnostic.Diagnostic
	for _, d := range ds {
		i := lastMatch(valid, d)
		if i < 0 {
			kept = append(kept, d)
			continue
		}
		if valid[i].Severity.Level() < d.Severity.Level() {
			counts[i]++
		}
		if d.Severity = valid[i].Severity; d.Severity != diagnostic.Off {
			kept = append(kept, d)
		}
	}
	var lowered []diagnostic.Lowered
	for i, v := range valid {
		if counts[i] > 0 {
			lowered = append(lowered, diagnostic.Lowered{
				Rule: v.Rule, Path: v.Path, Severity: v.Severity, Count: counts[i], Reason: v.Reason, Until: v.Until})
		}
	}
	kept = append(kept, over...)
	diagnostic.Sort(kept)
	return kept, lowered
}

// lastMatch returns the index of the last setting that matches d, or -1.
func lastMatch(settings []Setting, d diagnostic.Diagnostic) int {
	for i, s := range slices.Backward(settings) {
		if s.matchesDiagnostic(d) {
			return i
		}
	}
	return -1
}

// splitExpired returns the valid settings, and a diagnostic for each expired one.
func (s *Set) splitExpired(now time.Time) (valid []Setting, over []diagnostic.Diagnostic) {
	today := now.UTC().Format(time.DateOnly)
	rule, _ := Find(expiredRule)
	for _, setting := range s.settings {
		if cmp.Or(setting.Until, today) >= today {
			valid = append(valid, setting)
			continue
		}
		over = append(over, rule.Report("", 0, 0, "%s: the setting of rule %s ended on %s and no longer applies",
			setting.Place, setting.Rule, setting.Until))
	}
	return valid, over
}
