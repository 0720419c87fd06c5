// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures complete builds as processes, side by side with the programs that people
// would run instead, and prints the tables of docs/figures.md. Ratios are comparable between
// machines; seconds are not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == appendCommand {
		exitOnError(appendLayer(context.Background(), os.Args[2:]))
		return
	}
	var o options
	flag.StringVar(&o.builder, "builder", "bin/builder", "the builder")
	flag.StringVar(&o.trufflehog, "trufflehog", ".tools/bin/trufflehog", "TruffleHog's own program, of the same "+
		"version")
	flag.StringVar(&o.crane, "crane", ".tools/bin/crane", "go-containerregistry's program")
	flag.StringVar(&o.gitleaks, "gitleaks", ".tools/bin/gitleaks", "the program gitleaks")
	flag.StringVar(&o.buildkitd, "buildkitd", ".tools/bin/buildkitd", "BuildKit's daemon")
	flag.StringVar(&o.buildctl, "buildctl", ".tools/bin/buildctl", "BuildKit's client")
	flag.StringVar(&o.comparison, "compare", "", "compare what programs find instead, and write that into this "+
		"document")
	flag.StringVar(&o.picture, "picture", "", "draw how the costs of a build grow into this SVG file")
	flag.StringVar(&o.only, "only", "", "run one part: peers, goals, bytes or growth")
	flag.IntVar(&o.runs, "runs", 5, "counted runs of each command")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exitOnError(run(ctx, o))
}

// exitOnError ends the program with status 1 if there is an error.
func exitOnError(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
