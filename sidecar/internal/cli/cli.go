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
	"slices"
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
	name, summary, description string
	// examples are lines for a shell.
	examples string
	run      func(ctx context.Context, args []string) error
	// flags documents what the command takes: the settings, or flags of its own.
	flags func() *flag.FlagSet
	// ownsContainer: a container runs it, so that its end is that of the container.
	ownsContainer bool
}

func (a *app) commands() []command {
	return []command{
		{name: "run", run: a.run, flags: settingsFlags, ownsContainer: true, examples: runExample,
			summary:     "Import the release, watch it, and serve probes and metrics",
			description: runDescription},
		{name: "once", run: a.once, flags: settingsFlags, ownsContainer: true, examples: onceExample,
			summary: "Import the release, and end when it is confirmed or cannot be"},
		{name: "check", run: a.check, flags: settingsFlags, examples: checkExample,
			summary:     "Check settings, files and platform without changing anything",
			description: checkDescription},
		{name: "status", run: a.status, flags: func() *flag.FlagSet { return new(statusFlags).set(a.env) }, examples: statusExample,
			summary:     "Print the status of running sidecars",
			description: statusDescription},
		{name: "ready", run: a.ready, flags: func() *flag.FlagSet { return new(readyFlags).set(a.env) }, examples: readyExample,
			summary: "Report whether a running sidecar lets the pod be Ready, as a readiness probe"},
		{name: "injected", run: a.injected, flags: func() *flag.FlagSet { return new(injectedFlags).set() }, examples: injectedExample,
			summary: "Wait until the API server injects the sidecar into a pod, as a hook of the chart"},
		{name: "version", run: a.version, flags: func() *flag.FlagSet { return new(versionFlags).set() },
			summary: "Print the version", examples: "sidecar version\nsidecar version --format json"},
	}
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return a.help(nil)
	case args[0] == "help":
		return a.help(args[1:])
	case slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		return a.help(nil)
	case slices.Contains([]string{"-v", "-version", "--version"}, args[0]):
		return a.version(ctx, args[1:])
	}
	c, err := a.find(args[0])
	if err != nil {
		return err
	}
	err = c.run(ctx, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return a.writeHelp(c.page())
	}
	return err
}

// find returns the command of a name.
func (a *app) find(name string) (*command, error) {
	for _, c := range a.commands() {
		if c.name == name {
			return &c, nil
		}
	}
	return nil, usageError(fmt.Errorf("unknown command %q, see sidecar --help", name))
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
