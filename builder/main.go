// SPDX-License-Identifier: AGPL-3.0-or-later

// Command builder makes release images of Prisme.ai workspaces.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

// gcPercent makes the collector run three times as often as usual: the tables of the
// scanner, 70 MB that never go, would allow as much garbage again. A build of 50,000
// files, 1 GB, has a peak of 333 MiB at 60, 297 at 40 and 281 at 30, where the collector
// takes 3, 4 and 6 % of the CPU.
const gcPercent = 30

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// The first signal asks for an orderly end, the second one gets none.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	// A reader that is gone is an error of the write, not the end of the process: there is
	// something to clean up. Programs that are run get no ignored signal, but the default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := cli.Run(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()})
	stop()
	os.Exit(code)
}
