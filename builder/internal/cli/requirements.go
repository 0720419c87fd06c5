// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/report"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

func (a *app) newRequirementsCommand() *cobra.Command {
	var from sourceFlags
	var registryOpts registryFlags
	var target targetFlags
	var name string
	out := newFormat(report.RequirementFormats()...)
	cmd := &cobra.Command{
		Use:   "requirements SOURCE|IMAGE",
		Short: "List the secrets and settings that a target platform must have",
		Example: `builder requirements workspaces
# Write the skeleton of a Kubernetes Secret.
builder requirements workspaces --format secret --name workspaces-values
# List what a platform lacks.
builder requirements registry.example.com/ai/release:2.4.0 --check \
  --api-url https://api.example.com/v2 --token-file token`,
		Long: `Requirements lists the values that workspaces refer to and a release does not contain:
{{secret.name}}, and {{config.name}} without a value or a default. If the platform lacks one,
the workspace fails without an error message.

The formats secret, externalsecret and env are skeletons to fill in: a Kubernetes Secret, an
ExternalSecret, and a file of variables. No format contains values.

With --check, requirements lists only what a platform lacks: what is neither stored for the
workspace nor a variable of the service. It does not read values.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := target.validate(a); err != nil {
				return err
			}
			workspaces, err := a.readWorkspaces(cmd, args[0], &from, &registryOpts)
			if workspaces == nil {
				return err
			}
			all := requirements.Of(workspaces)
			if target.check {
				missing, checked := target.missingValues(cmd.Context(), a, all)
				if checked != nil {
					return errors.Join(err, checked)
				}
				all = missing
				err = errors.Join(err, newMissingError(missing))
			}
			if err != nil && len(all) == 0 {
				return err // "no value is required" may not be true
			}
			return errors.Join(report.WriteRequirements(a.Out, out.value, name, all), err)
		},
	}
	registerFlags(cmd, &from, &registryOpts, &target, &out)
	cmd.Flags().StringVar(&name, "name", "workspaces-values", "give the Secret or ExternalSecret this `name`")
	assignGroup(cmd.Flags(), groupOutput)
	return cmd
}

// targetFlags select the platform whose values are compared.
type targetFlags struct {
	apiFlags
	check     bool
	variables []string
}

func (f *targetFlags) register(flags *pflag.FlagSet) {
	f.apiFlags.register(flags)
	flags.BoolVar(&f.check, "check", false, "list only what the platform at --api-url lacks, and exit with code 12 if "+
		"it lacks anything")
	flags.StringSliceVar(&f.variables, "service-env", nil, "assume that the service has these environment variables: "+
		"`names`, separated by commas")
	assignGroup(flags, groupPlatform)
}

func (f *targetFlags) validate(a *app) error {
	if !f.check {
		return a.refuseUnused("--check", "api-url", "token-file", "api-ca", "service-env")
	}
	if f.url == "" {
		return usageError(a.running, errors.New("--check needs --api-url: the URL of the platform's API"))
	}
	return nil
}

func (f *targetFlags) missingValues(ctx context.Context, a *app,
	all []requirements.Requirement) ([]requirements.Requirement, error) {
	client, err := f.newClient(a)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	defer client.CloseIdleConnections()
	missing, err := requirements.Missing(ctx, client, all, f.variables)
	if err != nil && ctx.Err() == nil {
		err = withCode(exitPush, fmt.Errorf("read the values of the platform: %w", err))
	}
	return missing, err
}

func newMissingError(missing []requirements.Requirement) error {
	if len(missing) == 0 {
		return nil
	}
	return withCode(exitMissing, fmt.Errorf("values that the platform lacks: %d; store them for the workspaces, "+
		"or give the service the variables", len(missing)))
}

// readWorkspaces reads a source, or the manifest of an image. For a source with errors, it returns
// both workspaces and error.
func (a *app) readWorkspaces(cmd *cobra.Command, arg string, from *sourceFlags,
	registryOpts *registryFlags) ([]release.Workspace, error) {
	if err := checkImage(arg); err != nil {
		return nil, err
	}
	if isImage(arg) {
		unused := slices.Concat(gitFlags, layoutFlags, []string{"ref", "subdir"})
		if err := a.refuseUnused("a SOURCE", unused...); err != nil {
			return nil, err
		}
		client, err := registryOpts.newClient(a)
		if err != nil {
			return nil, err
		}
		found, err := pipeline.Inspect(cmd.Context(), client, arg)
		if err != nil {
			return nil, err
		}
		return found.Manifest.Workspaces, nil
	}
	if err := a.refuseUnused("an IMAGE", registryFlagNames...); err != nil {
		return nil, err
	}
	checks, err := new(checkFlags).buildChecks()
	if err != nil {
		return nil, err
	}
	reading, err := a.readSource(cmd, arg, from, checks, onTerminal)
	if reading == nil {
		return nil, err
	}
	if diagnostic.Count(reading.Diagnostics, diagnostic.Error) > 0 {
		err = errors.Join(err, a.writeDiagnostics(a.Err, reading, defaultMaxDiagnostics))
	}
	return reading.Repository.Manifest(), err
}

// archiveSuffix matches the name of a source archive.
const archiveSuffix = ".zip"

// checkImage refuses a file that is not a source archive: its name would be taken for an image in a
// registry.
func checkImage(arg string) error {
	if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() && !strings.HasSuffix(arg, archiveSuffix) {
		return withCode(exitUsage, fmt.Errorf("%s is a file: the image in it is %s%s", arg, registry.LayoutScheme, arg))
	}
	return nil
}

// isImage reports whether an argument is an image: a reference that is neither an existing
// directory or archive nor clearly a source.
func isImage(arg string) bool {
	if strings.HasPrefix(arg, registry.LayoutScheme) {
		return true
	}
	if info, err := os.Stat(arg); err == nil && (info.IsDir() || strings.HasSuffix(arg, archiveSuffix)) ||
		strings.HasPrefix(arg, ".") || filepath.IsAbs(arg) {
		return false
	}
	_, err := reference.ParseNormalizedNamed(arg)
	return err == nil
}
