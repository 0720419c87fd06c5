// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/dsul"
)

// Ids of the rules, as diagnostics carry them. They are stable.
const (
	ruleRepositoryEmpty     = "repository-empty"
	ruleOutsideWorkspace    = "outside-workspace"
	ruleIndexMissing        = "index-missing"
	ruleMetadataMissing     = "import-metadata-missing"
	ruleYAMLInvalid         = "yaml-invalid"
	ruleYAMLEmpty           = "yaml-empty"
	ruleYAMLDocuments       = "yaml-multiple-documents"
	ruleYAMLDuplicateKey    = "yaml-duplicate-key"
	ruleLimit               = "limit-exceeded"
	ruleJSONInvalid         = "json-invalid"
	ruleLFSPointer          = "lfs-pointer"
	ruleTypeInvalid         = "type-invalid"
	ruleUnknownKey          = "unknown-key"
	rulePlaceholder         = "placeholder"
	rulePlatformInternal    = "platform-internal"
	ruleNameMissing         = "name-missing"
	ruleNameInvalid         = "name-invalid"
	ruleLabelInvalid        = "label-invalid"
	ruleSlugInvalid         = "slug-invalid"
	ruleSlugReserved        = "slug-reserved"
	ruleSlugDuplicate       = "slug-duplicate"
	ruleSlugMismatch        = "slug-mismatch"
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
	ruleGroupUnknown        = "group-unknown"
	ruleGroupLabels         = "group-labels"
	ruleGroupEmpty          = "group-empty"
	ruleDependsOnInvalid    = "depends-on-invalid"
	ruleDependencyUnknown   = "dependency-unknown"
	ruleDependencyOrder     = "dependency-order"
	ruleDependencyCycle     = "dependency-cycle"
	ruleImportUndeclared    = "import-undeclared"
	ruleChecksumInvalid     = "checksum-invalid"
	ruleChecksumMismatch    = "checksum-mismatch"
	ruleChecksumMissing     = "checksum-missing"
	ruleChecksumExtra       = "checksum-extra"
	ruleSecretUndeclared    = "secret-undeclared"
	ruleSecretUnused        = "secret-unused"
	ruleSecretReserved      = "secret-reserved"
)

// Rule is one check.
type Rule struct {
	ID       string
	Severity diagnostic.Severity
	// Help says what to do about it.
	Help string
}

