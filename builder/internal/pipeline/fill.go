// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

const (
	// versionOfCommit and versionOfRelease are placeholders for version names.
	versionOfCommit  = "commit"
	versionOfRelease = "release"
)

// resolveDefaults replaces the placeholders in the defaults of an input. commit is the commit of the
// source, if there is one.
func resolveDefaults(input Input, commit string) (workspace.Defaults, error) {
	resolved := input.Defaults
	var err error
	if resolved.Version, err = versionName(input.Defaults.Version, commit, input.Release); err != nil {
		return workspace.Defaults{}, fail(Usage, fmt.Errorf("default version: %w", err))
	}
	resolved.Versions = maps.Clone(input.Defaults.Versions)
	for slug, name := range resolved.Versions {
		if resolved.Versions[slug], err = versionName(name, commit, input.Release); err != nil {
			return workspace.Defaults{}, fail(Usage, fmt.Errorf("version of workspace %q: %w", slug, err))
		}
	}
	return resolved, nil
}

// versionName replaces a placeholder by the version name that it stands for.
func versionName(name, commit, release string) (string, error) {
	switch {
	case name == versionOfCommit && commit == "":
		return "", errors.New("it is commit, and the commit of the source is unknown: write a name")
	case name == versionOfCommit:
		return commit[:min(len(commit), shortCommit)], nil
	case name == versionOfRelease && release == "":
		return "", errors.New(
			"it is release, and the release has no name: give it one (--release, or release in the release file)",
		)
	case name == versionOfRelease:
		return release, nil
	}
	return name, nil
}

// withDefaults returns a walk that fills defaults into .import.yml before any consumer reads the file, so
// that checks, scan and layer see the same bytes.
func withDefaults(walk walkFunc, defaults workspace.Defaults, limits workspace.Limits, notify func(string)) walkFunc {
	return func(ctx context.Context, v visitor) (walked, error) {
		filler := workspace.NewFiller(defaults, limits, v.file)
		result, err := walk(ctx, visitor{
			listed: v.listed,
			file:   filler.Add,
		})
		if err == nil {
			err = filler.Flush()
		}
		filled := filler.Finish()
		result.Files += filled.Files
		result.Bytes += filled.Bytes
		result.Diagnostics = append(result.Diagnostics, filled.Diagnostics...)
		if len(filled.Workspaces) > 0 && notify != nil {
			count := terminal.Plural(len(filled.Workspaces), "workspace")
			notify("groups or version names of " + count + " come from the settings, because .import.yml has none")
		}
		return result, err
	}
}
