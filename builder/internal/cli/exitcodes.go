// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"slices"
	"strconv"

	"github.com/prismeai/workspaces-release/internal/manual"
)

// documentedCode is an exit code and the commands that use it; none means all.
type documentedCode struct {
	code     int
	meaning  string
	commands []string
}

func documentedCodes() []documentedCode {
	reading := []string{
		"build", "validate", "plan", "scan", "audit", "diff", "dossier", "fmt", "merge-driver", "requirements",
		"transfer", "verify",
	}
	scanning := []string{"build", "scan", "transfer", "verify"}
	images := []string{"build", "inspect", "diff", "dossier", "requirements", "verify"}
	platforms := []string{"bulk-push", "transfer", "requirements"}
	return []documentedCode{
		{0, "success", nil},
		{exitInternal, "internal error, or a conflict (merge-driver)", nil},
		{exitUsage, "invalid flags, arguments, environment variables or configuration files", nil},
		{exitInvalid, "the workspaces or the baseline of the scan are invalid", reading},
		{exitDifferent, "the releases differ (--exit-code), or have changes of a class in --fail-on", []string{"diff"}},
		{exitIncomplete, "the secret scan is incomplete", scanning},
		{exitSource, "the source cannot be read", reading},
		{exitRegistry, "a registry refused or failed", images},
		{exitEngine, "the build engine failed or cannot be reached, or a file cannot be written", nil},
		{exitMismatch, "the image does not match its release manifest or its attestations", []string{"verify"}},
		{exitPush, "the platform refused or failed, as a whole or for a workspace", platforms},
		{exitUnknown, "the outcome of the push or the transfer is unknown", []string{"bulk-push", "transfer"}},
		{exitMissing, "the platform lacks values that the workspaces require", []string{"requirements"}},
		{exitInterrupted, "interrupted", nil},
		{exitSecrets, "secrets were found", scanning},
	}
}

// exitCodes lists the exit codes of a command, or of all commands for "".
func exitCodes(command string) []manual.Item {
	var items []manual.Item
	for _, c := range documentedCodes() {
		if command == "" || c.commands == nil || slices.Contains(c.commands, command) {
			items = append(items, manual.Item{Term: strconv.Itoa(c.code), Text: c.meaning})
		}
	}
	return items
}
