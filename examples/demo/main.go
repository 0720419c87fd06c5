// SPDX-License-Identifier: Apache-2.0

// Command demo runs a whole release in one process: a registry, a base image, a release of
// the example workspaces, a planted secret that stops a build, and a fake platform that
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
	builder := flag.String("builder", "bin/builder", "the builder")
	sidecar := flag.String("sidecar", "bin/sidecar", "the sidecar")
	workspaces := flag.String("workspaces", "examples/workspaces", "the repository of workspaces")
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
