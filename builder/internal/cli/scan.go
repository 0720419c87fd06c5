// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/scan"
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
	flags.StringArrayVar(&f.reports, "report", nil, "write the scan report: `json=FILE` (repeat)")
}

func (f *scanFlags) scanner() (*scan.Scanner, error) {
	for _, text := range f.reports {
		if _, err := reportFile(text); err != nil {
			return nil, withCode(exitUsage, err)
		}
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

func reportFile(text string) (path string, err error) {
	path, ok := strings.CutPrefix(text, "json=")
	if !ok || path == "" {
		return "", fmt.Errorf("report %q is not json=FILE", text)
	}
	return path, report.CheckPath(path)
}

// write writes the report files. A reading without a scan has none.
func (f *scanFlags) write(reading *pipeline.Reading) error {
	if reading == nil || reading.Scan == nil {
		return nil
	}
	var errs []error
	for _, text := range f.reports {
		path, err := reportFile(text)
		if err == nil {
			err = writeReport(path, reading.Scan)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func writeReport(path string, scanned *scan.Report) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	defer file.Cleanup()
	if err := scanned.WriteJSON(file); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (a *app) scan() *cobra.Command {
	var from sourceFlags
	var look scanFlags
	var show progressFlag
	out := newFormat("human", "json")
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
			return errors.Join(err, look.write(reading), a.writeScan(a.Out, out.value, reading))
		},
	}
	from.register(cmd.Flags())
	look.register(cmd.Flags())
	show.register(cmd.Flags())
	cmd.Flags().Var(&out, "format", "output format")
	return cmd
}

func (a *app) writeScan(w io.Writer, format string, reading *pipeline.Reading) error {
	if format == "json" {
		return reading.Scan.WriteJSON(w)
	}
	return errors.Join(a.writeDiagnostics(a.Err, "human", reading.Diagnostics), reading.Scan.WriteHuman(w))
}
