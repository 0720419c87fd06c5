// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/scan"
)

func readBaseline(path string) (*scan.Baseline, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("read baseline: %w", err))
	}
	baseline, err := scan.ReadBaseline(path, data)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return baseline, nil
}

// saveBaseline replaces the file atomically.
func saveBaseline(path string, baseline *scan.Baseline) error {
	var out bytes.Buffer
	if err := baseline.Write(&out); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return nil
}

// writeBaselineFlags select the baseline to update, and the values of new entries.
type writeBaselineFlags struct {
	path     string
	proposal scan.Proposal
}

// proposalFlags are the flags that require --write-baseline.
var proposalFlags = []string{"owner", "reason", "until", "rule", "path"}

func (f *writeBaselineFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "write-baseline", "", "create or update the baseline in this `file`: add all findings, and "+
		"keep what people filled in")
	flags.StringVar(&f.proposal.Owner, "owner", "", "name the `team` that owns the entries that --write-baseline adds, "+
		"and those without an owner (with --reason)")
	flags.StringVar(&f.proposal.Reason, "reason", "", "give this `text` as the reason why the findings may ship (with "+
		"--owner)")
	flags.StringVar(&f.proposal.Expires, "until", "", "accept the entries up to and including this `day`, such as "+
		"2027-01-31 (default: 90 days from now)")
	flags.StringVar(&f.proposal.Rule, "rule", "", "add only findings of this `rule` to the baseline")
	flags.StringVar(&f.proposal.Path, "path", "", "add only findings in files that match this `glob` to the baseline")
	assignGroup(flags, groupBaseline)
}

// applyTo uses the file to write as the baseline.
func (f *writeBaselineFlags) applyTo(a *app, checks *pipeline.Checks) error {
	if f.path == "" {
		return a.refuseUnused("--write-baseline", proposalFlags...)
	}
	if err := f.proposal.Check(time.Now()); err != nil {
		return withCode(exitUsage, fmt.Errorf("--write-baseline: %w", err))
	}
	if rule := f.proposal.Rule; rule != "" && !scan.IsCustomRule(rule) {
		if err := newCatalog().Rule(rule); err != nil {
			return withCode(exitUsage, fmt.Errorf("--rule: %w", err))
		}
	}
	if checks.Baseline != nil {
		return withCode(exitUsage, errors.New("--baseline and --write-baseline exclude each other: "+
			"--write-baseline reads its file, too"))
	}
	if err := report.CheckPath(f.path); err != nil {
		return withCode(exitUsage, err)
	}
	baseline, err := readBaseline(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		baseline = scan.NewBaseline(f.path)
	} else if err != nil {
		return err
	}
	checks.Baseline = baseline.Renewed(f.proposal)
	return nil
}

// writeBaseline writes the baseline, and reports what remains to be filled in.
func (f *writeBaselineFlags) writeBaseline(a *app, baseline *scan.Baseline) error {
	if f.path == "" {
		return nil
	}
	if err := saveBaseline(f.path, baseline); err != nil {
		return err
	}
	all, incomplete := baseline.Entries()
	fmt.Fprintf(a.Err, "wrote %s: %s", f.path, terminal.Plural(all, "entry"))
	if incomplete > 0 {
		fmt.Fprintf(a.Err, "; %d accept nothing until they have an owner and a reason", incomplete)
	}
	fmt.Fprintln(a.Err)
	return nil
}
