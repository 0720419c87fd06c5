// SPDX-License-Identifier: Apache-2.0

// Command demo shows the main job on real input with everything it needs in
// process: a registry, a base image, a release of the example workspaces, and a
// planted secret that is refused; then a fake platform into which the release is
// imported, and a pod that does not get Ready because it cannot be.
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
