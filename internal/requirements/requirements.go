// SPDX-License-Identifier: Apache-2.0

// Package requirements compares the values that workspaces need with those that a
// platform has. Releases carry no values that differ from platform to platform, and a
// missing one breaks a workspace without a word. It knows names, never values.
package requirements

import (
	"context"
	"fmt"
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Kind of a value.
type Kind string

// The kinds.
const (
	Secret Kind = "secret"
	Config Kind = "config"
)

// Requirement is one value that a workspace needs.
type Requirement struct {
	Workspace string `json:"workspace"`
	Kind      Kind   `json:"kind"`
	Name      string `json:"name"`
	// Variable of the service's environment that may hold the value (platform contract §12).
	Variable string `json:"variable"`
}

// String names the value without telling it.
func (r Requirement) String() string {
	return fmt.Sprintf("%s %s of workspace %s", r.Kind, r.Name, r.Workspace)
}

// Of lists what the workspaces need, sorted by workspace, kind and name.
func Of(workspaces []release.Workspace) []Requirement {
	var all []Requirement
	for _, w := range workspaces {
		for _, name := range w.Requires.Config {
			all = append(all, Requirement{w.Slug, Config, name, "WORKSPACE_CONFIG_" + w.Slug + "_" + name})
		}
		for _, name := range w.Requires.Secrets {
			all = append(all, Requirement{w.Slug, Secret, name, "WORKSPACE_SECRET_" + w.Slug + "_" + name})
		}
	}
	return all
}

// Missing returns those of all that the platform has no value for: not among the
// variables of the service's environment, and, of secrets, not stored for the
// workspace that has the slug. A workspace that is not installed has nothing stored.
// Errors are those of [platform.Client].
func Missing(ctx context.Context, client *platform.Client, all []Requirement, variables []string) ([]Requirement, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(r Requirement) bool { return slices.Contains(variables, r.Variable) })
	if !slices.ContainsFunc(all, func(r Requirement) bool { return r.Kind == Secret }) {
		return all, nil
	}
	installed, _, err := client.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	stored := map[string][]string{}
	for _, w := range installed {
		if !slices.ContainsFunc(all, func(r Requirement) bool { return r.Workspace == w.Slug && r.Kind == Secret }) {
			continue
		}
		if stored[w.Slug], err = client.SecretNames(ctx, w.ID); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(r Requirement) bool { return r.Kind == Secret && slices.Contains(stored[r.Workspace], r.Name) }), nil
}
