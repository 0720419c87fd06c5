// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs for .import.yml.
const (
	ruleUnknownKey          = "unknown-key"
	rulePlaceholder         = "placeholder"
	ruleWorkspaceIDClash    = "workspace-id-duplicate"
	ruleWorkspaceIDMismatch = "workspace-id-mismatch"
	ruleAppSlugInvalid      = "app-slug-invalid"
	ruleAppSlugDuplicate    = "app-slug-duplicate"
	ruleVersionNameMissing  = "version-name-missing"
	ruleVersionNameReserved = "version-name-reserved"
	ruleVersionNameStamp    = "version-name-stamp"
	ruleBaseClash           = "base-clash"
	ruleBaseGroup           = "base-group-unknown"
	ruleGroupsMissing       = "groups-missing"
	ruleMetadataFill        = "release-file-workspace"
	ruleGroupUnknown        = "group-unknown"
	ruleGroupLabels         = "group-labels"
	ruleGroupEmpty          = "group-empty"
)

func metadataRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleUnknownKey,
			Severity: diagnostic.Warning,
			Title:    "A key of .import.yml is misspelt",
			Meaning:  "The platform ignores the key.",
			Example:  "group: [base1]",
			Remedy:   "correct the spelling; the platform ignores the key",
		},
		{
			ID:       rulePlaceholder,
			Severity: diagnostic.Error,
			Title:    "A placeholder was not replaced",
			Meaning:  "The platform treats it as a value.",
			Example:  "workspaceId: <workspace-id>",
			Remedy:   "replace the placeholder with a value, or delete the key",
		},
		{
			ID:       ruleWorkspaceIDClash,
			Severity: diagnostic.Error,
			Title:    "Two workspaces have the same id",
			Meaning:  "The import of one overwrites the other.",
			Example:  "workspaceId: abc1234 in two .import.yml",
			Remedy:   "one is a copy of the other: delete workspaceId and id from the copy, or delete the copy",
		},
		{
			ID:       ruleWorkspaceIDMismatch,
			Severity: diagnostic.Error,
			Title:    ".import.yml and index.yml have different ids",
			Meaning:  "It is unclear which of the two workspaces is meant.",
			Example:  "workspaceId: a in .import.yml, id: b in index.yml",
			Remedy:   "keep the id of the workspace on the platform in both files",
		},
		{
			ID:       ruleAppSlugInvalid,
			Severity: diagnostic.Error,
			Title:    "The slug of an app is not valid",
			Meaning:  "The platform does not publish the app.",
			Example:  "app: {slug: My.App}",
			Remedy:   "use letters without accents, digits, spaces, _ and -",
		},
		{
			ID:       ruleAppSlugDuplicate,
			Severity: diagnostic.Error,
			Title:    "Two workspaces publish the same app",
			Meaning:  "The second one fails: the slug is in use.",
			Example:  "app: {slug: Mail} in two .import.yml",
			Remedy:   "let one workspace publish the app; delete app from the other's .import.yml",
		},
		{
			ID:       ruleVersionNameMissing,
			Severity: diagnostic.Warning,
			Title:    "A workspace has no version name",
			Meaning:  "The platform cannot tell that it has the version, and imports it each time.",
			Example:  ".import.yml without version.name",
			Remedy: "push with a version name, or give it --default-version: without one the platform cannot " +
				"tell that a workspace is up to " +
				"date and imports it each time",
		},
		{
			ID:       ruleVersionNameReserved,
			Severity: diagnostic.Error,
			Title:    "A version name is reserved",
			Meaning:  "latest and current have a special meaning for the platform.",
			Example:  "version: {name: latest}",
			Remedy:   "use another name, such as v2.4.0",
		},
		{
			ID:       ruleVersionNameStamp,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "A version name cannot be stamped",
			Meaning:  "--stamp-versions adds digits to the bytes of the name.",
			Example:  "version: {name: \"v\\u0031\"}",
			Remedy: "write version.name on one line, plain or in quotes, without an anchor, an alias, a tag or " +
				"escapes; or build without --stamp-versions",
		},
		{
			ID:       ruleBaseClash,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "The base image holds a workspace with the same slug, id or app",
			Meaning:  "One of the two would overwrite the other.",
			Example:  "mail/ in the repository and in the base image",
			Remedy:   "change it, or build without --keep-base-workspaces, which hides the workspaces of the base",
		},
		{
			ID:       ruleBaseGroup,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "A workspace of the base is in an unknown group",
			Meaning:  "It would not be imported.",
			Example:  "a base with the group legacy",
			Remedy:   "configure the group, at its place in the order of import (--group)",
		},
		{
			ID:       ruleMetadataFill,
			Severity: diagnostic.Error,
			Title:    "The release file and a workspace disagree",
			Meaning:  "The release file may only add values that .import.yml lacks.",
			Example:  "workspaces: {mail: {groups: [base2]}} for a workspace with groups: [base1]",
			Remedy:   "correct workspaces in the release file, or .import.yml: their values must not differ",
		},
		{
			ID:       ruleGroupsMissing,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "A workspace is not in any group",
			Meaning:  "No import includes it.",
			Example:  ".import.yml without groups",
			Remedy: "write groups: [base1] into .import.yml, or into the release file workspaces: {SLUG: " +
				"{groups: [base1]}}, " +
				"or defaultGroup: base1 for all; an import includes only the workspaces of a group",
		},
		{
			ID:       ruleGroupUnknown,
			Severity: diagnostic.Error,
			Title:    "A group is not configured",
			Meaning:  "No import includes the workspaces of the group.",
			Example:  "groups: [base9]",
			Remedy:   "correct the name, or configure the group (--group)",
		},
		{
			ID:       ruleGroupLabels,
			Severity: diagnostic.Error,
			Title:    "The labels of a workspace do not match its groups",
			Meaning:  "The next push would take it out of the group, or put it into another.",
			Example:  "groups: [base1] without the label of base1",
			Remedy: "give the workspace one of the group's labels, or correct groups: the next push would take it " +
				"out of the group",
		},
		{
			ID:       ruleGroupEmpty,
			Severity: diagnostic.Error,
			Title:    "A group that is imported at startup is empty",
			Meaning:  "The import of the group fails.",
			Example:  "--startup-group base1 without a workspace in it",
			Remedy:   "put a workspace into the group, or remove the group from the list",
		},
	}
}

