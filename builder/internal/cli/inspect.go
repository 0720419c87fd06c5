// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/release"
)

func (a *app) newInspectCommand() *cobra.Command {
	var registryOpts registryFlags
	var manifestFile string
	out := newFormat("text", "json")
	cmd := &cobra.Command{
		Use:   "inspect IMAGE",
		Short: "Print the release in an image",
		Example: `builder inspect registry.example.com/ai/release:2.4.0
builder inspect oci-layout://release.tar --format json
# Write manifest.json and manifest.workspaces.json.
builder inspect registry.example.com/ai/release:2.4.0 \
  --manifest manifest.json`,
		Long: "Inspect prints the release in an image. IMAGE is a reference, or oci-layout://PATH of an OCI " +
			"layout, which is a directory or a tar file.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkImage(args[0]); err != nil {
				return err
			}
			if manifestFile != "" {
				beside := release.WorkspacesPath(manifestFile)
				if err := cmp.Or(report.CheckPath(manifestFile), report.CheckPath(beside)); err != nil {
					return usageError(cmd, err)
				}
			}
			client, err := registryOpts.newClient(a)
			if err != nil {
				return err
			}
			found, err := pipeline.Inspect(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			if manifestFile != "" {
				if err := report.WriteManifest(manifestFile, found.Files); err != nil {
					return err
				}
			}
			if out.value == "json" {
				return document.Write(a.Out, found)
			}
			return report.WriteRelease(a.Out, found.Image+"@"+found.Digest.String(), found.Platforms,
				found.AttestationTypes(), found.Manifest)
		},
	}
	registryOpts.register(cmd.Flags())
	cmd.Flags().StringVar(&manifestFile, "manifest", "", "write the release manifest to this `file`, byte for "+
		"byte as in the image, and its workspaces beside it (manifest.json: manifest.workspaces.json)")
	assignGroup(cmd.Flags(), groupOutput)
	out.register(cmd.Flags())
	return cmd
}
