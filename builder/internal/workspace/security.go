// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// securityFile holds the roles and rules of a workspace.
const securityFile = "security.yml"

// checkSecurity reports what the platform refuses in security.yml. It returns the
// place of a rule that lets other workspaces read secrets, if there is one. Subjects
// and actions are not judged: they differ between versions of the platform.
func checkSecurity(root *yaml.Node, r reader) Position {
	authorizations := lookup(root, "authorizations")
	if !isMapping(authorizations) {
		return Position{}
	}
	roles := r.roles(lookup(authorizations, "roles"))
	rules := get(authorizations, "rules")
	if isFalsy(rules) {
		return Position{}
	}
	list := resolve(rules)
	if list.Kind != yaml.SequenceNode {
		r.report(ruleSecurityInvalid, r.at(rules), "authorizations.rules must be a list: the platform refuses the file")
		return Position{}
	}
	var delegates Position
	for _, item := range list.Content {
		rule := resolve(item)
		if rule.Kind != yaml.MappingNode {
			r.report(ruleSecurityInvalid, r.at(item), "a rule must be a mapping with action and subject: the "+
				"platform refuses the file")
			continue
		}
		r.checkRule(item, rule, roles)
		if delegation(rule) {
			delegates = r.at(item)
		}
	}
	return delegates
}

// roles returns the names of the roles, and reports what is no role.
func (r reader) roles(n *yaml.Node) map[string]bool {
	names := map[string]bool{}
	if isFalsy(n) {
		return names
	}
	if n.Kind != yaml.MappingNode {
		r.report(ruleSecurityInvalid, r.at(n), "authorizations.roles must be a mapping by name: the platform "+
			"does not know these roles")
		return names
	}
	for k, v := range fields(n) {
		name := keyText(k)
		names[name] = true
		if isNull(resolve(v)) && name != "owner" && name != "editor" {
			r.report(ruleSecurityInvalid, r.at(k), "role %s has no value: the platform refuses the file; write {}",
				show(name))
		}
	}
	return names
}

func (r reader) checkRule(at, rule *yaml.Node, roles map[string]bool) {
	for _, key := range []string{"action", "subject"} {
		value := resolve(get(rule, key))
		if value == nil || isNull(value) || value.Kind == yaml.SequenceNode && len(value.Content) == 0 {
			r.report(ruleSecurityInvalid, r.at(at), "a rule has no %s: the platform refuses the file", key)
		}
	}
	r.checkActions(get(rule, "action"))
	role := get(rule, "role")
	if isFalsy(role) {
		return
	}
	list := []*yaml.Node{role}
	if n := resolve(role); n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, item := range list {
		switch name := scriptText(item); {
		case name == "owner":
			r.report(ruleSecurityRole, r.at(item), "a rule cannot be for the role owner: the platform refuses the file")
		case name != "default" && !roles[name]:
			r.report(ruleSecurityRole, r.at(item), "role %s is not in authorizations.roles: the platform "+
				"refuses the file", show(name))
		}
	}
}

// ruleActions are the actions that the platform has had at some time.
func ruleActions() []string {
	return []string{
		"create", "read", "update", "delete", "manage", "manage_permissions", "manage_security", "manage_repositories",
		"manage_policies",
		"get_usage", "aggregate_search", "execute", "write", "share", "publish",
	}
}

// checkActions reports actions that are almost, but not quite, known. Others may be
// those of a newer platform.
func (r reader) checkActions(n *yaml.Node) {
	if n == nil {
		return
	}
	items := []*yaml.Node{n}
	if list := resolve(n); list.Kind == yaml.SequenceNode {
		items = list.Content
	}
	for _, item := range items {
		name := scriptText(item)
		if slices.Contains(ruleActions(), name) {
			continue
		}
		if known := spelling.Nearest(name, slices.Values(ruleActions())); len(name) > 3 && known != "" {
			r.report(ruleSecurityInvalid, r.at(item), "unknown action %s, did you mean %s? The platform refuses "+
				"the file", show(name), known)
		}
	}
}

// delegated is a pattern of secret names from which the platform derives a delegation:
// at least six characters that end with _ or - before the user's id.
var delegated = lazyregexp.New(`^\^[^\[${.*+?(|\\,\s]{5,}[_-](\[[^\]]*\]\{\d+\}[_-]?)?\$\{user\.id\}`)

// delegation reports whether a rule lets the callers of delegated secrets read secrets.
func delegation(rule *yaml.Node) bool {
	if isInverted := get(rule, "inverted"); !isFalsy(isInverted) {
		return false
	}
	subject := resolve(get(rule, "subject"))
	subjects := []*yaml.Node{subject}
	if subject != nil && subject.Kind == yaml.SequenceNode {
		subjects = subject.Content
	}
	for _, s := range subjects {
		if s = resolve(s); s != nil && s.Value == "secure_secrets" {
			pattern := lookup(rule, "conditions", "name", "$regex")
			return pattern != nil && delegated.MatchString(pattern.Value) &&
				!strings.HasPrefix(pattern.Value, "^"+reservedSecret)
		}
	}
	return false
}
