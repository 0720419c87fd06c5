// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"github.com/prismeai/workspaces-release/builder/internal/bulkpush"
	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/builder/internal/transfer"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/scan"
)

// checkDocument is the JSON document of the checks of a command.
type checkDocument struct {
	Validation *diagnostic.Document `json:"validation,omitempty"`
	Error      string               `json:"error,omitempty"`
}

// Documents describes the JSON documents of all commands.
func Documents() []document.Kind {
	return []document.Kind{
		{Title: "builder validate --format json", Value: struct {
			diagnostic.Document
			Error string `json:"error,omitempty"`
		}{}, Text: "The problems of the workspaces, and those whose severity the release file lowered. " +
			"`--report json=FILE` writes the same; only a report has `error`."},
		{Title: "builder scan --format json", Value: struct {
			scan.Report
			checkDocument
		}{}, Text: "The findings of the secret scan, and what was scanned. `--report json=FILE` of scan and " +
			"build writes the same; only a report has `validation`, which is the document of `builder " +
			"validate`, and `error`."},
		{Title: "builder plan --format json", Value: workspace.Plan{},
			Text: "The groups and the workspaces in the order of the import."},
		{Title: "builder inspect --format json", Value: pipeline.Inspected{},
			Text: "An image, with the release manifest in `release`, which has a " +
				"`schemaVersion` as well. " +
				"`--manifest FILE` writes the manifest alone, byte for byte as in the image."},
		{Title: "builder inspect --manifest", Value: release.Head{},
			Text: "The release manifest, as in the image. It names the file with its workspaces by digest."},
		{Title: "manifest.workspaces.json", Value: release.Contents{},
			Text: "The workspaces of the release manifest, which `builder inspect --manifest manifest.json` writes, too."},
		{Title: "builder diff --format json", Value: compare.Report{},
			Text: "What differs between two releases. `transfer --changes json=FILE` " +
				"writes the same."},
		{Title: "builder verify --format json", Value: verify.Report{},
			Text: "The problems of an image, and what cannot be proven."},
		{Title: "builder requirements --format json", Value: struct {
			Requirements []requirements.Requirement `json:"requirements"`
		}{}, Text: "The values that the workspaces require."},
		{Title: "builder rules --format json", Value: struct {
			Rules []ruleJSON `json:"rules"`
		}{}, Text: "The rules of validation. With the name of a rule, the document has the fields of that rule."},
		{Title: "builder build --metadata-file", Value: report.Metadata{},
			Text: "The keys of `docker buildx build --metadata-file`, and ours, which " +
				"start with `prismeai.`."},
		{Title: "builder bulk-push --report json=FILE", Value: bulkpush.Result{},
			Text: "The outcome of a push, and of each workspace."},
		{Title: "builder transfer --report json=FILE", Value: transfer.Result{},
			Text: "The outcome of a transfer. That of several workspaces has `outcome`, " +
				"and these documents " +
				"in the list `workspaces`."},
		{Title: "builder version --format json", Value: versions{},
			Text: "The version of the program and of key dependencies."},
	}
}
