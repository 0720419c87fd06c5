// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/prismeai/workspaces-release/builder/internal/audit"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/scan"
)

func (a *app) newBaselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Audit and count the accepted findings of a baseline",
		Example: `builder baseline audit scan-baseline.yaml workspaces
builder baseline stats scan-baseline.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError(cmd, err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.writeHelp(cmd, a.Out) },
	}
	cmd.AddCommand(a.newAuditCommand(), a.newStatsCommand())
	return cmd
}

// baselineFlags control the scan of a baseline's source.
type baselineFlags struct {
	from     sourceFlags
	scanOpts scanFlags
}

func (f *baselineFlags) register(flags *pflag.FlagSet) {
	f.from.register(flags)
	f.scanOpts.registerRules(flags)
	f.scanOpts.known.register(flags)
}

// scanSource scans the source with the baseline.
func (f *baselineFlags) scanSource(a *app, cmd *cobra.Command, source string,
	baseline *scan.Baseline) (*scan.Report, error) {
	if a.given["baseline"] {
		return nil, usageError(cmd, errors.New("--baseline has no effect here: FILE is the baseline"))
	}
	var checks pipeline.Checks
	f.scanOpts.baseline = ""
	if err := f.scanOpts.applyTo(a, &checks); err != nil {
		return nil, err
	}
	f.scanOpts.known.noteUncompared(a)
	checks.Baseline = baseline
	reading, err := a.readSource(cmd, source, &f.from, checks, onTerminal)
	if reading == nil {
		return nil, err
	}
	return reading.Scan, nil
}

const auditHelp = `Audit scans SOURCE (default: the current directory). For each secret that the baseline in
FILE does not accept, it asks what to do: accept it, with owner, reason and last day; mark it
as a real leak; or skip it. One decision holds for all places of a secret. FILE is written
after each decision; it need not exist.

Audit needs a terminal, which may be a remote one. It shows no more of a secret than a
scan prints.`

func (a *app) newAuditCommand() *cobra.Command {
	var flags baselineFlags
	var p scan.Proposal
	cmd := &cobra.Command{
		Use:     "audit FILE [SOURCE]",
		Short:   "Decide in a terminal on the findings that a baseline does not accept",
		Long:    auditHelp,
		Example: "builder baseline audit scan-baseline.yaml workspaces --owner claims",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runAudit(cmd, append(args, ".")[:2], &flags, p)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringVar(&p.Owner, "owner", "", "propose this `team` as the owner of accepted findings")
	cmd.Flags().StringVar(&p.Reason, "reason", "", "propose this `text` as the reason")
	cmd.Flags().StringVar(&p.Expires, "until", "", "propose this `day` as the last day of acceptance, such as "+
		"2027-01-31 (default: 90 days from now)")
	assignGroup(cmd.Flags(), groupBaseline)
	return cmd
}

func (a *app) runAudit(cmd *cobra.Command, args []string, flags *baselineFlags, p scan.Proposal) error {
	in, isFile := a.In.(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) || !terminal.IsTerminal(a.Out) {
		return usageError(cmd, errors.New("an audit needs a terminal, but standard input or output is not one: "+
			"in a script, use builder scan SOURCE --write-baseline FILE --owner TEAM --reason TEXT --until DAY"))
	}
	now := time.Now()
	dates := scan.Proposal{Expires: p.Expires}
	if err := dates.Check(now); err != nil {
		return usageError(cmd, fmt.Errorf("--until: %w", err))
	}
	if p.Expires == "" {
		p.Expires = now.UTC().AddDate(0, 0, scan.AcceptedDays).Format(time.DateOnly)
	}
	if err := report.CheckPath(args[0]); err != nil {
		return withCode(exitUsage, err)
	}
	baseline, err := readBaseline(args[0])
	if errors.Is(err, fs.ErrNotExist) {
		baseline = scan.NewBaseline(args[0])
	} else if err != nil {
		return err
	}
	baseline = baseline.Audited()
	found, err := flags.scanSource(a, cmd, args[1], baseline)
	if err != nil {
		return err
	}
	session := audit.Session{
		In: in, Out: a.Out, Baseline: baseline, Proposal: p, Now: now,
		Save: func(b *scan.Baseline) error { return saveBaseline(args[0], b) },
	}
	return a.runSession(cmd, in, &session, baseline.Undecided(found))
}

// runSession runs the session in the terminal, and restores the terminal afterwards.
func (a *app) runSession(cmd *cobra.Command, in *os.File, session *audit.Session, cases []scan.Case) error {
	if len(cases) == 0 {
		_, err := fmt.Fprintln(a.Out, "There is nothing to decide: every secret is accepted, or marked as a real leak.")
		return err
	}
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("set up the terminal: %w", err)
	}
	sum, err := session.Run(cmd.Context(), cases)
	err = errors.Join(err, term.Restore(int(in.Fd()), state))
	fmt.Fprintf(a.Out, "\naccepted: %d, real leaks: %d, skipped: %d, not decided: %d\n", sum.Accepted, sum.Real,
		sum.Skipped, sum.Left)
	return err
}

func (a *app) newStatsCommand() *cobra.Command {
	var flags baselineFlags
	out := newFormat("text", "json")
	cmd := &cobra.Command{
		Use:   "stats FILE [SOURCE]",
		Short: "Count the entries of a baseline by rule, owner and expiry",
		Long: "Stats counts the entries of a baseline by rule, owner and month of expiry. It scans SOURCE,\n" +
			"if given, and lists the stale entries, which match no finding.",
		Example: `builder baseline stats scan-baseline.yaml
builder baseline stats scan-baseline.yaml workspaces --format json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			baseline, err := readBaseline(args[0])
			if err != nil {
				return err
			}
			var found *scan.Report
			if len(args) > 1 {
				if found, err = flags.scanSource(a, cmd, args[1], baseline.Partial()); err != nil {
					return err
				}
			}
			stats := baseline.Stats(found, time.Now())
			if out.value == "json" {
				return document.Write(a.Out, stats)
			}
			return writeStats(a.Out, stats)
		},
	}
	registerFlags(cmd, &flags, &out)
	return cmd
}

func writeStats(w io.Writer, s scan.Stats) error {
	_, err := fmt.Fprintf(w, "%d entries: %d accept findings, %d of them expire within 30 days; %d have "+
		"expired, %d lack an owner or a reason, %d are real leaks\n",
		s.Entries, s.Accepting, s.ExpiringSoon, s.Expired, s.Incomplete, s.Real)
	for _, group := range []struct {
		title string
		list  []scan.NamedCount
	}{{"by rule", s.ByRule}, {"by owner", s.ByOwner}, {"by month of expiry", s.ByExpiry}} {
		if len(group.list) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s:\n", group.title)
		for _, c := range group.list {
			name := c.Name
			if name == "" {
				name = "(none)"
			}
			fmt.Fprintf(w, "  %5d  %s\n", c.Entries, terminal.Lines(name))
		}
	}
	if s.Stale != nil {
		fmt.Fprintf(w, "\nstale, because they match no finding: %d\n", *s.Stale)
		for _, entry := range s.Unused {
			fmt.Fprintf(w, "  %s\n", entry)
		}
	}
	return err
}
