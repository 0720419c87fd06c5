// SPDX-License-Identifier: AGPL-3.0-or-later

// Command reference writes the builder's command line as it is in the program: as the
// manual pages of section 1 into a directory, or as one page of Markdown.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
)

func main() {
	man := flag.String("man", "", "write manual pages into this `directory`, with the date of SOURCE_DATE_EPOCH")
	flag.Parse()
	if err := run(*man, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(man string, out io.Writer) error {
	root := cli.Command()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	if man == "" {
		return markdown(out, root)
	}
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Manual: "Workspaces release", Source: "workspaces-release"}, man)
}

// markdown writes all commands on one page, where links lead from one to another.
func markdown(w io.Writer, root *cobra.Command) error {
	fmt.Fprint(w, "# Reference of the builder\n\n<!-- Written by go test ./builder/reference -update -->\n\n")
	commands := []*cobra.Command{root}
	for len(commands) > 0 {
		cmd := commands[0]
		commands = commands[1:]
		var page bytes.Buffer
		if err := doc.GenMarkdownCustom(cmd, &page, anchor); err != nil {
			return err
		}
		if _, err := io.WriteString(w, strings.TrimRight(page.String(), "\n")+"\n\n"); err != nil {
			return err
		}
		for _, child := range cmd.Commands() {
			if child.IsAvailableCommand() {
				commands = append(commands, child)
			}
		}
	}
	return nil
}

// anchor is that of the heading of a command, of which file is the usual name of a page.
func anchor(file string) string {
	return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
}
