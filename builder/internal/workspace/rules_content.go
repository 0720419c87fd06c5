// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs for index.yml.
const (
	ruleNameMissing     = "name-missing"
	ruleNameInvalid     = "name-invalid"
	ruleLabelInvalid    = "label-invalid"
	ruleDescriptionNull = "description-null"
	ruleSlugInvalid     = "slug-invalid"
	ruleSlugReserved    = "slug-reserved"
	ruleSlugDuplicate   = "slug-duplicate"
	ruleSlugDirectory   = "slug-mismatch"
	ruleAppPhoto        = "app-photo-missing"
	ruleAppName         = "app-name-mismatch"
	rulePullExclude     = "pull-exclude"
	ruleDomains         = "custom-domains"
	ruleIndexObjects    = "index-objects"
)

func indexRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleNameMissing,
			Severity: diagnostic.Warning,
			Title:    "A workspace has no name",
			Meaning:  "The platform imports it without a name.",
			Example:  "index.yml without name",
			Remedy:   "add name to index.yml",
		},
		{
			ID:       ruleNameInvalid,
			Severity: diagnostic.Warning,
			Title:    "The name of a workspace is not valid",
			Meaning:  "The platform imports the name, but refuses it when a user edits the workspace.",
			Example:  "name: \"A & B\"",
			Remedy:   "use 1 to 60 letters, digits, spaces and , . ' -",
		},
		{
			ID:       ruleLabelInvalid,
			Severity: diagnostic.Warning,
			Title:    "A label is not valid",
			Meaning:  "The platform imports the label, but refuses it when a user edits the workspace.",
			Example:  "labels: [été]",
			Remedy:   "use 2 to 60 letters without accents, digits and . _ : -",
		},
		{
			ID:       ruleDescriptionNull,
			Severity: diagnostic.Error,
			Title:    "description of index.yml has no value",
			Meaning:  "The platform imports nothing of the workspace.",
			Example:  "description:",
			Remedy:   "write a description, or delete the key",
		},
		{
			ID:       ruleSlugInvalid,
			Severity: diagnostic.Error,
			Title:    "The slug of a workspace is not valid",
			Meaning:  "The platform refuses index.yml, and imports nothing of the workspace.",
			Example:  "slug: My Workspace",
			Remedy:   "use lower-case letters, digits and -",
		},
		{
			ID:       ruleSlugReserved,
			Severity: diagnostic.Error,
			Title:    "The slug of a workspace is reserved",
			Meaning:  "The platform's own workspace has this slug.",
			Example:  "slug: platform",
			Remedy:   "rename the workspace; the platform's own workspace has this slug",
		},
		{
			ID:       ruleSlugDuplicate,
			Severity: diagnostic.Error,
			Title:    "Two workspaces have the same slug",
			Meaning:  "The import of one overwrites the other.",
			Example:  "slug: mail in two directories",
			Remedy:   "change one of the slugs",
		},
		{
			ID:       ruleSlugDirectory,
			Severity: diagnostic.Warning,
			Title:    "The slug of a workspace differs from the name of its directory",
			Meaning:  "An import identifies the workspace by its directory.",
			Example:  "slug: mailer in mail/index.yml",
			Remedy: "name the directory after the slug (builder fmt --rename does): an import identifies a " +
				"workspace by its directory",
		},
		{
			ID:       ruleAppPhoto,
			Severity: diagnostic.Error,
			Title:    "A workspace that publishes an app has no photo",
			Meaning: "The import ends with the error \"Missing photo\", and the app is not published. An import " +
				"publishes an app if .import.yml has app, or if the workspace has the label production:app.",
			Example: "labels: [\"production:app\"] without photo",
			Remedy:  "add photo (the address of an image) to index.yml",
		},
		{
			ID:       ruleAppName,
			Severity: diagnostic.Warning,
			Title:    "The name of a workspace differs from the slug of its app",
			Meaning:  "With the label production:app, the import publishes the app under the name of the workspace.",
			Example:  "name: Mail Sender beside app: {slug: MailSender}",
			Remedy:   "use one name for both, or remove the label production:app",
		},
		{
			ID:       rulePullExclude,
			Severity: diagnostic.Warning,
			Title:    "index.yml excludes parts of the workspace from pulls",
			Meaning: "A pull does not change the parts listed in pull.exclude. Whether the import of a release " +
				"changes them is not documented.",
			Example: "repositories: {git: {pull: {exclude: [{path: index}]}}}",
			Remedy:  "remove pull.exclude from the release, or check these parts after the import",
		},
		{
			ID:       ruleDomains,
			Severity: diagnostic.Warning,
			Title:    "index.yml has custom domains",
			Meaning:  "An import empties customDomains: the workspace no longer answers at these domains.",
			Example:  "customDomains: [chat.example.com]",
			Remedy: "set the domains again after the import, and remove customDomains from index.yml; builder " +
				"transfer does it with --keep-domains",
		},
		{
			ID:       ruleIndexObjects,
			Severity: diagnostic.Warning,
			Title:    "index.yml contains automations, pages or app instances",
			Meaning: "The platform imports them from the files in automations/, pages/ and imports/ only. The " +
				"objects in index.yml are lost.",
			Example: "automations: {hello: {do: []}} in index.yml",
			Remedy:  "move each object into a separate file, such as automations/hello.yml",
		},
	}
}

