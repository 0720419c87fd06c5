// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/scan"
)

// Input is the source to read, and how to read it.
type Input struct {
	Spec   source.Spec
	Source source.Options
	// StampVersions adds a digest of the content of every workspace to the name of its version: see
	// [workspace.Stamper]. The files that are checked, scanned and shipped contain the stamp.
	StampVersions bool
	// Defaults are filled into every .import.yml that lacks them: see [workspace.Filler]. The
	// version "commit" stands for the commit, and "release" for Release.
	Defaults workspace.Defaults
	Release  string
}

// Checks selects the checks of a reading.
type Checks struct {
	// Workspaces are the groups and limits to validate against; nil disables the validation.
	Workspaces *workspace.Options
	// Rules change the severity of diagnostics; nil changes none.
	Rules *ruleset.Set
	// Strict turns warnings into errors, including warnings whose severity a rule has set.
	Strict bool
	// Scanner scans for secrets; nil disables the scan.
	Scanner *scan.Scanner
	// SourcePolicy returns a scanner for the policy file at the top of the source. It is nil if
	// sources may not have a policy.
	SourcePolicy func(policy []byte) (*scan.Scanner, error)
	// History configures the scan of the Git history; nil disables it.
	History *History
	// Baseline accepts findings in files; nil accepts none.
	Baseline *scan.Baseline
}

// opened is a source that was opened to be read. It does not change when it is read.
type opened struct {
	tree  *source.Tree
	input Input
	// checks are the given checks with the scanner that applies to this source.
	checks Checks
	// commitTime is the time of the source commit; zero if there is none.
	commitTime time.Time
	// walk passes the files as they ship: with defaults, stamps and checksums.
	walk walkFunc
}

// openSource opens a source for the given checks. The caller closes it.
func openSource(ctx context.Context, s *stages, input Input, checks Checks) (*opened, error) {
	options := input.Source
	options.History = checks.History != nil
	tree, err := inStage(s, "open", "open "+input.Spec.String(), nil, func() (*source.Tree, error) {
		tree, err := source.Open(ctx, input.Spec, options)
		if errors.As(err, new(*git.FileError)) {
			return nil, fail(Usage, err)
		}
		return tree, fail(Source, err)
	})
	if err != nil {
		return nil, err
	}
	src, err := newOpened(tree, input, checks)
	if err != nil {
		return nil, errors.Join(err, fail(Source, tree.Close()))
	}
	return src, nil
}

func newOpened(tree *source.Tree, input Input, checks Checks) (*opened, error) {
	scanner, err := checks.scannerFor(tree)
	if err != nil {
		return nil, err
	}
	checks.Scanner = scanner
	walk, err := walkShipped(tree, input, checks)
	if err != nil {
		return nil, err
	}
	commitTime, _ := tree.CommitTime()
	return &opened{tree: tree, input: input, checks: checks, commitTime: commitTime, walk: walk}, nil
}

// scannerFor returns the scanner for a source. A policy in the source takes precedence, where
// sources may have one. The scanner is nil if the checks do not include a scan.
func (c *Checks) scannerFor(tree *source.Tree) (*scan.Scanner, error) {
	scanner := c.Scanner
	if c.SourcePolicy != nil {
		policy, err := tree.ReadTop(scan.PolicyFile, scan.MaxFileSize)
		if err != nil {
			return nil, fail(Source, err)
		}
		if policy != nil {
			if scanner, err = c.SourcePolicy(policy); err != nil {
				return nil, fail(Usage, err)
			}
		}
	}
	if scanner != nil && c.Baseline != nil {
		scanner = scanner.WithBaseline(c.Baseline)
	}
	return scanner, nil
}

// walkShipped returns a walk of the files as they ship: with defaults, stamps and checksums.
func walkShipped(tree *source.Tree, input Input, checks Checks) (walkFunc, error) {
	walk := walkTree(tree)
	var limits workspace.Limits
	if checks.Workspaces != nil {
		limits = checks.Workspaces.Limits
	}
	if !input.Defaults.IsZero() {
		defaults, err := resolveDefaults(input, tree.Info().Commit)
		if err != nil {
			return nil, err
		}
		walk = withDefaults(walk, defaults, limits, input.Source.Notify)
	}
	if rewrite := rewriteFor(input, checks); rewrite != (workspace.Rewrite{}) {
		walk = withStamps(walk, rewrite, limits)
	}
	return walk, nil
}

// close releases the source and removes fetched files.
func (o *opened) close() error { return fail(Source, o.tree.Close()) }
