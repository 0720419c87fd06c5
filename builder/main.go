// SPDX-License-Identifier: AGPL-3.0-or-later

// Command builder builds release images of Prisme.ai workspaces.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

func main() {
	// The first signal requests an orderly end, the second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	// A closed reader is a write error and must not end the process, which has to clean up.
	// Programs started from here get the default handler, not an ignored signal.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := cli.Run(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()})
	stop()
	os.Exit(code)
}
