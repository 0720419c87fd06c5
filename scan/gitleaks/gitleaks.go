// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gitleaks is a detector for package scan with the rules of the gitleaks program: some
// 220 expressions for tokens with a distinctive prefix, or with the name of their service next
// to them. ADR 16 explains why it uses the rules and not the library.
//
// go generate writes the rules (rules.json) from the version pinned in .tools/gitleaks. A rule
// is compiled when one of its keywords first occurs, and only matches the text around the
// keyword. The comment gitleaks:allow and the program's list of skipped paths have no effect.
package gitleaks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

const (
	// Name is the name of the scanner in findings and for selection. Rule names consist of it,
	// a hyphen and gitleaks' name for the rule.
	Name = "gitleaks"
	// rulesVersion is the gitleaks version of the rules.
	rulesVersion = "v8.30.1"
)

// Rules returns the names of all rules.
func Rules() []string {
	var names []string
	for _, r := range all().Rules {
		names = append(names, r.name)
	}
	return names
}

// CheckNames returns an error for a name that is neither a rule nor [Name].
func CheckNames(names []string) error {
	for _, name := range names {
		if name != Name && !slices.Contains(Rules(), name) {
			return fmt.Errorf("%q is not a rule of gitleaks: want %s or one of %s", name, Name, strings.Join(Rules(), ", "))
		}
	}
	return nil
}

// Options select the rules to run.
type Options struct {
	// Include and Exclude hold rule names, or [Name] for all rules. An empty Include selects
	// all.
	Include, Exclude []string
}

// Detector implements [scan.Detector].
type Detector struct {
	// unwanted are the disabled rules.
	unwanted    map[string]bool
	description release.Scanner
}

var _ scan.Detector = (*Detector)(nil)

// New returns a detector with the selected rules. It returns an error for an unknown name.
func New(opts Options) (*Detector, error) {
	if err := CheckNames(slices.Concat(opts.Include, opts.Exclude)); err != nil {
		return nil, err
	}
	listed := func(list []string, rule string) bool {
		return slices.Contains(list, Name) || slices.Contains(list, rule)
	}
	d := &Detector{unwanted: map[string]bool{}}
	used := slices.Clone(encoded)
	count := 0
	for _, rule := range Rules() {
		if len(opts.Include) > 0 && !listed(opts.Include, rule) || listed(opts.Exclude, rule) {
			d.unwanted[rule] = true
			continue
		}
		count++
		used = append(used, "\n"+rule...)
	}
	if count == 0 {
		return nil, errors.New("no rule of gitleaks is left")
	}
	d.description = release.Scanner{Name: Name, Version: rulesVersion, Detectors: count, Rules: digest.FromBytes(used)}
	return d, nil
}

// Describe implements [scan.Detector].
func (d *Detector) Describe() release.Scanner { return d.description }

// Scan implements [scan.Detector].
func (d *Detector) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	s := &fileScan{Detector: d, set: indexed(), file: f}
	if err := s.scanRules(ctx); err != nil {
		return scan.Result{}, err
	}
	return scan.Result{Bytes: int64(len(f.Data)), Matches: s.matches, Public: s.public}, nil
}
