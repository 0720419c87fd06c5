// SPDX-License-Identifier: Apache-2.0

// Package cli implements the sidecar's command line. [Run] takes its streams and environment as
// arguments, so tests run it in process.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

// IO holds the output streams and the environment of the program.
type IO struct {
	Out, Err io.Writer
	// Env holds the environment as KEY=value.
	Env []string
}

// Run runs the sidecar with args, which exclude the program name, and returns the exit code.
func Run(ctx context.Context, args []string, streams IO) int {
	a := &app{IO: streams, env: parseEnvironment(streams.Env)}
	err := a.dispatch(ctx, args)
	a.writeUsageError(args, err)
	if err != nil && !isPrinted(err) {
		fmt.Fprintf(a.Err, "sidecar: %v\n", err)
	}
	return exitCode(ctx, err)
}

// app is the state shared by all commands.
type app struct {
	IO
	env map[string]string
}

// command is a subcommand.
type command struct {
	name, summary, description string
	// examples holds shell lines for the help page.
	examples string
	run      func(ctx context.Context, args []string) error
	// flags returns the flags for the help page, or nil if the command takes the settings.
	flags func() *flag.FlagSet
	// ownsContainer is true if the command is the main process of a container, so that Kubernetes
	// reads its termination message.
	ownsContainer bool
}

func (a *app) commands() []command {
	return []command{
		{name: "run", run: a.runAgent, flags: settingsFlags, ownsContainer: true, examples: runExample,
			summary:     "Import the release, watch it, and serve probes and metrics",
			description: runDescription},
		{name: "once", run: a.runOnce, flags: settingsFlags, ownsContainer: true, examples: onceExample,
			summary: "Import the release and exit once it is confirmed or has failed"},
		{name: "check", run: a.runCheck, flags: settingsFlags, examples: checkExample,
			summary:     "Check settings, files and platform without changing anything",
			description: checkDescription},
		{name: "status", run: a.runStatus, examples: statusExample,
			flags:       func() *flag.FlagSet { return new(statusFlags).newFlagSet(a.env) },
			summary:     "Print the status of running sidecars",
			description: statusDescription},
		{name: "ready", run: a.runReady, examples: readyExample,
			flags:   func() *flag.FlagSet { return new(readyFlags).newFlagSet(a.env) },
			summary: "Report whether a running sidecar lets the pod be Ready, as a readiness probe"},
		{name: "injected", run: a.runInjected, examples: injectedExample,
			flags:   func() *flag.FlagSet { return new(injectedFlags).newFlagSet() },
			summary: "Wait until the API server injects the sidecar into a pod, as a hook of the chart"},
		{name: "version", run: a.runVersion, flags: func() *flag.FlagSet { return new(versionFlags).newFlagSet() },
			summary: "Print the version", examples: "sidecar version\nsidecar version --format json"},
	}
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return a.runHelp(nil)
	case args[0] == "help":
		return a.runHelp(args[1:])
	case slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		return a.runHelp(nil)
	case slices.Contains([]string{"-v", "-version", "--version"}, args[0]):
		return a.runVersion(ctx, args[1:])
	}
	c, err := a.findCommand(args[0])
	if err != nil {
		return err
	}
	err = c.run(ctx, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return a.writeHelp(c.helpPage())
	}
	return err
}

// findCommand returns the command called name.
func (a *app) findCommand(name string) (*command, error) {
	for _, c := range a.commands() {
		if c.name == name {
			return &c, nil
		}
	}
	return nil, usageError(fmt.Errorf("unknown command %q, see sidecar --help", name))
}

// loadSettings loads the settings of a command. If done is true the command is over and returns
// err: the settings are invalid, or --print-config printed them.
func (a *app) loadSettings(
	ctx context.Context, args []string, reloaded func(*config.Config, error),
) (live *config.Live, done bool, err error) {
	live, err = config.NewLive(ctx, config.NewLoader(args, a.env), reloaded)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, true, err
		}
		return nil, true, usageError(err)
	}
	if live.Get().PrintConfig {
		return nil, true, live.Get().Print(a.Out)
	}
	return live, false, nil
}

func parseEnvironment(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		m[key] = value
	}
	return m
}
