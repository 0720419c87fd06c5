// SPDX-License-Identifier: Apache-2.0

// Package cli is the sidecar's command line. [Run] is the whole program over
// injected streams and environment, so that tests need no process.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
)

// IO is what the program writes, and its environment.
type IO struct {
	Out, Err io.Writer
	// Env holds the environment as KEY=value.
	Env []string
}

// Run runs the sidecar with args (without the program's name) and returns its exit code.
func Run(ctx context.Context, args []string, streams IO) int {
	a := &app{IO: streams, env: environment(streams.Env)}
	err := a.dispatch(ctx, args)
	a.writeUsageError(args, err)
	if err != nil && !said(err) {
		fmt.Fprintf(a.Err, "sidecar: %v\n", err)
	}
	return exitCode(ctx, err)
}

// app is what all commands share.
type app struct {
	IO
	env map[string]string
}

// command is one verb.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string) error
	// flags documents what the command takes: the settings, or flags of its own.
	flags func() *flag.FlagSet
	// ownsContainer: a container runs it, so that its end is that of the container.
	ownsContainer bool
}

func (a *app) commands() []command {
	return []command{
		{name: "run", run: a.run, flags: settingsFlags, ownsContainer: true,
			summary: "import the release, keep watching it, and answer probes and metrics until stopped"},
		{name: "once", run: a.once, flags: settingsFlags, ownsContainer: true,
			summary: "import the release, and end when it is confirmed or cannot be"},
		{name: "check", run: a.check, flags: settingsFlags,
			summary: "check settings, files and platform, and say what would be imported; change nothing"},
		{name: "status", run: a.status, flags: func() *flag.FlagSet { return new(statusFlags).set(a.env) },
			summary: "print the status of a running sidecar"},
		{name: "ready", run: a.ready, flags: func() *flag.FlagSet { return new(readyFlags).set(a.env) },
			summary: "say whether a running sidecar lets the pod be Ready: a readiness probe"},
		{name: "injected", run: a.injected, flags: func() *flag.FlagSet { return new(injectedFlags).set() },
			summary: "wait until the API server injects the sidecar into a pod, by dry runs: a hook of the chart"},
		{name: "version", run: a.version, flags: func() *flag.FlagSet { return new(versionFlags).set() },
			summary: "print the version"},
	}
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 || isHelp(args[0]) {
		a.help(a.Out)
		return nil
	}
	for _, c := range a.commands() {
		if c.name == args[0] {
			err := c.run(ctx, args[1:])
			if errors.Is(err, flag.ErrHelp) {
				c.help(a.Out)
				return nil
			}
			return err
		}
	}
	return usageError(fmt.Errorf("unknown command %q, see sidecar --help", args[0]))
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

// load finds the settings of a command. With --print-config it prints them, and
// there is nothing else to do.
func (a *app) load(ctx context.Context, args []string, reloaded func(*config.Config, error)) (live *config.Live, done bool, err error) {
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

func environment(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		m[key] = value
	}
	return m
}
