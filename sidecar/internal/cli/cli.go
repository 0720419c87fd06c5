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
}

func (a *app) commands() []command {
	return []command{
		{"run", "import the release, keep watching it, and answer probes and metrics until stopped", a.run, settingsFlags},
		{"once", "import the release, and end when it is confirmed or cannot be", a.once, settingsFlags},
		{"check", "check settings, files and platform, and say what would be imported; change nothing", a.check, settingsFlags},
		{"status", "print the status of a running sidecar", a.status, func() *flag.FlagSet { return new(statusFlags).set(a.env) }},
		{"ready", "say whether a running sidecar lets the pod be Ready: a readiness probe", a.ready,
			func() *flag.FlagSet { return new(readyFlags).set(a.env) }},
		{"version", "print the version", a.version, func() *flag.FlagSet { return new(versionFlags).set() }},
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
