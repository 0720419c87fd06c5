// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/dossier"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
)

const dossierHelp = `Dossier writes one HTML page about the change from release OLD to release NEW, for a change
ticket: who, what and when, a summary of the risks, permissions and new hosts, the changes, the
import order, values to set, accepted findings, the result of verify, how to roll back and what
that does not undo, and space for the approval.

The page needs no script and no other file, and can be printed. OLD and NEW are as for builder
diff, and secrets are hidden in the same way.`

// dossierFlags configure the page.
type dossierFlags struct {
	out      string
	ticket   string
	author   string
	baseline string
	maxLines int
	noVerify bool
	skipBase bool
}

func (f *dossierFlags) register(flags *pflag.FlagSet) {
	flags.StringVarP(&f.out, "output", "o", "", "write the page to this `file` (required)")
	flags.StringVar(&f.ticket, "ticket", "", "show this `number` or name of the change in the heading")
	flags.StringVar(&f.author, "author", "", "show this `name` as the person who requests the change")
	flags.StringVar(&f.baseline, "baseline", "", "show who accepted which finding, from this baseline `file`")
	flags.IntVar(&f.maxLines, "max-lines", diffLines, "show at most this `number` of lines from files, and at most a "+
		"quarter of it from one file")
	flags.BoolVar(&f.noVerify, "no-verify", false, "do not verify the new image")
	flags.BoolVar(&f.skipBase, "skip-base", false, "verify without reading the base, for machines that cannot reach it")
	assignGroup(flags, groupOutput)
}

func (f *dossierFlags) validateFlags() error {
	switch {
	case f.out == "":
		return errors.New("--output is required: the file to write")
	case f.maxLines < 0:
		return errors.New("--max-lines cannot be negative")
	}
	return report.CheckPath(f.out)
}

func (a *app) newDossierCommand() *cobra.Command {
	var of comparedFlags
	var page dossierFlags
	cmd := &cobra.Command{
		Use:   "dossier OLD NEW --output FILE",
		Short: "Write an HTML page for the approval of a new release",
		Example: `builder dossier registry.example.com/ai/release:2.3.0 \
  registry.example.com/ai/release:2.4.0 --output change.html \
  --ticket CHG0012345 --author "Ada Lovelace"`,
		Long: dossierHelp,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := page.validateFlags(); err != nil {
				return usageError(cmd, err)
			}
			opts, err := a.diffOptions(&of, args)
			if err != nil {
				return err
			}
			opts.MaxLines = page.maxLines
			return a.writeDossier(cmd, opts, page)
		},
	}
	registerFlags(cmd, &of, &page)
	return cmd
}

func (a *app) writeDossier(cmd *cobra.Command, opts pipeline.DiffOptions, page dossierFlags) error {
	d := dossier.Dossier{Ticket: page.ticket, Author: page.author}
	epoch, err := a.readEpoch()
	if err != nil {
		return withCode(exitUsage, err)
	}
	d.Created = time.Now()
	if epoch != nil {
		d.Created = *epoch
	}
	if page.baseline != "" {
		baseline, err := readBaseline(page.baseline)
		if err != nil {
			return err
		}
		d.Acceptances = baseline.Acceptances()
	}
	compared, err := pipeline.Compare(cmd.Context(), opts)
	if err != nil {
		return err
	}
	d.Report = compared.Report
	d.Older = compared.Older
	d.Newer = compared.Newer
	d.Hide = compared.Hide
	switch {
	case page.noVerify:
		d.NotVerified = "--no-verify was given"
	case opts.New.Image == "":
		d.NotVerified = "the new release is a source and not an image"
	default:
		d.Verified, err = pipeline.Verify(cmd.Context(), pipeline.VerifyOptions{
			Image: opts.New.Image, Registry: opts.Registry, Limits: opts.Limits,
			SkipBase: page.skipBase, AllowMissingAttestations: true,
		})
		if err != nil {
			return err
		}
	}
	var out bytes.Buffer
	if err := d.Write(&out); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(page.out, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = fmt.Fprintf(a.Err, "wrote %s\n", page.out)
	return err
}
