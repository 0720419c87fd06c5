// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// standardInput is the argument for standard input.
const standardInput = "-"

// filesFlags select individual files instead of a SOURCE.
type filesFlags struct {
	files      bool
	stdinPath  string
	staged     bool
	since      string
	preReceive bool
}

func (f *filesFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.files, "files", false, "scan every argument as a file, even a single archive, and none as a SOURCE")
	flags.StringVar(&f.stdinPath, "stdin-path", "stdin", "use this `name` for standard input (builder scan -) in reports")
	flags.BoolVar(&f.staged, "staged", false, "scan what is staged in the Git work tree, and report only what HEAD does "+
		"not have")
	flags.StringVar(&f.since, "since", "", "scan what commits add: the commits after this `revision`, such as HEAD~3 or "+
		"a short hash, or those of a range A..B")
	flags.BoolVar(&f.preReceive, "pre-receive", false, "scan what a push adds, as the Git hook pre-receive: standard "+
		"input has a line OLD NEW REF for each reference")
	assignGroup(flags, groupScan)
}

// sourceOnlyFlags are flags of scan that require a SOURCE.
var sourceOnlyFlags = slices.Concat([]string{"ref", "history", "since-commit", "policy-in-source", "write-baseline",
	"max-total-size", "max-files"},
	proposalFlags, gitFlags, layoutFlags)

// selectsChanges reports whether changes of a Git repository are scanned.
func (f *filesFlags) selectsChanges() bool { return f.staged || f.since != "" || f.preReceive }

// validateFlags reports whether the arguments select files or changes instead of a SOURCE.
func (f *filesFlags) validateFlags(a *app, args []string) (bool, error) {
	if err := f.checkArguments(a, args); err != nil {
		return false, usageError(a.running, err)
	}
	single := f.countExclusive(args) > 0 || len(args) != 1 || isSingleFile(args[0])
	if !single {
		return false, nil
	}
	if err := a.refuseUnused("a SOURCE", sourceOnlyFlags...); err != nil {
		return false, err
	}
	if !f.selectsChanges() {
		return true, a.refuseUnused("--staged, --since or a SOURCE", "subdir")
	}
	return true, nil
}

// countExclusive counts the selections other than a SOURCE and files.
func (f *filesFlags) countExclusive(args []string) int {
	n := 0
	for _, on := range []bool{f.staged, f.since != "", f.preReceive, f.files, slices.Contains(args, standardInput)} {
		if on {
			n++
		}
	}
	return n
}

func (f *filesFlags) checkArguments(a *app, args []string) error {
	switch exclusive := f.countExclusive(args); {
	case exclusive > 1:
		return errors.New("--staged, --since, --pre-receive, --files and - for standard input exclude each other")
	case f.selectsChanges() && len(args) > 1:
		return fmt.Errorf("want one directory of the Git work tree, or none for the current one, but got %d", len(args))
	case slices.Contains(args, standardInput) && len(args) > 1:
		return errors.New("- (standard input) must be the only argument")
	case a.given["stdin-path"] && !slices.Contains(args, standardInput):
		return errors.New("--stdin-path has no effect here: it needs - for standard input")
	case exclusive == 0 && len(args) == 0:
		return errors.New("nothing to scan: pass a SOURCE, files, or - for standard input, or use " +
			"--staged or --since")
	}
	return nil
}

// isSingleFile reports whether an argument is a file, not a directory, archive or Git repository.
func isSingleFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir() && !source.IsArchive(arg)
}

// openInput returns the files to scan. The caller must call close after the scan.
func (f *filesFlags) openInput(a *app, args []string,
	from *sourceFlags) (files pipeline.Files, closeFiles func() error, err error) {
	closeFiles = func() error { return nil }
	maxSize := from.parseLimits().FileSize
	switch {
	case f.selectsChanges():
		return f.openChanges(a, args, from)
	case slices.Contains(args, standardInput):
		name, err := source.CleanName(f.stdinPath)
		if err != nil {
			return files, nil, withCode(exitUsage, fmt.Errorf("--stdin-path: %w", err))
		}
		files.Title = "scan standard input"
		files.Walk = func(_ context.Context, fn func(source.Version) error) error {
			return source.ReadStream(a.In, name, maxSize, fn)
		}
	default:
		files.Title = fmt.Sprintf("scan the files given (%d)", len(args))
		files.Walk = func(ctx context.Context, fn func(source.Version) error) error {
			return source.ReadFiles(ctx, args, maxSize, fn)
		}
	}
	return files, closeFiles, nil
}

// openChanges opens the repository whose changes are scanned.
func (f *filesFlags) openChanges(a *app, args []string, from *sourceFlags) (pipeline.Files, func() error, error) {
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	opened, err := source.OpenChanges(dir, source.ChangeOptions{
		Subdir: from.subdir,
		Limits: from.parseLimits(),
		Getenv: a.getenv,
	})
	if err != nil {
		return pipeline.Files{}, nil, withCode(exitSource, err)
	}
	files := pipeline.Files{Before: opened.Before, Subdir: from.subdir, Notify: a.notes.addNote}
	switch {
	case f.staged:
		files.Title = "scan what is staged"
		files.Walk = opened.Staged
	case f.since != "":
		files.Title = "scan what the commits add"
		files.Walk = func(ctx context.Context, fn func(source.Version) error) error {
			commits, err := opened.Since(ctx, f.since, fn)
			if err == nil {
				a.notes.addNote(fmt.Sprintf("commits of %s that were scanned: %d", f.since, commits))
			}
			return err
		}
	default:
		files.Title = "scan what the push adds"
		files.Walk = func(ctx context.Context, fn func(source.Version) error) error {
			_, err := opened.Pushed(ctx, a.In, fn)
			return err
		}
	}
	return files, opened.Close, nil
}

// readFiles scans files or changes. It shows no progress by default, because hooks should be quiet.
func (a *app) readFiles(cmd *cobra.Command, files pipeline.Files, checks pipeline.Checks,
	show progressFlag) (*pipeline.Reading, error) {
	if show.mode == "auto" {
		show = progressFlag{"quiet"}
	}
	display, err := show.newDisplay(a)
	if err != nil {
		return nil, err
	}
	reading, err := pipeline.ScanFiles(cmd.Context(), display, files, checks)
	return reading, errors.Join(err, display.Close())
}
