// SPDX-License-Identifier: Apache-2.0

// Fake-platform serves a fake of the Prisme.ai API that imports from a directory of workspaces, to
// try the sidecar without a platform:
//
//	fake-platform --listen 127.0.0.1:3002 --release-dir examples/workspaces
//
// The address serves a pod of the workspaces service. With --gateway, a second address serves the
// public API. The program prints each import.
//
// To run each pod in its own process or container, one program shares a platform and the others
// join it. Those read the environment variables of the service: PORT,
// WORKSPACES_STORAGE_GIT_PLATFORM_<id>_DIRPATH and _NAME, and STARTUP_IMPORT_GROUPS.
//
//	fake-platform --share :8080 --gateway :8081 --service-url http://workspaces
//	fake-platform --join http://platform:8080
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