// Rule IDs for dependencies.
const (
	ruleDependsOnInvalid  = "depends-on-invalid"
	ruleDependencyUnknown = "dependency-unknown"
	ruleDependencyOrder   = "dependency-order"
	ruleDependencyCycle   = "dependency-cycle"
	ruleImportUndeclared  = "import-undeclared"
)

func orderRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleDependsOnInvalid,
			Severity: diagnostic.Error,
			Title:    "A dependency is not the slug of an app",
			Meaning:  "The platform cannot order the import by it.",
			Example:  "dependsOn: [Mail]",
			Remedy:   "write app/ and the slug of the app, such as app/Custom Code",
		},
		{
			ID:       ruleDependencyUnknown,
			Severity: diagnostic.Warning,
			Title:    "No workspace publishes an app that another depends on",
			Meaning:  "The app must be on the platform already.",
			Example:  "dependsOn: [app/Elsewhere]",
			Remedy:   "make sure that the target platform has the app already, or add the workspace that publishes it",
		},
		{
			ID:       ruleDependencyOrder,
			Severity: diagnostic.Error,
			Title:    "An app is imported after a workspace that depends on it",
			Meaning:  "The workspace is imported without the app.",
			Example:  "a provider in base2 of a workspace in base1",
			Remedy:   "move the provider to the same or an earlier group",
		},
		{
			ID:       ruleDependencyCycle,
			Severity: diagnostic.Error,
			Title:    "Workspaces depend on each other",
			Meaning:  "No order of import satisfies them.",
			Example:  "a depends on b, b on a",
			Remedy:   "remove one of the dependencies; no order of import satisfies them",
		},
		{
			ID:       ruleImportUndeclared,
			Severity: diagnostic.Warning,
			Title:    "An app is used but not declared",
			Meaning:  "The import order does not respect it.",
			Example:  "imports/Mail.yml without app/Mail in dependsOn",
			Remedy: "push the workspace again, or add the app to dependsOn of .import.yml; " +
				"an app that the target has goes into externalApps of the release file",
		},
	}
}
