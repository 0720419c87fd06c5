// SPDX-License-Identifier: Apache-2.0

// Fake-platform serves a fake of the Prisme.ai API that imports from a directory
// of workspaces, so that the sidecar can be tried without a platform:
//
//	fake-platform --listen 127.0.0.1:3002 --release-dir examples/workspaces
//
// The address answers as a pod of the workspaces service does, and with
// --gateway a second one as the public API. The program prints each import.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