// Rule IDs for automations, pages and app instances.
const (
	ruleScheduleInvalid = "schedule-invalid"
	ruleInstructionNull = "instruction-null"
	rulePageInvalid     = "page-invalid"
	ruleInstanceApp     = "import-app-missing"
)

func objectRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleScheduleInvalid,
			Severity: diagnostic.Error,
			Title:    "A schedule is not a cron expression",
			Meaning:  "The platform refuses the automation, and a pull deletes it.",
			Example:  "when: {schedules: [\"every day\"]}",
			Remedy: "write a list of cron expressions of five fields, or six with seconds first, such as \"0 8 * * " +
				"1-5\"",
		},
		{
			ID:       ruleInstructionNull,
			Severity: diagnostic.Error,
			Title:    "An instruction has no content",
			Meaning:  "The platform refuses the automation, and a pull deletes it.",
			Example:  "do: [{emit: }]",
			Remedy:   "write the instruction, or delete the item",
		},
		{
			ID:       rulePageInvalid,
			Severity: diagnostic.Error,
			Title:    "A page has a value that the platform refuses",
			Meaning:  "The platform refuses the page, and a pull deletes it.",
			Example:  "blocks: {a: 1}",
			Remedy:   "write blocks as a list of mappings, and labels as a list of texts",
		},
		{
			ID:       ruleInstanceApp,
			Severity: diagnostic.Warning,
			Title:    "An app instance has no app",
			Meaning:  "The platform installs an instance of nothing.",
			Example:  "imports/Mail.yml without appSlug",
			Remedy:   "add appSlug, the slug of the app",
		},
	}
}

// Rule IDs for security.yml.
const (
	ruleSecurityInvalid = "security-invalid"
	ruleSecurityRole    = "security-role-unknown"
	ruleSecurityUnknown = "security-unknown"
	ruleDelegationOrder = "delegation-order"
)

func securityRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleSecurityInvalid,
			Severity: diagnostic.Error,
			Title:    "The platform refuses security.yml",
			Meaning:  "The platform keeps its present roles and rules, and the import ends with an error.",
			Example:  "authorizations: {rules: {a: 1}}",
			Remedy:   "write roles as a mapping by name, and rules as a list of mappings with action and subject",
		},
		{
			ID:       ruleSecurityRole,
			Severity: diagnostic.Error,
			Title:    "A rule is for a role that does not exist",
			Meaning: "The platform refuses security.yml: a rule can be for a role of authorizations.roles only, " +
				"and not for owner.",
			Example: "rules: [{role: ghost, action: read, subject: pages}]",
			Remedy:  "add the role to authorizations.roles, or correct its name; rules for everyone have no role",
		},
		{
			ID:       ruleSecurityUnknown,
			Severity: diagnostic.Warning,
			Title:    "security.yml has an unknown key, value or action",
			Meaning: "The platform ignores a misspelt key, and authorizations that is not a mapping. It removes the " +
				"roles and rules that security.yml does not have. Versions of 2024 refuse a file with an unknown action.",
			Example: "authorization: {rules: []}",
			Remedy:  "correct the spelling; write authorizations as a mapping with roles and rules",
		},
		{
			ID:       ruleDelegationOrder,
			Severity: diagnostic.Warning,
			Title:    "The caller of delegated secrets is imported later",
			Meaning: "The platform resolves the callers when it imports security.yml, and skips one that it does " +
				"not have yet: it then cannot read the secrets.",
			Example: "a secure_secrets rule in a group before the workspace knowledge-sync",
			Remedy:  "move the caller to the same or an earlier group, or import the workspace a second time",
		},
	}
}