// Rules returns all checks, by subject.
//
// Two severities are decisions. A missing version name is a warning: plain
// exports have none, and the platform imports them; it only cannot skip them.
// A checksum that does not match is an error: the file is not the one that the
// platform exported, and the platform will report it as changed ever after.
func Rules() []Rule {
	const e, w, i = diagnostic.Error, diagnostic.Warning, diagnostic.Info
	rules := []Rule{
		{ruleRepositoryEmpty, e, "give the directory that holds one directory per workspace (--subdir, if it is within the repository)"},
		{ruleOutsideWorkspace, i, "the platform ignores it; move it out of the directory of the workspaces, or into one of them"},
		{ruleIndexMissing, e, "a directory beside the workspaces is taken for one: add its index.yml, or move the directory elsewhere"},
		{ruleMetadataMissing, e, "push the workspace from the platform, or write a .import.yml with at least groups"},
		{ruleYAMLInvalid, e, "correct the file; the platform cannot read it"},
		{ruleYAMLEmpty, w, "fill the file or delete it"},
		{ruleYAMLDocuments, e, "keep one document per file; remove the second ---"},
		{ruleYAMLDuplicateKey, e, "keep one of the two; the platform refuses the file"},
		{ruleLimit, e, "split the file, or move data out of it"},
		{ruleJSONInvalid, e, "correct the file; the platform cannot read it"},
		{ruleLFSPointer, e, "fetch the content with git lfs pull, or store the file in Git itself"},
		{ruleTypeInvalid, e, "write the value in the form that is asked for; quote text that looks like a number, a date or a boolean"},
		{ruleUnknownKey, w, "correct the spelling; the platform ignores the key"},
		{rulePlaceholder, e, "replace the placeholder by a value, or delete the key"},
		{rulePlatformInternal, w, "delete the file; the platform ignores it on import"},
		{ruleNameMissing, e, "add name to index.yml"},
		{ruleNameInvalid, e, "use 1 to 60 letters, digits, spaces and , . ' -"},
		{ruleLabelInvalid, e, "use 2 to 60 letters without accents, digits and . _ : -"},
		{ruleSlugInvalid, e, "use lower-case letters, digits and -"},
		{ruleSlugReserved, e, "rename the workspace; the platform's own workspace has this slug"},
		{ruleSlugDuplicate, e, "give one of the two another slug"},
		{ruleSlugMismatch, w, "name the directory after the slug: an import identifies a workspace by its directory"},
		{ruleWorkspaceIDClash, e, "one is a copy of the other: delete workspaceId and id from the copy, or delete the copy"},
		{ruleWorkspaceIDMismatch, e, "keep the id of the workspace on the platform in both files"},
		{ruleAppSlugInvalid, e, "use letters without accents, digits, spaces, _ and -"},
		{ruleAppSlugDuplicate, e, "let one workspace publish the app; delete app from the other's .import.yml"},
		{ruleVersionNameMissing, w, "push with a version name: without one the platform cannot tell that a workspace is up to date and imports it each time"},
		{ruleVersionNameReserved, e, "give the version a name of its own, such as v2.4.0"},
		{ruleVersionNameStamp, e, "write version.name on one line, plain or in quotes, without an anchor, an alias, a tag or escapes; or build without --stamp-versions"},
		{ruleBaseClash, e, "give it another one, or build without --keep-base-workspaces, which hides what the base holds"},
		{ruleBaseGroup, e, "configure the group, at its place in the order of import (--group)"},
		{ruleGroupsMissing, e, "add groups, such as groups: [base1]; an import takes the workspaces of a group and none else"},
		{ruleGroupUnknown, e, "correct the name, or configure the group (--group)"},
		{ruleGroupLabels, e, "give the workspace one of the group's labels, or correct groups: the next push would take it out of the group"},
		{ruleGroupEmpty, e, "put a workspace into the group, or take the group off the list"},
		{ruleDependsOnInvalid, e, "write app/ and the slug of the app, such as app/Custom Code"},
		{ruleDependencyUnknown, w, "make sure that the target platform has the app already, or add the workspace that publishes it"},
		{ruleDependencyOrder, e, "move the provider to the same or an earlier group"},
		{ruleDependencyCycle, e, "remove one of the dependencies; no order of import satisfies them"},
		{ruleImportUndeclared, w, "push the workspace again, or add the app to dependsOn of .import.yml"},
		{ruleChecksumInvalid, e, "use the MD5 of the file (32 hexadecimal digits) or sha256: and 64 hexadecimal digits"},
		{ruleChecksumMismatch, e, "the file was changed after the push (or its line ends were): push again, or correct the checksum"},
		{ruleChecksumMissing, w, "the file was added after the push: push again, or add its checksum"},
		{ruleChecksumExtra, w, "the file was deleted after the push: push again, or delete the checksum"},
		{ruleSecretUndeclared, w, "declare it in secrets.schema of index.yml, so that people see that it needs a value; or correct the name"},
		{ruleSecretUnused, w, "delete it from secrets.schema of index.yml, or refer to it as {{secret.name}}"},
		{ruleSecretReserved, w, "use a name that does not start with prismeai_"},
	}
	for _, rule := range dsul.Rules() {
		severity := w
		if rule.Info {
			severity = i
		}
		rules = append(rules, Rule{rule.ID, severity, rule.Help})
	}
	return rules
}

// reporter gathers diagnostics.
type reporter struct {
	rules map[string]Rule
	found []diagnostic.Diagnostic
}

func newReporter() *reporter {
	r := &reporter{rules: map[string]Rule{}}
	for _, rule := range Rules() {
		r.rules[rule.ID] = rule
	}
	return r
}

func (r *reporter) report(id string, at Position, format string, args ...any) {
	rule := r.rules[id]
	r.found = append(r.found, diagnostic.Diagnostic{
		Severity: rule.Severity,
		Rule:     id,
		File:     at.File,
		Line:     at.Line,
		Column:   at.Column,
		Message:  fmt.Sprintf(format, args...),
		Help:     rule.Help,
	})
}

func (r *reporter) sorted() []diagnostic.Diagnostic {
	diagnostic.Sort(r.found)
	return r.found
}

var quotable = regexp.MustCompile(`^[\p{L}\p{N} ,.'_:/-]{0,64}$`)

// show quotes what has the form of a name. Anything else may be a secret that
// was put into the wrong place and is described instead.
func show(s string) string {
	if quotable.MatchString(s) {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("(a text of %d bytes)", len(s))
}
