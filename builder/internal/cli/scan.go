// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/format"
)

// scanFlags configure the secret scan and its report.
type scanFlags struct {
	policy           string
	policyInSource   bool
	baseline         string
	checkLive        bool
	include, exclude []string
	excludePaths     []string
	reports          []string
	cache            cacheFlags
	known            knownValuesFlag
}

func (f *scanFlags) register(flags *pflag.FlagSet) { f.registerNamed(flags, "report") }

// registerNamed is register with another name for the report flag.
func (f *scanFlags) registerNamed(flags *pflag.FlagSet, reports string) {
	f.registerRules(flags)
	f.known.register(flags)
	flags.StringArrayVar(&f.reports, reports, nil, "write a report to a file, even if the run fails: `FORMAT=FILE`, "+
		"where FORMAT is json, sarif, gitlab (secrets), codequality (GitLab: workspaces), junit, github or human; github "+
		"without a file annotates the job on standard output (repeat)")
	assignGroup(flags, groupOutput)
}

// registerRules registers the flags without those for reports.
func (f *scanFlags) registerRules(flags *pflag.FlagSet) {
	flags.StringVar(&f.policy, "policy", "", "read the scan policy from this `file`, such as scan-policy.yaml")
	flags.BoolVar(&f.policyInSource, "policy-in-source", false, "trust the authors of SOURCE: read the scan "+
		"policy from scan-policy.yaml at its top, if there is one")
	flags.StringVar(&f.baseline, "baseline", "", "accept the findings listed in this `file`, each until its date, such "+
		"as scan-baseline.yaml")
	flags.BoolVar(&f.checkLive, "check-live", false, "check whether each secret is live, by sending it to the service "+
		"that it belongs to")
	flags.StringArrayVar(&f.include, "include-detector", nil, "use only this `detector`: one of TruffleHog by name or "+
		"number, gitleaks, dsul (which knows workspaces), or a rule of gitleaks or dsul (repeat; default: all)")
	flags.StringArrayVar(&f.exclude, "exclude-detector", nil, "do not use this `detector` (repeat)")
	flags.StringArrayVar(&f.excludePaths, "exclude-path", nil, "do not scan paths that match this `glob`, such "+
		"as portal/assets/** (repeat)")
	f.cache.register(flags)
	assignGroup(flags, groupScan)
}

// applyTo configures the scan. A policy file in the source is read once the source is open.
func (f *scanFlags) applyTo(a *app, checks *pipeline.Checks) error {
	if _, err := parseReports(f.reports); err != nil {
		return withCode(exitUsage, err)
	}
	if f.policy != "" && f.policyInSource {
		return withCode(exitUsage, errors.New("--policy and --policy-in-source exclude each other: one of them "+
			"decides"))
	}
	if err := errors.Join(f.cache.open(a), f.known.readValues()); err != nil {
		return err
	}
	if f.policyInSource {
		checks.SourcePolicy = func(data []byte) (*scan.Scanner, error) { return f.newScanner(a, scan.PolicyFile, data) }
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
	checks.Scanner, err = f.newScanner(a, f.policy, data)
	return err
}

// newScanner returns a scanner for a policy file, which may be empty, and the flags, which extend it.
func (f *scanFlags) newScanner(a *app, file string, data []byte) (*scan.Scanner, error) {
	policy, err := scan.ReadPolicy(file, data, newCatalog())
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	policy.ExcludePaths = append(policy.ExcludePaths, f.excludePaths...)
	policy.IncludeDetectors = append(policy.IncludeDetectors, f.include...)
	policy.ExcludeDetectors = append(policy.ExcludeDetectors, f.exclude...)
	policy.Verify = f.checkLive
	selected, err := newDetectors(policy)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if f.known.set != nil {
		selected = slices.Insert(selected, 0, scan.Detector(f.known.set))
	}
	scanner, err := scan.New(policy, selected...)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if f.known.set != nil {
		return scanner, nil // the cache does not record which files lack these values
	}
	f.cache.applyTo(a, scanner)
	return scanner, nil
}

// readFile reads a user's file. Errors name the file.
func readFile(path string) ([]byte, error) { return limit.ReadFile(path, scan.MaxFileSize) }

// scanCommand holds the flags of scan.
type scanCommand struct {
	from     sourceFlags
	scanOpts scanFlags
	write    writeBaselineFlags
	past     historyFlags
	files    filesFlags
	show     progressFlag
	out      formatFlag
	verbose  bool
}

const scanHelp = `Scan looks for secrets in a SOURCE of workspaces, as build does, or in single files, standard
input, staged changes or commits. All but a SOURCE may contain any files, not only workspaces.
Scans of staged changes and commits report only new findings. Baseline entries that match no
finding are errors for a SOURCE only.`

const scanExample = `builder scan workspaces
builder scan shop/index.yml notes.md
kubectl get configmap shop -o yaml | builder scan - --stdin-path shop.yml
# Scan in Git hooks and merge requests.
builder scan --staged
builder scan --since origin/main..HEAD
# Write a report that GitLab shows in the merge request.
builder scan workspaces --report gitlab=gl-secret-detection-report.json
# Accept what is found, for some time.
builder scan workspaces --write-baseline scan-baseline.yaml \
  --owner claims --reason "public keys" --until 2027-01-31`

func (a *app) newScanCommand() *cobra.Command {
	c := scanCommand{out: newFormat(reportFormats()...)}
	cmd := &cobra.Command{
		Use:     "scan SOURCE | FILE… | -",
		Short:   "Scan workspaces or single files for secrets",
		Long:    scanHelp,
		Example: scanExample,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return c.runScan(a, cmd, args) },
	}
	registerFlags(cmd, &c.from, &c.scanOpts, &c.write, &c.past, &c.files, &c.show)
	cmd.Flags().BoolVarP(&c.verbose, "verbose", "v", false, "also list the accepted findings, with owner, "+
		"reason and date")
	c.out.register(cmd.Flags())
	return cmd
}

func (c *scanCommand) runScan(a *app, cmd *cobra.Command, args []string) error {
	single, err := c.files.validateFlags(a, args)
	if err != nil {
		return err
	}
	var checks pipeline.Checks
	if err := c.scanOpts.applyTo(a, &checks); err != nil {
		return err
	}
	c.scanOpts.known.noteUncompared(a)
	if single {
		return c.scanFiles(a, cmd, args, checks)
	}
	if err := c.write.applyTo(a, &checks); err != nil {
		return err
	}
	if err := c.past.applyTo(&checks); err != nil {
		return err
	}
	a.verbose = c.verbose
	reading, err := a.readSource(cmd, args[0], &c.from, checks, c.show)
	err = errors.Join(err, c.scanOpts.writeReports(a, reading, err))
	if reading == nil {
		return err
	}
	return errors.Join(err, c.write.writeBaseline(a, checks.Baseline),
		a.explainDiagnostics(reading, defaultMaxDiagnostics),
		a.writeScan(a.Out, format.Format(c.out.value), reading))
}

// scanFiles scans files or changes instead of a SOURCE.
func (c *scanCommand) scanFiles(a *app, cmd *cobra.Command, args []string, checks pipeline.Checks) (err error) {
	files, closeFiles, err := c.files.openInput(a, args, &c.from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeFiles()) }()
	a.verbose = c.verbose
	reading, err := a.readFiles(cmd, files, checks, c.show)
	err = errors.Join(err, c.scanOpts.writeReports(a, reading, err))
	if reading == nil {
		return err
	}
	return errors.Join(err, a.writeScan(a.Out, format.Format(c.out.value), reading))
}
