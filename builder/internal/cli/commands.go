// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/version"
)

func (a *app) newVersionCommand() *cobra.Command {
	out := newFormat("text", "json")
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version and the versions of key dependencies",
		Example: `builder version
builder version --format json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versions{
				Info:       version.Get(),
				BuildKit:   version.Module("github.com/moby/buildkit"),
				TruffleHog: version.Module("github.com/trufflesecurity/trufflehog/v3"),
			}
			if out.value == "json" {
				return document.Write(a.Out, v)
			}
			_, err := fmt.Fprintf(a.Out, "builder %s (%s, %s)\nBuildKit %s\nTruffleHog %s\n", v.Version, v.Go,
				v.Platform, v.BuildKit, v.TruffleHog)
			return err
		},
	}
	out.register(cmd.Flags())
	return cmd
}

type versions struct {
	version.Info
	BuildKit   string `json:"buildkit"`
	TruffleHog string `json:"trufflehog"`
}

func (a *app) newValidateCommand() *cobra.Command {
	var from sourceFlags
	var check checkFlags
	var reports validationReports
	out := newFormat("human", "json")
	cmd := &cobra.Command{
		Use:   "validate SOURCE",
		Short: "Validate the workspaces and report all problems",
		Example: `# Validate the workspaces of a directory.
builder validate workspaces
# Validate a branch on a Git server, and treat warnings as errors.
builder validate https://git.example.com/ai/workspaces.git#main --strict
# Validate with the groups and rules of a release file, for a program.
builder validate . --config release.yaml --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := check.buildChecks()
			if err != nil {
				return err
			}
			if out.value != "human" {
				if err := a.refuseUnused("--format human", maxDiagnosticsFlag); err != nil {
					return err
				}
			}
			targets, err := reports.reportTargets()
			if err != nil {
				return usageError(cmd, err)
			}
			reading, err := a.readSource(cmd, args[0], &from, checks, onTerminal)
			if exitCode(err) != exitUsage {
				err = errors.Join(err, a.writeReports(targets, reading, err))
			}
			if reading == nil {
				return err
			}
			if out.value == "json" {
				return errors.Join(err, reading.Report().WriteJSON(a.Out))
			}
			return errors.Join(err, a.writeDiagnostics(a.Out, reading, check.maxDiagnostics))
		},
	}
	registerFlags(cmd, &from, &check, &reports, &out)
	return cmd
}

func (a *app) newPlanCommand() *cobra.Command {
	var from sourceFlags
	var check checkFlags
	out := newFormat("text", "json", "dot", "mermaid")
	cmd := &cobra.Command{
		Use:   "plan SOURCE",
		Short: "Print the order in which the platform imports the workspaces",
		Example: `builder plan workspaces
builder plan workspaces --group base1 --group extended
# Draw the plan with Graphviz.
builder plan workspaces --format dot | dot -Tsvg > plan.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := check.buildChecks()
			if err != nil {
				return err
			}
			reading, err := a.readSource(cmd, args[0], &from, checks, onTerminal)
			if reading == nil {
				return err
			}
			if diagnostic.Count(reading.Diagnostics, diagnostic.Error) > 0 {
				return errors.Join(err, a.writeDiagnostics(a.Err, reading, check.maxDiagnostics))
			}
			return errors.Join(err, writePlan(a.Out, out.value, reading.Plan))
		},
	}
	registerFlags(cmd, &from, &check, &out)
	return cmd
}

func writePlan(w io.Writer, format string, plan *workspace.Plan) error {
	switch format {
	case "json":
		return plan.WriteJSON(w)
	case "dot":
		return plan.WriteDOT(w)
	case "mermaid":
		return plan.WriteMermaid(w)
	default:
		return plan.WriteText(w)
	}
}

// readSource runs checks that only need the source.
func (a *app) readSource(
	cmd *cobra.Command, arg string, from *sourceFlags, checks pipeline.Checks, show progressFlag,
) (*pipeline.Reading, error) {
	input, err := from.buildInput(a, arg)
	if err != nil {
		return nil, err
	}
	a.applyRules(&checks)
	display, err := show.newDisplay(a)
	if err != nil {
		return nil, err
	}
	reading, err := pipeline.Read(cmd.Context(), display, input, checks)
	return reading, errors.Join(err, display.Close())
}

// writeDiagnostics writes at most that many diagnostics as text.
func (a *app) writeDiagnostics(w io.Writer, reading *pipeline.Reading, most maxCount) error {
	return reading.Report().WriteHuman(w, diagnostic.Human{Color: a.useColor(w), Max: int(most)})
}
