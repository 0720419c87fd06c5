// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

const diffHelp = `Diff compares two releases for the person who approves the new one: workspaces and their
versions, groups and import order, files, base, variables and accepted findings.

OLD and NEW are each an image reference, an OCI layout (oci-layout://PATH), a directory, a zip
archive, or a Git repository (https://host/org/repo.git#ref:subdir). A name that exists as a
directory, or starts with / or ., is not taken for an image. A source has no base, variables
and findings, so these are not compared.

Every change has a class: permission, breaking, outgoing, behaviour, text or metadata. The
most important changes come first. Workspaces that only get a new version name share one line.

Secrets are not shown. Each is replaced by *** and a number, which is the same for the same
secret. If a secret in a file cannot be hidden, only the name of the file is shown.`

// diffLines is the default of --max-lines.
const diffLines = 1000

// maxBytesFloor is the minimum of --max-bytes.
const maxBytesFloor = 4000

// diffFlags control the output.
type diffFlags struct {
	out      formatFlag
	maxLines int
	maxBytes int
	exitCode bool
	failOn   []string
}

func (f *diffFlags) validateFlags() error {
	if f.maxLines < 0 {
		return errors.New("--max-lines cannot be negative")
	}
	if f.maxBytes < maxBytesFloor {
		return fmt.Errorf("--max-bytes must be at least %d", maxBytesFloor)
	}
	for _, kind := range f.failOn {
		if kind != failOnCut && !slices.Contains(compare.Classes(), compare.Class(kind)) {
			return fmt.Errorf("--fail-on %q: must be one of %s, %s", kind, joinClasses(), failOnCut)
		}
	}
	return nil
}

// failOnCut is the value of --fail-on for an incomplete report.
const failOnCut = "cut"

func joinClasses() string {
	names := make([]string, 0, len(compare.Classes()))
	for _, c := range compare.Classes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// outcomeError returns the error of a comparison whose report is complete.
func (f *diffFlags) outcomeError(report *compare.Report, complete bool) error {
	var found []string
	for _, kind := range f.failOn {
		if kind == failOnCut && !complete || report.Has(compare.Class(kind)) {
			found = append(found, kind)
		}
	}
	switch {
	case len(found) > 0:
		return withCode(exitDifferent, fmt.Errorf("--fail-on: the comparison has %s", strings.Join(found, ", ")))
	case f.exitCode && report.Differ:
		return &exitError{code: exitDifferent, err: errors.New("the releases differ"), reported: true}
	}
	return nil
}

func (a *app) newDiffCommand() *cobra.Command {
	var of comparedFlags
	show := diffFlags{out: newFormat("text", "markdown", "json")}
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Compare two releases",
		Example: `builder diff registry.example.com/ai/release:2.3.0 \
  registry.example.com/ai/release:2.4.0
# Compare the running release with what is in Git, for a merge request.
builder diff registry.example.com/ai/release:2.3.0 . --format markdown
# Stop a pipeline if permissions change.
builder diff old new --fail-on permission,breaking`,
		Long: diffHelp,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := show.validateFlags(); err != nil {
				return usageError(cmd, err)
			}
			opts, err := a.diffOptions(&of, args)
			if err != nil {
				return err
			}
			opts.MaxLines = show.maxLines
			return a.runDiff(cmd, opts, show)
		},
	}
	of.register(cmd.Flags())
	show.out.register(cmd.Flags())
	cmd.Flags().IntVar(&show.maxLines, "max-lines", diffLines, "show at most this `number` of lines from files, and at "+
		"most a quarter of it from one file")
	cmd.Flags().IntVar(&show.maxBytes, "max-bytes", compare.FitsComment, "cut Markdown to this `number` of "+
		"bytes; the default fits comments of GitHub and GitLab")
	cmd.Flags().BoolVar(&show.exitCode, "exit-code", false, "exit with code 4 if the releases differ")
	cmd.Flags().StringSliceVar(&show.failOn, "fail-on", nil,
		"exit with code 4 if there are changes of these `classes`, separated by commas: "+joinClasses()+"; "+
			failOnCut+" stands for changes that are not shown")
	assignGroup(cmd.Flags(), groupOutput)
	return cmd
}

// comparedFlags control how releases are read. A source is read as a build with the same flags and
// release file reads it.
type comparedFlags struct {
	from         sourceFlags
	check        checkFlags
	registryOpts registryFlags
	stamp        formatFlag
}

func (f *comparedFlags) register(flags *pflag.FlagSet) {
	f.from.registerAccess(flags)
	f.from.registerLayout(flags)
	f.check.registerChecks(flags)
	f.registryOpts.register(flags)
	registerStamp(flags, &f.stamp)
}

// diffOptions returns the two releases of a command, and how to read them.
func (a *app) diffOptions(f *comparedFlags, args []string) (opts pipeline.DiffOptions, err error) {
	opts.Limits = f.from.parseLimits()
	if opts.Old, err = a.newOrigin(f, args[0]); err != nil {
		return opts, err
	}
	if opts.New, err = a.newOrigin(f, args[1]); err != nil {
		return opts, err
	}
	if opts.Old.Image != "" && opts.New.Image != "" {
		// --stamp-versions is allowed: pipelines compare the current release with both kinds.
		if err := a.refuseUnused("a release that is a source",
			append(layoutFlags, "group", "strict", "checksums")...); err != nil {
			return opts, err
		}
	}
	if opts.Checks, err = f.check.buildChecks(); err != nil {
		return opts, err
	}
	a.applyRules(&opts.Checks)
	if opts.Registry, err = f.registryOpts.newClient(a); err != nil {
		return opts, err
	}
	opts.Scanner, err = new(scanFlags).newScanner(a, "", nil)
	return opts, err
}

func (a *app) runDiff(cmd *cobra.Command, opts pipeline.DiffOptions, show diffFlags) error {
	report, err := pipeline.Diff(cmd.Context(), opts)
	if err != nil {
		return err
	}
	complete := report.Cut == compare.Cut{}
	switch show.out.value {
	case "json":
		err = report.WriteJSON(a.Out)
	case "markdown":
		complete, err = report.WriteMarkdown(a.Out, show.maxBytes)
	default:
		err = report.WriteText(a.Out, a.useColor(a.Out))
	}
	if err != nil {
		return err
	}
	return show.outcomeError(report, complete)
}

// newOrigin distinguishes images from sources.
func (a *app) newOrigin(f *comparedFlags, arg string) (pipeline.Origin, error) {
	if err := checkImage(arg); err != nil {
		return pipeline.Origin{}, err
	}
	if isImage(arg) {
		return pipeline.Origin{Image: arg}, nil
	}
	input, err := f.from.buildInput(a, arg)
	input.StampVersions = f.stamp.value == stampContent
	return pipeline.Origin{Input: input}, err
}
