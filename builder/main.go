// SPDX-License-Identifier: AGPL-3.0-or-later

// Command builder makes release images of Prisme.ai workspaces.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

func main() {
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
