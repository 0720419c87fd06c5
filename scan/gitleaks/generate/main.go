// SPDX-License-Identifier: AGPL-3.0-or-later

// Generate writes the rule table of package gitleaks.
package main

import (
	"fmt"
	"os"

	"github.com/prismeai/workspaces-release/scan/gitleaks/internal/table"
)

func main() {
	data, err := table.Generate("../..")
	if err == nil {
		err = os.WriteFile("rules.json", data, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
