// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures complete builds as processes, side by side with alternative programs, and
// prints the table of docs/figures.md. Ratios are comparable between machines; seconds are not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.StringVar(&o.builder, "builder", "bin/builder", "the builder")
	flag.StringVar(&o.trufflehog, "trufflehog", ".tools/bin/trufflehog", "TruffleHog's own program, of the same "+
		"version")
	flag.StringVar(&o.crane, "crane", ".tools/bin/crane", "go-containerregistry's program")
	flag.StringVar(&o.gitleaks, "gitleaks", ".tools/bin/gitleaks", "the program gitleaks, for -compare")
	flag.StringVar(&o.comparison, "compare", "", "compare what programs find instead, and write that into this "+
		"document")
	flag.IntVar(&o.runs, "runs", 5, "counted runs of each command")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
