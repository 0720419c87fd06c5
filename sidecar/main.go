// SPDX-License-Identifier: Apache-2.0

// Command sidecar imports a release of Prisme.ai workspaces in the pod that carries it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

func main() {
	// The first signal starts a clean shutdown, the second one kills the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := cli.Run(ctx, os.Args[1:], cli.IO{Out: os.Stdout, Err: os.Stderr, Env: os.Environ()})
	stop()
	os.Exit(code)
}
