// SPDX-License-Identifier: Apache-2.0

// Command demo shows a release from end to end, with a registry and a fake platform in its own
// process: it builds the example workspaces, stops a build because of a planted secret, and
// imports the release. At the end a pod stays unready because its import fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	builder := flag.String("builder", "bin/builder", "path of the builder")
	sidecar := flag.String("sidecar", "bin/sidecar", "path of the sidecar")
	workspaces := flag.String("workspaces", "examples/workspaces", "directory of workspaces")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := run(ctx, *builder, *sidecar, *workspaces); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
