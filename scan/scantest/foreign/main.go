// SPDX-License-Identifier: AGPL-3.0-or-later

// Foreign measures the scanners on secrets and files published by other projects. It reads
// checkouts without modifying them, and prints the figures for docs/scan-comparison.md:
//
//	go run ./scan/scantest/foreign -gitleaks DIR      # a checkout of gitleaks: the true positives of its generator
//	go run ./scan/scantest/foreign -rules DIR         # YAML rules with examples: kingfisher, noseyparker, titus
//	go run ./scan/scantest/foreign -leaky DIR         # Plazmaz/leaky-repo
//	go run ./scan/scantest/foreign -files DIR         # files of any kind: how many findings are in 1,000 of them
//
// With -list it prints each missed secret, or each finding, on a separate line.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// options are the command-line flags.
type options struct {
	gitleaks, rules, leaky, files string
	perRule                       int
	list                          bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("foreign", flag.ContinueOnError)
	flags.StringVar(&o.gitleaks, "gitleaks", "", "checkout of gitleaks, or its module")
	flags.StringVar(&o.rules, "rules", "", "directory with YAML rules that have examples")
	flags.StringVar(&o.leaky, "leaky", "", "checkout of leaky-repo")
	flags.StringVar(&o.files, "files", "", "directory of files without secrets")
	flags.IntVar(&o.perRule, "per-rule", 1, "how many examples of a rule are tried")
	flags.BoolVar(&o.list, "list", false, "list what is missed, or found")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := newMeter(out, o.list)
	if err != nil {
		return err
	}
	if o.gitleaks != "" {
		examples, err := gitleaksExamples(ctx, o.gitleaks, o.perRule)
		if err == nil {
			err = m.examples(ctx, "gitleaks", examples)
		}
		if err != nil {
			return err
		}
	}
	if o.rules != "" {
		examples, err := yamlExamples(o.rules, o.perRule)
		if err == nil {
			err = m.examples(ctx, o.rules, examples)
		}
		if err != nil {
			return err
		}
	}
	if o.leaky != "" {
		if err := m.leaky(ctx, o.leaky); err != nil {
			return err
		}
	}
	if o.files != "" {
		return m.files(ctx, o.files)
	}
	return nil
}
