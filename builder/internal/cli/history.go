// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

// historyFlags say whether the Git history is scanned, too.
type historyFlags struct {
	on    bool
	since string
}

func (f *historyFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "history", false, "scan the Git history, too: every content that a file of SOURCE had in the commit and those before it")
	flags.StringVar(&f.since, "since-commit", "", "`revision`, such as a commit or HEAD~3, after which to look in the history (default: all of it)")
}

func (f *historyFlags) apply(checks *pipeline.Checks) error {
	if f.since != "" && !f.on {
		return withCode(exitUsage, errors.New("--since-commit needs --history"))
	}
	if f.on {
		checks.History = &pipeline.History{Since: f.since}
	}
	return nil
}
