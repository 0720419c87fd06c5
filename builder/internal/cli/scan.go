// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/format"
)

// scanFlags say how secrets are looked for, and where the report goes.
type scanFlags struct {
	verify           bool
	include, exclude []string
	excludePaths     []string
	reports          []string
}

func (f *scanFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.verify, "verify", false, "ask the services that secrets belong to whether they are live (sends candidates to them)")
	flags.StringArrayVar(&f.include, "include-detector", nil, "`detector` to use: of TruffleHog by name or number, dsul for the one that knows workspaces, or one of its rules (repeat; default: all)")
	flags.StringArrayVar(&f.exclude, "exclude-detector", nil, "`detector` not to use (repeat)")
	flags.StringArrayVar(&f.excludePaths, "exclude-path", nil, "`glob` of paths that are not scanned, such as portal/assets/** (repeat)")
	flags.StringArrayVar(&f.reports, "report", nil, "write the scan report, too: `FORMAT=FILE` with a format of json, sarif, gitlab, junit, github and human; github alone annotates the job, on standard output (repeat)")
}

func (f *scanFlags) scanner() (*scan.Scanner, error) {
	if _, err := parseReports(f.reports); err != nil {
		return nil, withCode(exitUsage, err)
	}
	detectors, err := f.detectors()
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	scanner, err := scan.New(scan.Policy{
		ExcludePaths: f.excludePaths, IncludeDetectors: f.include, ExcludeDetectors: f.exclude, Verify: f.verify,
	}, detectors...)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return scanner, nil
}

func (a *app) scan() *cobra.Command {
	var from sourceFlags
	var look scanFlags
	var show progressFlag
	out := newFormat(reportFormats()...)
	cmd := &cobra.Command{
		Use:   "scan SOURCE",
		Short: "Look for secrets in the workspaces",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scanner, err := look.scanner()
			if err != nil {
				return err
			}
			reading, err := a.read(cmd, args[0], &from, pipeline.Checks{Scanner: scanner}, show)
			if reading == nil {
				return err
			}
			return errors.Join(err, a.explainDiagnostics(reading), a.writeScan(a.Out, format.Format(out.value), reading), look.write(a, reading))
		},
	}
	from.register(cmd.Flags())
	look.register(cmd.Flags())
	show.register(cmd.Flags())
	cmd.Flags().Var(&out, "format", "output format")
	return cmd
}
