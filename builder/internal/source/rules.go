// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import "github.com/prismeai/workspaces-release/builder/internal/diagnostic"

// Rule IDs.
const (
	ruleSymlink       = "symlink"
	ruleHardLink      = "hard-link"
	ruleSubmodule     = "submodule"
	ruleSpecialFile   = "special-file"
	ruleTooLarge      = "file-too-large"
	ruleChanged       = "source-changed"
	ruleUnreadable    = "unreadable"
	ruleLFS           = "lfs-pointer"
	ruleCrypt         = "git-crypt"
	ruleNotUTF8       = "name-not-utf8"
	ruleNameInvalid   = "file-name-invalid"
	ruleWhiteout      = "name-whiteout"
	ruleNameTooLong   = "name-too-long"
	ruleNameDuplicate = "name-duplicate"
	ruleCollision     = "case-collision"
	ruleUnicode       = "unicode-collision"
	ruleInvisible     = "name-invisible"
)

// Rules returns the rules for a source.
func Rules() []diagnostic.Rule {
	return append(kindRules(), nameRules()...)
}

// kindRules are the rules for file types.
func kindRules() []diagnostic.Rule {
	return []diagnostic.Rule{
		{
			ID: ruleSymlink, Severity: diagnostic.Error, Fixed: true, Title: "A symbolic link is in a workspace",
			Meaning: "It does not ship: what it points to may be outside of the source.",
			Example: "mail/index.yml → ../other.yml",
			Remedy:  "replace the link by the file that it points to",
		},
		{
			ID: ruleHardLink, Severity: diagnostic.Error, Fixed: true, Title: "A file has more than one name",
			Meaning: "It does not ship: somebody may write to it by its other name.",
			Example: "a copy made with cp -al",
			Remedy:  "copy the file (cp without -l), or clone the repository again",
		},
		{
			ID: ruleSubmodule, Severity: diagnostic.Error, Fixed: true, Title: "A Git submodule is in a workspace",
			Meaning: "It does not ship: its files are in another repository.", Example: "mail/shared as a submodule",
			Remedy: "commit the files themselves, or build from a directory after git submodule update --init",
		},
		{
			ID: ruleSpecialFile, Severity: diagnostic.Error, Fixed: true, Title: "A device, a pipe or a socket " +
				"is in a workspace",
			Meaning: "It cannot ship.", Example: "mkfifo mail/pipe", Remedy: "remove it",
		},
		{
			ID: ruleTooLarge, Severity: diagnostic.Error, Fixed: true, Title: "A file is too large",
			Meaning: "It exceeds the limit for one file.", Example: "a video of 200 MB",
			Remedy: "remove the file, or raise --max-file-size",
		},
		{
			ID: ruleChanged, Severity: diagnostic.Error, Fixed: true, Title: "A file changed while it was read",
			Meaning: "What was checked may not be what would ship.", Example: "a formatter that runs during the build",
			Remedy: "let nothing write to the source during a build",
		},
		{
			ID: ruleUnreadable, Severity: diagnostic.Error, Fixed: true, Title: "A file cannot be read",
			Meaning: "It cannot ship.", Example: "chmod 0 mail/index.yml", Remedy: "let the user of the builder " +
				"read it",
		},
		{
			ID: ruleLFS, Severity: diagnostic.Error, Fixed: true, Title: "A pointer is in the place of a file",
			Meaning: "The file itself is in Git LFS (or hawser, or git-media): the pointer would ship.",
			Example: "version https://git-lfs.github.com/spec/v1",
			Remedy:  "build from a directory after git lfs pull, or store the file in Git itself",
		},
		{
			ID: ruleCrypt, Severity: diagnostic.Error, Fixed: true, Title: "A file is encrypted by git-crypt",
			Meaning: "The ciphertext would ship, which the platform cannot read.", Example: "a checkout without " +
				"git-crypt unlock",
			Remedy: "build from a directory after git-crypt unlock, and do not ship secrets: the platform keeps them",
		},
	}
}

// nameRules are the rules for names that are invalid in an image, a manifest or another system.
func nameRules() []diagnostic.Rule {
	const rename = "rename it"
	return []diagnostic.Rule{
		{
			ID: ruleNotUTF8, Severity: diagnostic.Error, Fixed: true, Title: "A name is not valid UTF-8",
			Meaning: "Manifests and images hold UTF-8 only.", Example: "a name in Latin-1", Remedy: rename,
		},
		{
			ID: ruleNameInvalid, Severity: diagnostic.Error, Fixed: true, Title: "A name has a character that " +
				"names cannot have",
			Meaning: "Control characters, backslashes and .. act on terminals and on programs that unpack.",
			Example: "a line feed in a name",
			Remedy:  rename,
		},
		{
			ID: ruleWhiteout, Severity: diagnostic.Error, Fixed: true, Title: "A name deletes files of an image",
			Meaning: "In an image, .wh.x deletes the file x of the layers below.",
			Example: "mail/.wh.index.yml", Remedy: rename,
		},
		{
			ID: ruleNameTooLong, Severity: diagnostic.Error, Fixed: true, Title: "A name or a path is too long",
			Meaning: "File systems take names of 255 bytes, and unpackers paths of 1,024.",
			Example: "a name of 300 bytes", Remedy: rename,
		},
		{
			ID: ruleNameDuplicate, Severity: diagnostic.Error, Fixed: true, Title: "A directory has a name more " +
				"than once",
			Meaning: "Which of the files is meant is not clear.", Example: "a Git tree made by a broken program",
			Remedy: "create the Git tree again",
		},
		{
			ID: ruleCollision, Severity: diagnostic.Warning, Title: "Names differ by case only",
			Meaning: "The platform takes both. On macOS and Windows one overwrites the other.",
			Example: "Readme.md and README.md",
			Remedy:  "rename one of the two",
		},
		{
			ID: ruleUnicode, Severity: diagnostic.Error, Fixed: true, Title: "Names differ by their Unicode form only",
			Meaning: "They look the same, and on macOS one overwrites the other.", Example: "envoyé.yml, " +
				"composed and decomposed",
			Remedy: "keep one of the two, with its name in the composed form (NFC)",
		},
		{
			ID: ruleInvisible, Severity: diagnostic.Warning, Title: "A name has characters that cannot be seen",
			Meaning: "It looks like another name, and is not: nothing that uses the other finds it.",
			Example: "index.yml with U+200B",
			Remedy:  "rename it without these characters",
		},
	}
}

// ruleByID returns the rule with an ID.
func ruleByID(id string) diagnostic.Rule {
	for _, r := range Rules() {
		if r.ID == id {
			return r
		}
	}
	return diagnostic.Rule{ID: id, Severity: diagnostic.Error, Fixed: true}
}
