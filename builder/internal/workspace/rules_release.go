// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs for checksums.
const (
	ruleChecksumInvalid  = "checksum-invalid"
	ruleChecksumMismatch = "checksum-mismatch"
	ruleChecksumLineEnds = "checksum-line-ends"
	ruleChecksumForm     = "checksum-name-form"
	ruleChecksumMissing  = "checksum-missing"
	ruleChecksumExtra    = "checksum-extra"

	ruleChecksumRefreshed = "checksum-refreshed"
	ruleChecksumUnwritten = "checksum-not-refreshed"
)

func checksumRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleChecksumInvalid,
			Severity: diagnostic.Warning,
			Title:    "A checksum is not valid",
			Meaning:  "It cannot be compared. --checksums verify makes it an error.",
			Example:  "checksums: {automations: {a: x}}",
			Remedy: "use the MD5 of the file (32 hexadecimal digits) or sha256: and 64 hexadecimal digits; " +
				"builder fmt writes them",
		},
		{
			ID:       ruleChecksumMismatch,
			Severity: diagnostic.Warning,
			Title:    "A file differs from the exported one",
			Meaning: "The platform skips the workspace where its version name is installed, and otherwise " +
				"reports the file as changed. --checksums verify makes it an error.",
			Example: "an automation that was edited after the push",
			Remedy: "an edit or a merge in Git counts with --stamp-versions content; builder fmt or --checksums " +
				"refresh correct the checksums; if no edit was intended, push again",
		},
		{
			ID:       ruleChecksumLineEnds,
			Severity: diagnostic.Warning,
			Title:    "The line endings of the files were changed",
			Meaning: "All checksums of the workspace match the files with other line endings: the platform " +
				"will report every file as changed. --checksums verify makes it an error.",
			Example: "a checkout with core.autocrlf",
			Remedy: "check the files out without conversion of line endings (git config core.autocrlf false, no text " +
				"or eol attribute)",
		},
		{
			ID:       ruleChecksumForm,
			Severity: diagnostic.Warning,
			Title:    "A checksum names its file in another Unicode form",
			Meaning: "The names look the same and differ in bytes: the platform may not find the file of the " +
				"checksum.",
			Example: "envoyé composed in .import.yml and decomposed in the name of the file",
			Remedy:  "rename the file to the composed form (NFC), as the platform writes it",
		},
		{
			ID:       ruleChecksumMissing,
			Severity: diagnostic.Warning,
			Title:    "A file has no checksum",
			Meaning:  "It was added after the push. Reported with --checksums verify, as an error.",
			Example:  "a file that .import.yml does not list",
			Remedy:   "the file was added after the push: push again, or add its checksum",
		},
		{
			ID:       ruleChecksumExtra,
			Severity: diagnostic.Warning,
			Title:    "A checksum does not belong to any file",
			Meaning:  "The file was deleted after the push. Reported with --checksums verify, as an error.",
			Example:  "a checksum of a missing file",
			Remedy:   "the file was deleted after the push: push again, or delete the checksum",
		},
		{
			ID:       ruleChecksumRefreshed,
			Severity: diagnostic.Info,
			Title:    "The checksums were refreshed",
			Meaning:  "The image has the checksums of the current files. The source is not changed.",
			Example:  "an automation that was edited, with --checksums refresh",
			Remedy:   "builder fmt writes the same checksums into the source",
		},
		{
			ID:       ruleChecksumUnwritten,
			Severity: diagnostic.Error,
			Title:    "The checksums cannot be refreshed",
			Meaning: "--checksums refresh removes the checksum of a deleted file, but another value " +
				"refers to it.",
			Example: "checksums: {pages: {gone: &x 0cc1…}} with *x elsewhere in the file",
			Remedy:  "write the checksums of .import.yml without anchors and aliases",
		},
	}
}

// Rule IDs for secrets.
const (
	ruleSecretUndeclared = "secret-undeclared"
	ruleSecretUnused     = "secret-unused"
	ruleSecretReserved   = "secret-reserved"
)

func secretRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleSecretUndeclared,
			Severity: diagnostic.Warning,
			Title:    "A secret is used but not declared",
			Meaning:  "Users cannot see that it needs a value.",
			Example:  "{{secret.apiKey}} without secrets.schema.apiKey",
			Remedy: "declare it in secrets.schema of index.yml, so that users see that it needs a value; or " +
				"correct the name",
		},
		{
			ID:       ruleSecretUnused,
			Severity: diagnostic.Warning,
			Title:    "A secret is declared but not used",
			Meaning:  "It may be a misspelt name.",
			Example:  "secrets.schema.apiKey without {{secret.apiKey}}",
			Remedy:   "delete it from secrets.schema of index.yml, or refer to it as {{secret.name}}",
		},
		{
			ID:       ruleSecretReserved,
			Severity: diagnostic.Warning,
			Title:    "A secret has a reserved name",
			Meaning:  "Only super admins may set secrets that start with prismeai_.",
			Example:  "{{secret.prismeai_key}}",
			Remedy:   "use a name that does not start with prismeai_",
		},
	}
}
