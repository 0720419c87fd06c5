// SPDX-License-Identifier: Apache-2.0

// Command reference writes the sidecar's manual pages to man1 below a directory. SOURCE_DATE_EPOCH
// sets their date.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/internal/epoch"
	"github.com/prismeai/workspaces-release/internal/manual"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("want the directory to write to")
	}
	date, err := epoch.Read(os.Getenv, time.Now().UTC())
	if err != nil {
		return err
	}
	edition := manual.Edition{Source: "sidecar " + version.Get().Version, Date: date}
	return manual.WriteMen(args[0], cli.ManualPages(), edition)
}
