// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/format"
)

// scanFlags say how secrets are looked for, and where the report goes.
type scanFlags struct {
	policy           string
	policyInSource   bool
	baseline         string
	verify           bool
	include, exclude []string
	excludePaths     []string
	reports          []string
	cache            cacheFlags
}

func (f *scanFlags) register(flags *pflag.FlagSet) { f.registerNamed(flags, "report") }

// registerNamed is register with another name for the flag of reports.
func (f *scanFlags) registerNamed(flags *pflag.FlagSet, reports string) {
	f.registerRules(flags)
	flags.StringArrayVar(&f.reports, reports, nil, "write a report, too, also if the run fails: `FORMAT=FILE` with a format of json, sarif, gitlab (secrets), "+
		"codequality (of GitLab: workspaces), junit, github and human; github alone annotates the job, on standard output (repeat)")
}

// registerRules leaves out the reports.
func (f *scanFlags) registerRules(flags *pflag.FlagSet) {
	flags.StringVar(&f.policy, "policy", "", "`file` with the scan policy (scan-policy.yaml)")
	flags.BoolVar(&f.policyInSource, "policy-in-source", false, "let the authors of the workspaces decide: use the scan-policy.yaml at the top of SOURCE, if there is one")
	flags.StringVar(&f.baseline, "baseline", "", "`file` with findings that are accepted until a date (scan-baseline.yaml)")
	flags.BoolVar(&f.verify, "verify", false, "ask the services that secrets belong to whether they are live (sends candidates to them)")
	flags.StringArrayVar(&f.include, "include-detector", nil, "`detector` to use: of TruffleHog by name or number, dsul for the one that knows workspaces, or one of its rules (repeat; default: all)")
	flags.StringArrayVar(&f.exclude, "exclude-detector", nil, "`detector` not to use (repeat)")
	flags.StringArrayVar(&f.excludePaths, "exclude-path", nil, "`glob` of paths that are not scanned, such as portal/assets/** (repeat)")
	f.cache.register(flags)
}

// apply says what to scan. What a policy file of the source asks for is known when
// the source is open.
func (f *scanFlags) apply(checks *pipeline.Checks) error {
	if _, err := parseReports(f.reports); err != nil {
		return withCode(exitUsage, err)
	}
	if f.policy != "" && f.policyInSource {
		return withCode(exitUsage, errors.New("--policy and --policy-in-source exclude each other: one of them decides"))
	}
	if err := f.cache.readKey(); err != nil {
		return err
	}
	if f.policyInSource {
		checks.SourcePolicy = func(data []byte) (*scan.Scanner, error) { return f.scanner(scan.PolicyFile, data) }
	}
	var err error
	if f.baseline != "" {
		if checks.Baseline, err = readBaseline(f.baseline); err != nil {
			return err
		}
	}
	var data []byte
	if f.policy != "" {
		if data, err = readFile(f.policy); err != nil {
			return withCode(exitUsage, fmt.Errorf("read scan policy: %w", err))
		}
	}
	checks.Scanner, err = f.scanner(f.policy, data)
	return err
}

// scanner makes a scanner of a policy file, which may be empty, and of the flags, which
// add to it.
func (f *scanFlags) scanner(file string, data []byte) (*scan.Scanner, error) {
	policy, err := scan.ReadPolicy(file, data, catalog())
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	policy.ExcludePaths = append(policy.ExcludePaths, f.excludePaths...)
	policy.IncludeDetectors = append(policy.IncludeDetectors, f.include...)
	policy.ExcludeDetectors = append(policy.ExcludeDetectors, f.exclude...)
	policy.Verify = f.verify
	selected, err := detectors(policy)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	scanner, err := scan.New(policy, selected...)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return scanner, f.cache.apply(scanner)
}

// readFile reads a file that somebody wrote, up to a little more than it may have.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, scan.MaxFileSize+1))
}

func (a *app) scan() *cobra.Command {
	var from sourceFlags
	var look scanFlags
	var write writeBaselineFlag
	var past historyFlags
	var show progressFlag
	out := newFormat(reportFormats()...)
	cmd := &cobra.Command{
		Use:   "scan SOURCE",
		Short: "Look for secrets in the workspaces",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var checks pipeline.Checks
			if err := look.apply(&checks); err != nil {
				return err
			}
			if err := write.apply(&checks); err != nil {
				return err
			}
			if err := past.apply(&checks); err != nil {
				return err
			}
			reading, err := a.read(cmd, args[0], &from, checks, show)
			err = errors.Join(err, look.write(a, reading, err))
			if reading == nil {
				return err
			}
			return errors.Join(err, write.write(a, checks.Baseline, reading.Scan), a.explainDiagnostics(reading, defaultMaxDiagnostics),
				a.writeScan(a.Out, format.Format(out.value), reading))
		},
	}
	from.register(cmd.Flags())
	look.register(cmd.Flags())
	write.register(cmd.Flags())
	past.register(cmd.Flags())
	show.register(cmd.Flags())
	cmd.Flags().Var(&out, "format", "output format")
	return cmd
}
