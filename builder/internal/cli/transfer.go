// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/scan/format"
)

const transferHelp = `Transfer brings one workspace to a platform, without an image: from another platform
(--from-api-url), a zip archive, a directory, or a Git repository.

The workspace is validated and scanned like those of a build, and what is imported is
made of what was scanned. Nothing is imported if anything is wrong. Before that, values
that the workspace requires and the target lacks are named.

With --dry-run nothing is imported, and what an import would change is printed; with
--changes markdown=FILE it is written for a merge request. An import leaves alone what
the target has and the workspace lacks, unless it is deleted with --prune. With --backup,
the workspace as it was is kept in an archive: transfer it with --prune to go back.`

// changeReports are the formats of what an import changes.
var changeReports = []format.Format{"markdown", format.JSON}

// transferFlags say what is transferred, where, and how.
type transferFlags struct {
	from, to      apiFlags
	workspace     string
	prune, create bool
	dryRun        bool
	backup        string
	variables     []string
	timeout       time.Duration
	reports       []string
	changes       []string

	source sourceFlags
	look   scanFlags
	strict bool
}

func (f *transferFlags) register(flags *pflag.FlagSet) {
	f.from.side, f.to.side = "from", "to"
	f.from.register(flags)
	f.to.register(flags)
	flags.StringVar(&f.workspace, "workspace", "", "`slug` of the workspace, or its id on the platform to export from (default: the only one of SOURCE)")
	flags.BoolVar(&f.prune, "prune", false, "delete what the target's workspace has and the transferred one lacks")
	flags.BoolVar(&f.create, "create", false, "make the workspace if the target has none")
	flags.BoolVar(&f.dryRun, "dry-run", false, "do everything but import, and print what would change")
	flags.StringVar(&f.backup, "backup", "", "`file` for an archive of the target's workspace as it was before")
	flags.StringSliceVar(&f.variables, "service-env", nil, "`names` of environment variables that the target's service has, with commas")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Minute, "longest `time` from the import to its known end")
	flags.StringArrayVar(&f.reports, "report", nil, "write a report of the transfer: `FORMAT=FILE` with a format of json and junit (repeat)")
	flags.StringArrayVar(&f.changes, "changes", nil, "write what the import changes, as builder diff does: `FORMAT=FILE` with a format of markdown and json; not for a new workspace (repeat)")
	f.source.register(flags)
	f.look.registerNamed(flags, "scan-report")
	flags.BoolVar(&f.strict, "strict", false, "warnings are errors")
}

// check refuses, before anything is done, what would fail later.
func (f *transferFlags) check(args []string) error {
	switch {
	case f.to.url == "":
		return errors.New("--to-api-url is required: the URL of the API of the platform to import into")
	case len(args) == 0 && f.from.url == "":
		return errors.New("say what to transfer: SOURCE, or --from-api-url and --workspace")
	case len(args) == 1 && f.from.url != "":
		return errors.New("SOURCE and --from-api-url exclude each other: the workspace comes from one of them")
	case f.from.url != "" && f.workspace == "":
		return errors.New("--from-api-url needs --workspace: the slug or id of the workspace to export")
	case f.timeout < time.Second:
		return fmt.Errorf("--timeout %s is less than a second", f.timeout)
	}
	if _, err := parseTargets(f.reports, pushReports); err != nil {
		return err
	}
	if _, err := parseTargets(f.changes, changeReports); err != nil || f.backup == "" {
		return err
	}
	return report.CheckPath(f.backup)
}

func (a *app) transfer() *cobra.Command {
	var f transferFlags
	var show progressFlag
	cmd := &cobra.Command{
		Use:   "transfer [SOURCE] --to-api-url URL",
		Short: "Bring one workspace to a platform, as an archive",
		Long:  transferHelp,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return usageError(cmd, err)
			}
			run, err := a.newTransfer(&f, show)
			if err != nil {
				return err
			}
			err = run.run(cmd.Context(), args)
			return errors.Join(err, run.close())
		},
	}
	f.register(cmd.Flags())
	show.register(cmd.Flags())
	return cmd
}
