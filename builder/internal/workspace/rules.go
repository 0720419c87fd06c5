// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Rules returns all rules of this package, by subject.
//
// A rule is an error if the platform refuses, loses or deletes something, and a warning if it
// stores something unintended. What the platform accepts has no rule. Two severities are
// deliberate. A missing version name is a warning: plain exports have none, and the platform
// imports them but cannot skip them. A checksum mismatch is a warning: every edit and merge in Git
// causes one, and the platform imports the file. [ChecksumsVerify] makes it an error.
func Rules() []diagnostic.Rule {
	return slices.Concat(
		repositoryRules(), pathRules(), yamlRules(), indexRules(), objectRules(), securityRules(),
		metadataRules(), orderRules(), checksumRules(), secretRules(), scriptRules(),
	)
}

// scriptRules are the rules for automations and pages.
func scriptRules() []diagnostic.Rule {
	var rules []diagnostic.Rule
	for _, r := range dsul.Rules() {
		severity := diagnostic.Warning
		if r.Info {
			severity = diagnostic.Info
		}
		rules = append(rules, diagnostic.Rule{
			ID: r.ID, Severity: severity, Title: r.Title, Meaning: r.Meaning, Example: r.Example, Remedy: r.Help,
		})
	}
	return rules
}

// reporter collects diagnostics.
type reporter struct {
	found []diagnostic.Diagnostic
}

// rulesByID are the rules by their identifiers.
var rulesByID = sync.OnceValue(func() map[string]diagnostic.Rule {
	rules := map[string]diagnostic.Rule{}
	for _, rule := range Rules() {
		rules[rule.ID] = rule
	}
	return rules
})

func (r *reporter) report(id string, at Position, format string, args ...any) {
	r.found = append(r.found, rulesByID()[id].Report(at.File, at.Line, at.Column, format, args...))
}

func (r *reporter) sortedFindings() []diagnostic.Diagnostic {
	diagnostic.Sort(r.found)
	return r.found
}

var quotable = lazyregexp.New(`^[\p{L}\p{N} ,.'_:/-]{0,64}$`)

// quoteName quotes a text that looks like a name. Anything else may be a misplaced secret, so only its
// length is shown.
func quoteName(s string) string {
	if quotable.MatchString(s) {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("(a text of %d bytes)", len(s))
}
