// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cli implements the builder's command line. [Run] is the whole program with injected
// streams and environment, so tests need no process.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/config"
	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/ruleset"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/internal/version"
)

// IO holds the streams and the environment of the program.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// Env is the environment as KEY=value.
	Env []string
}

// Run runs the builder with args (without the program's name) and returns its exit code.
func Run(ctx context.Context, args []string, streams IO) int {
	a := &app{IO: streams, env: parseEnvironment(streams.Env)}
	root := a.newRootCommand()
	root.SetArgs(args)
	if isCompletion(args) {
		unquoteUsage(root)
	}
	err := root.ExecuteContext(ctx)
	if err != nil {
		a.printError(err)
	}
	return exitCode(err)
}

// app is the state shared by all commands.
type app struct {
	IO
	env        map[string]string
	configFile string
	printOnly  bool
	// rules and externalApps come from the release file.
	rules        *ruleset.Set
	externalApps []string
	// running is the executed command, and given holds the flags on its command line.
	running *cobra.Command
	given   map[string]bool
	// verbose lists accepted findings.
	verbose bool
	// notes are printed at the end of the command, below its progress.
	notes notes
	// release is the name of the release in the release file.
	release string
}

// releaseName returns the name of the release, even if the command has no flag for it.
func (a *app) releaseName() string {
	if f := a.running.Flags().Lookup("release"); f != nil {
		return f.Value.String()
	}
	return cmp.Or(a.env[config.EnvName("release")], a.release)
}

func (a *app) getenv(key string) string { return a.env[key] }

func (a *app) newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "builder",
		Short:         "Make release images of Prisme.ai workspaces",
		Long:          rootHelp,
		Example:       rootExample,
		Version:       version.Get().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError(cmd, suggestCommand(cmd, args, err))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.writeHelp(cmd, a.Out) },
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd,
			suggestFlag(cmd, explainFlag(err)))
	})
	root.SetVersionTemplate("builder {{.Version}}\n")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = a.writeHelp(cmd, a.Out) })
	root.SetHelpCommand(a.newHelpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "read settings from this release `file`, such "+
		"as release.yaml")
	root.PersistentFlags().BoolVar(&a.printOnly, "print-config", false, "print all settings with their values, and exit")
	assignGroup(root.PersistentFlags(), groupGeneral)
	root.AddCommand(
		a.newBuildCommand(), a.newValidateCommand(), a.newRulesCommand(), a.newFormatCommand(), a.newMergeDriverCommand(),
		a.newScanCommand(), a.newBaselineCommand(), a.newPlanCommand(), a.newInspectCommand(), a.newDiffCommand(),
		a.newDossierCommand(), a.newVerifyCommand(), a.newRequirementsCommand(), a.newBulkPushCommand(),
		a.newTransferCommand(), a.newVersionCommand(),
	)
	for _, cmd := range listRunnable(root) {
		a.prepareCommand(root, cmd)
	}
	root.AddCommand(a.newCompletionCommand())
	root.InitDefaultHelpCmd()
	return root
}

// listRunnable lists the commands that can be run, excluding root and command groups.
func listRunnable(root *cobra.Command) (list []*cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() {
			list = append(list, listRunnable(cmd)...)
		} else {
			list = append(list, cmd)
		}
	}
	return list
}

// prepareCommand makes a command resolve its settings before it runs, turns wrong arguments into usage
// errors, and enables shell completion of flag values.
func (a *app) prepareCommand(root, cmd *cobra.Command) {
	completeValues(cmd)
	args := cmd.Args
	run := cmd.RunE
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if a.printOnly {
			return nil
		}
		if err := args(cmd, given); err != nil {
			return usageError(cmd, err)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		a.running = cmd
		a.given = givenFlags(cmd.Flags())
		if err := a.resolveSettings(root, cmd); err != nil {
			return withCode(exitUsage, err)
		}
		if a.printOnly {
			return config.Print(a.Out, cmd.Flags())
		}
		defer a.notes.writeNotes(a.Err)
		return run(cmd, given)
	}
}

func (a *app) resolveSettings(root, cmd *cobra.Command) error {
	if a.configFile == "" {
		a.configFile = a.env[config.EnvName("config")]
	}
	var file *config.File
	if a.configFile != "" {
		var err error
		if file, err = config.ReadFile(a.configFile); err != nil {
			return err
		}
		a.release = file.Release
		if err := a.readRules(file); err != nil {
			return err
		}
	}
	return config.Resolve(cmd.Name(), cmd.Flags(), a.env, file, flagNames(root),
		append(git.EnvNames(), apiTokenEnvs()...))
}

// flagNames lists the flags of all commands, also prefixed with the command: one environment may
// serve several commands.
func flagNames(root *cobra.Command) []string {
	var names []string
	for _, cmd := range append(listRunnable(root), root) {
		add := func(f *pflag.Flag) { names = append(names, f.Name, cmd.Name()+"-"+f.Name) }
		cmd.Flags().VisitAll(add)
		cmd.PersistentFlags().VisitAll(add)
	}
	return names
}

// printError prints the parts of an error that the command has not printed.
func (a *app) printError(err error) {
	if err = unreportedErrors(err); err != nil && !a.isReaderGone(err) {
		fmt.Fprintf(a.Err, "builder: %s\n", terminal.Lines(err.Error()))
	}
}

// isReaderGone reports whether the reader of the output has ended, as in "builder plan . | head".
// A build reports it, because it has pushed an image whose summary is lost.
func (a *app) isReaderGone(err error) bool {
	return isBrokenPipe(err) && a.running != nil && a.running.Name() != "build"
}

// unreportedErrors returns the parts of a joined error that have not been printed yet.
func unreportedErrors(err error) error {
	known, ok := errors.AsType[*exitError](err)
	joined, several := err.(interface{ Unwrap() []error })
	switch {
	case ok && several:
		var left []error
		for _, err := range joined.Unwrap() {
			left = append(left, unreportedErrors(err))
		}
		return errors.Join(left...)
	case ok && known.reported:
		return nil
	}
	return err
}

func (a *app) tempDir() string {
	if dir := a.env["TMPDIR"]; dir != "" {
		return dir
	}
	return os.TempDir()
}

func parseEnvironment(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		m[key] = value
	}
	return m
}
