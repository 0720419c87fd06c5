// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

const verifyHelp = `Verify reads an image and checks every file against the release manifest, the manifest against
labels, annotations, variables and layers, the layers below against the base image that the
release names, and the attestations against all of these. One run reports every problem and
its consequence.

With --source, verify also builds the image again from its provenance, without publishing it,
and compares the digests.

IMAGE is a reference, or oci-layout://PATH of an OCI layout: a directory or a tar file.

Verify does not check who made the image. For that, verify its signature.`

func (a *app) newVerifyCommand() *cobra.Command {
	var from sourceFlags
	var registryOpts registryFlags
	var scanOpts scanFlags
	var src string
	var failUnproven bool
	opts := pipeline.VerifyOptions{}
	out := newFormat("text", "json")
	cmd := &cobra.Command{
		Use:   "verify IMAGE",
		Short: "Verify an image against its release manifest and attestations",
		Example: `builder verify registry.example.com/ai/release:2.4.0
# Build the image again from its source, and compare the digests.
builder verify registry.example.com/ai/release:2.4.0 \
  --source https://git.example.com/ai/workspaces.git#v2.4.0
# Verify an image in a file, on a machine without the registry of the base.
builder verify oci-layout://release.tar --skip-base`,
		Long: verifyHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkImage(args[0]); err != nil {
				return err
			}
			opts.Image = args[0]
			opts.Limits = from.parseLimits()
			var err error
			if opts.Registry, err = registryOpts.newClient(a); err != nil {
				return err
			}
			if src == "" {
				if err := a.refuseUnused("--source", slices.Concat(scanRuleFlags, gitFlags, layoutFlags)...); err != nil {
					return err
				}
			} else {
				if opts.Rebuild, err = a.newRebuild(&from, &scanOpts, src); err != nil {
					return err
				}
			}
			report, err := pipeline.Verify(cmd.Context(), opts)
			if err != nil {
				return err
			}
			if out.value == "json" {
				err = report.WriteJSON(a.Out)
			} else {
				err = report.WriteText(a.Out)
			}
			if err == nil && (len(report.Problems) > 0 || failUnproven && len(report.Unproven) > 0) {
				return &exitError{code: exitMismatch, err: errors.New("the image is not verified"), reported: true}
			}
			return err
		},
	}
	from.registerAccess(cmd.Flags())
	from.registerLayout(cmd.Flags())
	scanOpts.registerRules(cmd.Flags())
	cmd.Flags().StringVar(&src, "source", "", "build the image again from this `SOURCE` and compare the digests; needs "+
		"the scan flags of the original build")
	assignGroup(cmd.Flags(), groupSource)
	registryOpts.register(cmd.Flags())
	out.register(cmd.Flags())
	cmd.Flags().BoolVar(&failUnproven, "fail-unproven", false, "also exit with code 9 if something cannot be proven")
	cmd.Flags().BoolVar(&opts.SkipBase, "skip-base", false, "do not read the base, for machines that cannot reach it")
	cmd.Flags().BoolVar(&opts.AllowMissingAttestations, "allow-missing-attestations", false, "accept an image "+
		"without attestations")
	assignGroup(cmd.Flags(), groupVerification)
	return cmd
}

// newRebuild reads the options of a rebuild.
func (a *app) newRebuild(from *sourceFlags, scanOpts *scanFlags, src string) (*pipeline.Rebuild, error) {
	r := &pipeline.Rebuild{TempDir: a.tempDir()}
	a.applyRules(&r.Checks)
	var err error
	if r.Input, err = from.buildInput(a, src); err != nil {
		return nil, err
	}
	return r, scanOpts.applyTo(a, &r.Checks)
}
