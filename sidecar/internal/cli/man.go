// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/manual"
)

// ManualPages returns [Pages] extended with the sections that only manual pages have.
func ManualPages() []manual.Page {
	list := Pages()
	for i := range list {
		p := &list[i]
		command := strings.TrimPrefix(p.Name, "sidecar ")
		p.Environment = environmentItems()
		p.Files = fileItems()
		p.SeeAlso = []string{"sidecar"}
		if i > 0 {
			p.ExitCodes = exitCodeItems(command)
		}
	}
	list[0].SeeAlso = nil
	for _, other := range list[1:] {
		list[0].SeeAlso = append(list[0].SeeAlso, strings.ReplaceAll(other.Name, " ", "-"))
	}
	return list
}

func environmentItems() []manual.Item {
	return []manual.Item{
		{Term: "SIDECAR_*", Text: "Every setting has a variable: --token-file is SIDECAR_TOKEN_FILE. " +
			"An unknown variable with this prefix is an error."},
		{Term: "STARTUP_IMPORT_REPOSITORY, STARTUP_IMPORT_GROUPS",
			Text: "The repository and groups that the service imports, unless a setting overrides them."},
		{Term: "COLUMNS", Text: "The width of the help, in columns."},
		{Term: "GOGC", Text: "The garbage collector's target percentage (default: 25 for run)."},
	}
}

func fileItems() []manual.Item {
	return []manual.Item{
		{Term: "/www/release/manifest.json", Text: "The release manifest, which the builder adds to the image."},
		{Term: "/www/release/manifest.workspaces.json", Text: "The workspaces of the release manifest."},
		{Term: "sidecar.yaml", Text: "The --config file: settings keyed by flag name."},
		{Term: "/dev/termination-log", Text: "The file from which Kubernetes reads the termination message: " +
			"see --termination-log."},
	}
}
