// SPDX-License-Identifier: Apache-2.0

// Fake-platform serves a fake of the Prisme.ai API that imports from a directory
// of workspaces, so that the sidecar can be tried without a platform:
//
//	fake-platform --listen 127.0.0.1:3002 --release-dir examples/workspaces
//
// The address answers as a pod of the workspaces service does, and with
// --gateway a second one as the public API. The program prints each import.
//
// Where pods are to be processes or containers of their own, one program shares a
// platform, and others join it. They read the variables of the service: PORT,
// WORKSPACES_STORAGE_GIT_PLATFORM_<id>_DIRPATH and _NAME, STARTUP_IMPORT_GROUPS.
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
