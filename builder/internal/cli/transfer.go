// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/scan/format"
)

const transferHelp = `Transfer imports workspaces into a platform without an image. They come from another platform
(--from-api-url), a zip archive, a directory, or a Git repository.

Each workspace is validated and scanned as in a build, and exactly the files that were scanned
are imported. Nothing is imported if there is a problem in any workspace. Several workspaces
(--workspace a,b or --group) are imported in the order of their dependencies, until one fails.
Before an import, transfer lists the values that the workspaces require and the target lacks.

With --dry-run, transfer imports nothing and prints what an import would change. With
--changes markdown=FILE, it writes the changes for a merge request. An import keeps what the
target has and the workspace lacks, unless --prune deletes it. --backup saves the workspace of
the target as it was: to go back, transfer that archive with --prune.`

// changeReports are the formats for the changes of an import.
var changeReports = []format.Format{"markdown", format.JSON}

// transferFlags configure a transfer.
type transferFlags struct {
	from, to      apiFlags
	workspaces    []string
	group, as     string
	exclude       []string
	prune, create bool
	keepDomains   bool
	dryRun        bool
	backup        string
	variables     []string
	timeout       time.Duration
	reports       []string
	changes       []string

	source   sourceFlags
	scanOpts scanFlags
	strict   bool
}

func (f *transferFlags) register(flags *pflag.FlagSet) {
	f.from.side, f.to.side = "from", "to"
	f.from.register(flags)
	f.to.register(flags)
	flags.StringSliceVar(&f.workspaces, "workspace", nil, "transfer these workspaces: `slugs`, or ids on the "+
		"platform to export from, separated by commas (default: the only one of SOURCE)")
	flags.StringVar(&f.group, "group", "", "transfer the workspaces of SOURCE that are in this `group`")
	flags.StringVar(&f.as, "as", "", "import into the workspace with this `slug` instead, and adapt references to it")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "leave out these `parts`, separated by commas, such as "+
		"index, security or pages/home")
	flags.BoolVar(&f.prune, "prune", false, "delete what the workspace on the target has and the imported one lacks")
	flags.BoolVar(&f.create, "create", false, "create the workspace if the target does not have it")
	flags.BoolVar(&f.keepDomains, "keep-domains", false, "restore the custom domains of the workspace on the target, "+
		"which an import clears")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what an import would change, and import nothing")
	flags.StringVar(&f.backup, "backup", "", "save the workspace of the target to this `file`, a zip archive, before "+
		"the import")
	flags.StringSliceVar(&f.variables, "service-env", nil, "assume that the service has these environment variables: "+
		"`names`, separated by commas")
	assignGroup(flags, groupTransfer)
	flags.DurationVar(&f.timeout, "timeout", 30*time.Minute, "give up this `time` after the start of an import, "+
		"such as 90s or 1h")
	assignGroup(flags, groupLimits)
	flags.StringArrayVar(&f.reports, "report", nil, "write a report of the transfer to a file: `FORMAT=FILE`, where "+
		"FORMAT is json or junit (repeat)")
	flags.StringArrayVar(&f.changes, "changes", nil, "write what the import changes, as builder diff does: "+
		"`FORMAT=FILE`, where FORMAT is markdown or json; not for a new workspace (repeat)")
	assignGroup(flags, groupOutput)
	f.source.registerPlace(flags)
	f.scanOpts.registerNamed(flags, "scan-report")
	flags.BoolVar(&f.strict, "strict", false, "treat warnings as errors")
	assignGroup(flags, groupValidation)
}

// validateFlags refuses early what would fail later.
func (f *transferFlags) validateFlags(args []string) error {
	switch {
	case f.to.url == "":
		return errors.New("--to-api-url is required: the URL of the API of the platform to import into")
	case len(args) == 0 && f.from.url == "":
		return errors.New("nothing to transfer: pass a SOURCE, or --from-api-url and --workspace")
	case len(args) == 1 && f.from.url != "":
		return errors.New("SOURCE and --from-api-url exclude each other: the workspace comes from one of them")
	case f.from.url != "" && f.group != "":
		return errors.New("--group needs SOURCE: name the workspaces to export with --workspace")
	case f.from.url != "" && len(f.workspaces) == 0:
		return errors.New("--from-api-url needs --workspace: the slug or id of the workspace to export")
	case f.group != "" && len(f.workspaces) > 0:
		return errors.New("--group and --workspace exclude each other")
	case (f.group != "" || len(f.workspaces) > 1) && (f.as != "" || f.backup != ""):
		return errors.New("--as and --backup are for one workspace: transfer the workspaces one by one")
	case f.as != "" && !targetSlug.MatchString(f.as):
		return fmt.Errorf("--as %q is not a slug: use lower-case letters, digits and -", f.as)
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

// targetSlug matches the values of --as.
var targetSlug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

func (a *app) newTransferCommand() *cobra.Command {
	var f transferFlags
	var show progressFlag
	cmd := &cobra.Command{
		Use:   "transfer [SOURCE] --to-api-url URL",
		Short: "Import workspaces into a platform, without an image",
		Example: `# Import a workspace of a directory, and keep a copy of what was there.
builder transfer workspaces --workspace mail-sender --backup before.zip \
  --to-api-url https://api.example.com/v2 --to-token-file token
# Show what an import from another platform would change.
builder transfer --workspace mail-sender --dry-run \
  --from-api-url https://sandbox.example.com/v2 --from-token-file sandbox \
  --to-api-url https://api.example.com/v2 --to-token-file token`,
		Long: transferHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validateFlags(args); err != nil {
				return usageError(cmd, err)
			}
			job, err := a.newJob(&f, args)
			if err != nil {
				return err
			}
			defer closeConnections(job)
			if job.Display, err = show.newDisplay(a); err != nil {
				return err
			}
			return a.runTransfer(cmd.Context(), &f, job)
		},
	}
	registerFlags(cmd, &f, &show)
	return cmd
}
