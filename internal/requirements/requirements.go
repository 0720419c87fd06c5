// SPDX-License-Identifier: Apache-2.0

// Package requirements compares the values that workspaces need with the values that a platform
// has. Releases do not contain values that differ between platforms, and a workspace with a missing
// value fails without an error message. The package handles names of values only.
package requirements

import (
	"context"
	"fmt"
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Kind is the kind of a value.
type Kind string

// Kinds of values.
const (
	Secret Kind = "secret"
	Config Kind = "config"
)

// Requirement is one value that a workspace needs.
type Requirement struct {
	Workspace string `json:"workspace"`
	Kind      Kind   `json:"kind"`
	Name      string `json:"name"`
	// Variable is the variable of the service's environment that may hold the value (platform
	// contract §12).
	Variable string `json:"variable"`
}

// String returns a description of the requirement for users.
func (r Requirement) String() string {
	return fmt.Sprintf("%s %s of workspace %s", r.Kind, r.Name, r.Workspace)
}

// Of returns the requirements of the workspaces, sorted by workspace, kind and name.
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

// Missing returns the requirements for which the platform has no value: neither a variable in the
// service's environment nor, for a secret, a stored secret of the workspace. Workspaces that are
// not installed have no stored secrets. Errors come from [platform.Client].
func Missing(ctx context.Context, client *platform.Client, all []Requirement,
	variables []string) ([]Requirement, error) {
	isSet := func(r Requirement) bool { return slices.Contains(variables, r.Variable) }
	all = slices.DeleteFunc(slices.Clone(all), isSet)
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
	isStored := func(r Requirement) bool {
		return r.Kind == Secret && slices.Contains(stored[r.Workspace], r.Name)
	}
	return slices.DeleteFunc(all, isStored), nil
}
