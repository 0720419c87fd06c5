// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

// historyFlags control the scan of the Git history.
type historyFlags struct {
	on    bool
	since string
}

func (f *historyFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "history", false, "also scan every earlier version of the files, in the Git history up to the "+
		"commit")
	flags.StringVar(&f.since, "since-commit", "", "scan only the history after this `revision`, such as a "+
		"commit or HEAD~3 (default: all of it)")
	assignGroup(flags, groupScan)
}

func (f *historyFlags) applyTo(checks *pipeline.Checks) error {
	if f.since != "" && !f.on {
		return withCode(exitUsage, errors.New("--since-commit needs --history"))
	}
	if f.on {
		checks.History = &pipeline.History{Since: f.since}
	}
	return nil
}
