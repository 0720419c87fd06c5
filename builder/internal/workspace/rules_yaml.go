// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs for the form of files.
const (
	ruleYAMLInvalid      = "yaml-invalid"
	ruleYAMLEmpty        = "yaml-empty"
	ruleFileEmpty        = "file-empty"
	ruleYAMLRoot         = "yaml-root"
	ruleYAMLDocuments    = "yaml-multiple-documents"
	ruleYAMLDuplicateKey = "yaml-duplicate-key"
	ruleYAMLMappingKey   = "yaml-mapping-key"
	ruleYAMLListKey      = "yaml-list-key"
	ruleYAMLOldPlatform  = "yaml-property-before-key"
	ruleYAMLMark         = "yaml-byte-order-mark"
	ruleYAMLInvisible    = "yaml-invisible-character"
	ruleJSONInvalid      = "json-invalid"
	ruleJSONYAML         = "json-yaml"
	ruleTypeInvalid      = "type-invalid"
	ruleTypeCoerced      = "type-coerced"
)

func yamlRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID:       ruleYAMLInvalid,
			Severity: diagnostic.Error,
			Title:    "A file is not valid YAML",
			Meaning: "The platform refuses the file, and a pull deletes its automation, page or app instance. If " +
				"it is index.yml, nothing of the workspace is imported.",
			Example: "a: b: c",
			Remedy:  "correct the file; the platform cannot read it",
		},
		{
			ID:       ruleYAMLEmpty,
			Severity: diagnostic.Error,
			Title:    "A file has no content",
			Meaning: "The platform deletes the automation, page or app instance. If it is index.yml, nothing of " +
				"the workspace is imported.",
			Example: "an automation with comments only",
			Remedy:  "restore the content, or delete the file",
		},
		{
			ID:       ruleFileEmpty,
			Severity: diagnostic.Warning,
			Title:    "A file without content has an effect",
			Meaning: "An empty security.yml removes all roles and rules of the workspace; an empty .import.yml " +
				"leaves it without a group.",
			Example: "an empty security.yml",
			Remedy:  "restore the content, or delete the file",
		},
		{
			ID:       ruleYAMLRoot,
			Severity: diagnostic.Error,
			Title:    "The content of a file is not a mapping",
			Meaning: "Text and numbers make the import of the file fail; a list is stored as an object without " +
				"fields.",
			Example: "TODO as automations/hello.yml",
			Remedy:  "write the file as key: value",
		},
		{
			ID:       ruleYAMLDocuments,
			Severity: diagnostic.Error,
			Title:    "A file holds more than one YAML document",
			Meaning:  "The platform refuses the file.",
			Example:  "a: 1, ---, b: 2",
			Remedy:   "keep one document per file; remove the second ---",
		},
		{
			ID:       ruleYAMLDuplicateKey,
			Severity: diagnostic.Error,
			Title:    "A mapping has a duplicate key",
			Meaning: "The platform refuses the file. Keys are equal if JavaScript converts them to the same " +
				"text: 1, 0x1 " +
				"and 1.0 are.",
			Example: "{a: 1, a: 2}",
			Remedy:  "keep one of the two; the platform refuses the file",
		},
		{
			ID:       ruleYAMLMappingKey,
			Severity: diagnostic.Error,
			Title:    "A mapping is a key: {{…}} without quotes",
			Meaning: "YAML reads {{name}} without quotes as a mapping within a mapping. The platform stores " +
				"\"[object Object]\" in its place, without an error.",
			Example: "value: {{name}}",
			Remedy:  "put the expression in quotes: \"{{name}}\"",
		},
		{
			ID:       ruleYAMLListKey,
			Severity: diagnostic.Warning,
			Title:    "A list is a key",
			Meaning:  "The platform stores the items as one text, with commas between them.",
			Example:  "? [a, b]",
			Remedy:   "write the key as text",
		},
		{
			ID:       ruleYAMLOldPlatform,
			Severity: diagnostic.Warning,
			Title:    "An anchor or a tag is before the first key of a mapping",
			Meaning: "js-yaml 4.1 refuses the file, later versions read it: it depends on the version of the " +
				"platform.",
			Example: "&x a: 1",
			Remedy:  "put the anchor or the tag on the line of the parent key, or delete it",
		},
		{
			ID:       ruleYAMLMark,
			Severity: diagnostic.Error,
			Title:    "A byte order mark is within a file",
			Meaning:  "It becomes part of the key or text that follows, which is then not found.",
			Example:  "U+FEFF twice at the start of a file",
			Remedy:   "save the file as UTF-8 without a byte order mark",
		},
		{
			ID:       ruleYAMLInvisible,
			Severity: diagnostic.Warning,
			Title:    "A key has a character that cannot be seen",
			Meaning: "A no-break space or a zero-width character, often from a web page or a word processor, does " +
				"not indent or separate: it becomes part of the key, which the platform then does not find.",
			Example: "U+00A0 before endpoint: true",
			Remedy:  "replace the character by a space, or delete it; quote the key if the character is meant",
		},
		{
			ID:       ruleJSONInvalid,
			Severity: diagnostic.Error,
			Title:    "A file is not valid JSON",
			Meaning:  "The platform cannot read the file.",
			Example:  "{\"a\": 1, \"a\": 2}",
			Remedy:   "correct the file; the platform cannot read it",
		},
		{
			ID:       ruleJSONYAML,
			Severity: diagnostic.Warning,
			Title:    "A .json file is YAML, not JSON",
			Meaning:  "The platform reads it as YAML: comments become part of keys.",
			Example:  "{// c",
			Remedy:   "write JSON without comments and without commas at the end",
		},
		{
			ID:       ruleTypeInvalid,
			Severity: diagnostic.Error,
			Title:    "A value has the wrong type",
			Meaning:  "The platform refuses the file, or reads the value as a number, a date or a list.",
			Example:  "version: {name: 61e9540}",
			Remedy: "write the value in the form that is asked for; quote text that looks like a number, a date " +
				"or a boolean",
		},
		{
			ID:       ruleTypeCoerced,
			Severity: diagnostic.Warning,
			Title:    "A value is not a text, and the platform converts it",
			Meaning:  "The platform converts the number, date or boolean as JavaScript does: 1.10 becomes 1.1.",
			Example:  "name: 1.10",
			Remedy:   "quote the value",
		},
	}
}
