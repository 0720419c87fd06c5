// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs for the repository and its workspaces.
const (
	ruleRepositoryEmpty  = "repository-empty"
	ruleOutsideWorkspace = "outside-workspace"
	ruleIndexMissing     = "index-missing"
	ruleMetadataMissing  = "import-metadata-missing"
	ruleLimit            = "limit-exceeded"
	rulePlatformInternal = "platform-internal"
)

func repositoryRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleRepositoryEmpty,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "There is no workspace",
			Meaning:  "A release without workspaces imports nothing.",
			Example:  "an empty directory",
			Remedy: "pass the directory that contains the directories of the workspaces (--subdir, if it is " +
				"within the " +
				"repository)",
		},
		{
			ID:       ruleOutsideWorkspace,
			Severity: diagnostic.Info,
			Title:    "A file is not in a workspace",
			Meaning:  "The platform ignores it.",
			Example:  "README.md beside the workspaces",
			Remedy:   "the platform ignores it; move it out of the directory of the workspaces, or into a workspace",
		},
		{
			ID:       ruleIndexMissing,
			Severity: diagnostic.Error,
			Title:    "A directory has no index.yml",
			Meaning: "Every directory beside the workspaces is treated as one, and an import of a workspace without " +
				"index.yml fails.",
			Example: "mail/ without mail/index.yml",
			Remedy: "a directory beside the workspaces is treated as one: add its index.yml, or move the directory " +
				"elsewhere",
		},
		{
			ID:       ruleMetadataMissing,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "A workspace has no .import.yml",
			Meaning:  "The file says which groups the workspace is in: without it, no import takes the workspace.",
			Example:  "mail/ without mail/.import.yml",
			Remedy: "push the workspace from the platform; or give all such workspaces --default-group base1 " +
				"and --default-version v1 " +
				"(commit, in a Git repository); or write into the release file (--config) workspaces: {SLUG: " +
				"{groups: [base1], version: v1}}",
		},
		{
			ID:       ruleLimit,
			Severity: diagnostic.Error,
			Fixed:    true,
			Title:    "A file or a workspace exceeds a limit",
			Meaning: "The platform refuses a workspace of more than 5,000 YAML and JSON files, and its YAML reader " +
				"more than 100 levels; other limits protect the memory of this program.",
			Example: "a: [[[… 101 times",
			Remedy:  "split the file, or move data out of it",
		},
		{
			ID:       rulePlatformInternal,
			Severity: diagnostic.Warning,
			Title:    "A file is internal to the platform",
			Meaning:  "The platform writes runtime.yml itself, and ignores it on import.",
			Example:  "mail/runtime.yml",
			Remedy:   "delete the file; the platform ignores it on import",
		},
	}
}

// Rule IDs for the paths of files.
const (
	ruleFileExtension = "file-extension"
	ruleSectionName   = "section-name"
	ruleImportNested  = "import-nested"
	ruleFileHidden    = "file-hidden"
	ruleRootOverride  = "root-override"
	ruleBulkExport    = "bulk-export-name"
	ruleSlugOfFile    = "object-slug-invalid"
	ruleObjectSlug    = "object-slug-mismatch"
	ruleSlugNested    = "object-slug-nested"
	ruleInstanceSlug  = "import-slug-mismatch"
	ruleSlugTwice     = "object-slug-duplicate"
	ruleSlugTaken     = "object-slug-reserved"
)

func pathRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleFileExtension,
			Severity: diagnostic.Error,
			Title:    "A file of automations, pages or imports does not end with .yml",
			Meaning: "The platform stores it as .yml. A pull then deletes it, because it is not stored under the " +
				"path that it came from. It does not read .YML at all.",
			Example: "automations/hello.yaml",
			Remedy:  "rename the file to end with .yml",
		},
		{
			ID:       ruleSectionName,
			Severity: diagnostic.Error,
			Title: "A directory or a file at the top of a workspace almost has the name of automations, " +
				"pages or imports",
			Meaning: "The platform does not import what is in a directory with another name (automation/, Pages/). " +
				"It treats automations.old/ and automations.yml as automations, and mixes them up with those " +
				"in automations/.",
			Example: "automation/hello.yml",
			Remedy: "use automations/, pages/ or imports/, and move what the platform must not read out of the " +
				"workspace",
		},
		{
			ID:       ruleImportNested,
			Severity: diagnostic.Error,
			Title:    "An app instance is in a directory within imports",
			Meaning: "The platform names the instance after the directory, and stores it under another path than " +
				"it came from.",
			Example: "imports/mail/SendMail.yml",
			Remedy:  "move the file to imports/",
		},
		{
			ID:       ruleFileHidden,
			Severity: diagnostic.Warning,
			Title:    "A hidden file is not imported",
			Meaning:  "The platform ignores files of automations, pages and imports whose name begins with a dot.",
			Example:  "automations/.hello.yml",
			Remedy:   "rename the file, or delete it",
		},
		{
			ID:       ruleRootOverride,
			Severity: diagnostic.Error,
			Title:    "A file overrides index.yml or security.yml",
			Meaning: "The platform treats index.yaml, index.json and every file in a directory index as index.yml, " +
				"and likewise for security: the last one it reads wins.",
			Example: "index.json",
			Remedy:  "delete the file, or give it another name",
		},
		{
			ID:       ruleBulkExport,
			Severity: diagnostic.Error,
			Title:    "A path ends with bulkExport.json",
			Meaning:  "The platform treats the whole archive as an export of several workspaces, and refuses it.",
			Example:  "automations/bulkExport.json",
			Remedy:   "rename the file",
		},
		{
			ID:       ruleSlugOfFile,
			Severity: diagnostic.Error,
			Title:    "A slug has characters that the platform refuses",
			Meaning: "The platform refuses the file (InvalidSlugError), and a pull deletes the automation, page or " +
				"app instance. The slug is slug of the file, else its name; that of an app instance is always " +
				"its name.",
			Example: "automations/a.b.yml",
			Remedy:  "use letters without accents, digits, spaces, _ - and / in slug and in the name of the file",
		},
		{
			ID:       ruleObjectSlug,
			Severity: diagnostic.Error,
			Title:    "The slug of an automation or page differs from the path of its file",
			Meaning: "The platform stores it under another path. A pull then deletes it, because it is not stored " +
				"under the path that it came from.",
			Example: "slug: other in automations/hello.yml",
			Remedy:  "rename the file to <slug>.yml, or correct slug",
		},
		{
			ID:       ruleSlugNested,
			Severity: diagnostic.Warning,
			Title:    "The slug of a nested automation differs from its path",
			Meaning: "Whether the platform stores it under the path that it came from is not documented; where it " +
				"does not, a pull deletes it.",
			Example: "slug: status in automations/v1/status.yml",
			Remedy:  "write the path into slug, such as v1/status",
		},
		{
			ID:       ruleInstanceSlug,
			Severity: diagnostic.Warning,
			Title:    "The slug of an app instance differs from the name of its file",
			Meaning: "The platform names a new instance after the file. If it has an instance with this slug " +
				"already, it overwrites that one.",
			Example: "slug: Other in imports/App.yml",
			Remedy:  "rename the file to <slug>.yml, or delete slug",
		},
		{
			ID:       ruleSlugTwice,
			Severity: diagnostic.Error,
			Title:    "Two files have the same slug",
			Meaning:  "Of two automations the last one wins without an error; the second page is refused.",
			Example:  "slug: hello in automations/a.yml and automations/b.yml",
			Remedy:   "change one of the slugs",
		},
		{
			ID:       ruleSlugTaken,
			Severity: diagnostic.Error,
			Title:    "A slug has a special meaning for the platform",
			Meaning: "The platform drops a page with the slug __index__, and does not find an app instance named " +
				"like a property that every JavaScript object has.",
			Example: "imports/constructor.yml",
			Remedy:  "use another slug",
		},
	}
}
