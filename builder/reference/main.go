// SPDX-License-Identifier: AGPL-3.0-or-later

// Command reference writes the builder's command line, as manual pages of section 1 or as a
// Markdown page.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
	"github.com/prismeai/workspaces-release/internal/epoch"
	"github.com/prismeai/workspaces-release/internal/manual"
	"github.com/prismeai/workspaces-release/internal/version"
)

func main() {
	man := flag.String("man", "", "write manual pages into man1 below this `directory`, with the date of "+
		"SOURCE_DATE_EPOCH")
	flag.Parse()
	if err := run(*man, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(man string, out io.Writer) error {
	if man == "" {
		return writeMarkdown(out)
	}
	date, err := epoch.Read(os.Getenv, time.Now().UTC())
	if err != nil {
		return err
	}
	return manual.WriteMen(man, cli.ManualPages(), manual.Edition{
		Source: "builder " + version.Get().Version,
		Date:   date,
	})
}

// writeMarkdown writes all commands on one page.
func writeMarkdown(w io.Writer) error {
	fmt.Fprint(w, "# Reference of the builder\n\n<!-- Written by go test ./builder/reference -update -->\n\n")
	for _, p := range cli.Pages() {
		if err := p.WriteMarkdown(w); err != nil {
			return err
		}
	}
	return nil
}
