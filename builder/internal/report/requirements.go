// SPDX-License-Identifier: AGPL-3.0-or-later

package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

// RequirementFormats returns the formats of [WriteRequirements], the default first.
func RequirementFormats() []string {
	return []string{"text", "markdown", "json", "secret", "externalsecret", "env"}
}

// WriteRequirements writes requirements, which must be sorted by workspace, as text, a checklist,
// JSON, an environment file, or the skeleton of a Kubernetes Secret or ExternalSecret with the
// given name. No format contains values.
func WriteRequirements(w io.Writer, format, name string, all []requirements.Requirement) error {
	out := &strings.Builder{}
	switch format {
	case "json":
		return requirementsJSON(w, all)
	case "markdown":
		requirementsMarkdown(out, all)
	case "secret":
		requirementsSecret(out, name, all)
	case "externalsecret":
		requirementsExternalSecret(out, name, all)
	case "env":
		eachByWorkspace(all, func(r requirements.Requirement, first bool) {
			if first {
				fmt.Fprintf(out, "# %s\n", terminal.Safe(r.Workspace))
			}
			fmt.Fprintf(out, "%s=\n", terminal.Safe(r.Variable))
		})
	default:
		requirementsText(out, all)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// eachByWorkspace calls fn for each requirement; first is set for the first one of a workspace.
func eachByWorkspace(all []requirements.Requirement, fn func(r requirements.Requirement, first bool)) {
	for i, r := range all {
		fn(r, i == 0 || all[i-1].Workspace != r.Workspace)
	}
}

func requirementsJSON(w io.Writer, all []requirements.Requirement) error {
	if all == nil {
		all = []requirements.Requirement{}
	}
	return document.Write(w, map[string]any{"requirements": all})
}

func requirementsText(w io.Writer, all []requirements.Requirement) {
	if len(all) == 0 {
		fmt.Fprintln(w, "The workspaces require no value of their environment.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WORKSPACE\tKIND\tNAME\tVARIABLE")
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", terminal.Safe(r.Workspace), r.Kind, terminal.Safe(r.Name),
			terminal.Safe(r.Variable))
	}
	_ = table.Flush() // w is a buffer
}

func requirementsMarkdown(w io.Writer, all []requirements.Requirement) {
	fmt.Fprintln(w, "## Values that the environment must have")
	if len(all) == 0 {
		fmt.Fprintln(w, "\nNone.")
	}
	eachByWorkspace(all, func(r requirements.Requirement, first bool) {
		if first {
			fmt.Fprintf(w, "\n### %s\n\n", terminal.Safe(r.Workspace))
		}
		fmt.Fprintf(w, "- [ ] %s `%s`, stored for the workspace or in `%s`\n", r.Kind, r.Name, r.Variable)
	})
}

// The keys are quoted for YAML, because they may contain anything.

func requirementsSecret(w io.Writer, name string, all []requirements.Requirement) {
	fmt.Fprintf(w, "# Fill in the values, and delete what is stored for the workspaces. Not for Git.\n"+
		"apiVersion: v1\nkind: Secret\nmetadata:\n  name: %q\ntype: Opaque\nstringData:", name)
	if len(all) == 0 {
		fmt.Fprint(w, " {}")
	}
	fmt.Fprintln(w)
	eachByWorkspace(all, func(r requirements.Requirement, first bool) {
		if first {
			fmt.Fprintf(w, "  # %s\n", terminal.Safe(r.Workspace))
		}
		fmt.Fprintf(w, "  %q: \"\"\n", r.Variable)
	})
}

func requirementsExternalSecret(w io.Writer, name string, all []requirements.Requirement) {
	fmt.Fprintf(w, "# Name your store, and delete what is stored for the workspaces.\n"+
		"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: %[1]q\nspec:\n"+
		"  secretStoreRef:\n    kind: SecretStore\n    name: \"\"\n  target:\n    name: %[1]q\n  data:", name)
	if len(all) == 0 {
		fmt.Fprint(w, " []")
	}
	fmt.Fprintln(w)
	eachByWorkspace(all, func(r requirements.Requirement, first bool) {
		if first {
			fmt.Fprintf(w, "    # %s\n", r.Workspace)
		}
		fmt.Fprintf(w, "    - secretKey: %q\n      remoteRef:\n        key: %q\n        property: %[1]q\n", r.Variable,
			name)
	})
}
