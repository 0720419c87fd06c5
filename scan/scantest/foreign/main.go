// SPDX-License-Identifier: AGPL-3.0-or-later

// Foreign measures secret scanners on what other projects have published: examples of their rules,
// files with labelled lines, and configuration and documentation without secrets. It fetches the
// corpora from the Go module proxy and from npm in pinned versions, runs the programs on the same
// files, and prints the figures or writes them into docs/scan-comparison.md:
//
//	make compare-foreign
//	go run ./scan/scantest/foreign -dir bin/foreign -sample 30 -only examples -list
//
// The corpora and the reports remain in the directory. Nothing of them belongs into this
// repository. Corpora that are neither on the proxy nor on npm are read from checkouts:
//
//	-rules kingfisher=DIR     # YAML rules with examples: kingfisher, noseyparker, titus
//	-leaky DIR                # Plazmaz/leaky-repo
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// options are the command-line flags.
type options struct {
	programs programs.Paths
	dir      string
	// document is the document that the figures are written into; empty to print them.
	document string
	// rules are checkouts of YAML rules by the name of their project.
	rules map[string]string
	leaky string
	only  string
	// sample is the maximum number of examples of a corpus, and of files of a source and a class.
	sample, files int
	list          bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "foreign:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	o := options{rules: map[string]string{}}
	flags := flag.NewFlagSet("foreign", flag.ContinueOnError)
	flags.StringVar(&o.programs.Builder, "builder", "bin/builder", "the builder")
	flags.StringVar(&o.programs.TruffleHog, "trufflehog", ".tools/bin/trufflehog", "TruffleHog's own program; empty to "+
		"leave it out")
	flags.StringVar(&o.programs.Gitleaks, "gitleaks", ".tools/bin/gitleaks", "the program gitleaks; empty to leave it out")
	flags.StringVar(&o.dir, "dir", "bin/foreign", "directory for corpora and reports")
	flags.StringVar(&o.document, "document", "", "write the figures into this document")
	flags.StringVar(&o.leaky, "leaky", "", "checkout of leaky-repo")
	flags.StringVar(&o.only, "only", "", "measure only one of examples, labelled, files")
	flags.IntVar(&o.sample, "sample", 40, "how many examples of a corpus are tried")
	flags.IntVar(&o.files, "files", 60, "how many files of a package and a class are scanned")
	flags.BoolVar(&o.list, "list", false, "list what the builder misses, or finds in files without secrets")
	flags.Func("rules", "`NAME=DIR` of YAML rules with examples (repeat)", func(value string) error {
		name, dir, found := strings.Cut(value, "=")
		if !found {
			return fmt.Errorf("%q is not NAME=DIR", value)
		}
		o.rules[name] = dir
		return nil
	})
	return o, flags.Parse(args)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	m := &meter{options: o, out: out}
	for _, p := range programs.All(o.programs) {
		if !strings.HasPrefix(p.Shell("", ""), "exec  ") {
			m.programs = append(m.programs, p)
		}
	}
	steps := map[string]func(context.Context) error{
		"examples": m.measureExamples, "labelled": m.measureLabelled, "files": m.measureFiles,
	}
	for _, name := range []string{"examples", "labelled", "files"} {
		if o.only == "" || o.only == name {
			if err := steps[name](ctx); err != nil {
				return fmt.Errorf("measure %s: %w", name, err)
			}
		}
	}
	if o.document == "" {
		_, err := io.WriteString(out, m.text.String())
		return err
	}
	return programs.ReplaceSection(o.document, heading, intro+m.text.String())
}
