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
	code := cli.Run(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()})
	stop()
	os.Exit(code)
}
