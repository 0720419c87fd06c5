// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// securityFile holds the roles and rules of a workspace.
const securityFile = "security.yml"

// checkSecurityKeys reports misspelt keys. Other unknown keys may belong to a newer platform.
func (r valueReader) checkSecurityKeys(mapping *yaml.Node, known ...string) {
	for k := range yamltree.Pairs(mapping).All {
		key := yamltree.KeyText(k)
		if slices.Contains(known, key) {
			continue
		}
		nearest := spelling.Nearest(key, slices.Values(known))
		if nearest != "" && yamltree.Lookup(mapping, nearest) == nil {
			r.report(ruleSecurityUnknown, r.positionOf(k), "unknown key %s, did you mean %s?", quoteName(key), nearest)
		}
	}
}

// checkSecurity reports what the platform refuses in security.yml. It returns the position of the
// last rule that lets other workspaces read secrets, if any. Subjects are not checked: they differ
// between versions of the platform.
func checkSecurity(root *yaml.Node, r valueReader) Position {
	r.checkSecurityKeys(root, "authorizations", "authentication")
	authorizations := lookupPath(root, "authorizations")
	r.checkSecurityKeys(authorizations, "roles", "rules")
	if !isMapping(authorizations) {
		if !isFalsy(authorizations) {
			r.report(ruleSecurityUnknown, r.positionOf(authorizations), "authorizations must be a mapping with roles and "+
				"rules: the platform removes all roles and rules of the workspace")
		}
		return Position{}
	}
	roles := r.readRoles(lookupPath(authorizations, "roles"))
	rules := yamltree.Lookup(authorizations, "rules")
	if isFalsy(rules) {
		return Position{}
	}
	list := yamltree.Resolve(rules)
	if list.Kind != yaml.SequenceNode {
		r.report(ruleSecurityInvalid, r.positionOf(rules), "authorizations.rules must be a list: the platform "+
			"refuses the file")
		return Position{}
	}
	var delegates Position
	for _, item := range list.Content {
		rule := yamltree.Resolve(item)
		if rule.Kind != yaml.MappingNode {
			r.report(ruleSecurityInvalid, r.positionOf(item), "a rule must be a mapping with action and subject: the "+
				"platform refuses the file")
			continue
		}
		r.checkRule(item, rule, roles)
		if isDelegation(rule) {
			delegates = r.positionOf(item)
		}
	}
	return delegates
}

// readRoles returns the names of the roles and reports invalid ones.
func (r valueReader) readRoles(n *yaml.Node) map[string]bool {
	names := map[string]bool{}
	if isFalsy(n) {
		return names
	}
	if n.Kind != yaml.MappingNode {
		r.report(ruleSecurityInvalid, r.positionOf(n), "authorizations.roles must be a mapping by name: the platform "+
			"does not know these roles")
		return names
	}
	for k, v := range yamltree.Pairs(n).All {
		name := yamltree.KeyText(k)
		names[name] = true
		if isNull(yamltree.Resolve(v)) && name != "owner" && name != "editor" {
			r.report(ruleSecurityInvalid, r.positionOf(k), "role %s has no value: the platform refuses the "+
				"file; write {}",
				quoteName(name))
		}
	}
	return names
}

func (r valueReader) checkRule(at, rule *yaml.Node, roles map[string]bool) {
	for _, key := range []string{"action", "subject"} {
		items := listItems(yamltree.Lookup(rule, key))
		if len(items) == 0 || slices.ContainsFunc(items, isFalsy) {
			r.report(ruleSecurityInvalid, r.positionOf(at), "a rule has no %s: the platform refuses the file", key)
		}
	}
	r.checkActions(listItems(yamltree.Lookup(rule, "action")))
	role := yamltree.Lookup(rule, "role")
	if isFalsy(role) {
		return
	}
	for _, item := range listItems(role) {
		switch name := scriptText(item); {
		case name == "owner":
			r.report(ruleSecurityRole, r.positionOf(item), "a rule cannot be for the role owner: the platform "+
				"refuses the file")
		case name != "default" && !roles[name]:
			r.report(ruleSecurityRole, r.positionOf(item), "role %s is not in authorizations.roles: the platform "+
				"refuses the file", quoteName(name))
		}
	}
}

// listItems returns the items of a list, or any other value as the only item. A missing value has
// no items.
func listItems(n *yaml.Node) []*yaml.Node {
	switch list := yamltree.Resolve(n); {
	case list == nil:
		return nil
	case list.Kind == yaml.SequenceNode:
		return list.Content
	}
	return []*yaml.Node{n}
}

// ruleActions returns the actions of all known versions of the platform.
func ruleActions() []string {
	return []string{
		"create", "read", "update", "delete", "manage", "manage_permissions", "manage_security", "manage_repositories",
		"manage_policies", "read_app_dsul", "test",
		"get_usage", "aggregate_search", "execute", "write", "share", "publish",
	}
}

// checkActions reports misspelt and unknown actions. Versions of 2024 refuse them all, later ones
// accept any text.
func (r valueReader) checkActions(items []*yaml.Node) {
	for _, item := range items {
		name := scriptText(item)
		known := spelling.Nearest(name, slices.Values(ruleActions()))
		switch n := yamltree.Resolve(item); {
		case isFalsy(item) || slices.Contains(ruleActions(), name):
		case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
			r.report(ruleSecurityInvalid, r.positionOf(item), "an action must be a text: the platform refuses the file")
		case len(name) > 3 && known != "":
			r.report(ruleSecurityInvalid, r.positionOf(item), "unknown action %s, did you mean %s? The platform "+
				"refuses the file", quoteName(name), known)
		default:
			r.report(ruleSecurityUnknown, r.positionOf(item), "unknown action %s: versions of 2024 refuse the file",
				quoteName(name))
		}
	}
}

// delegated matches secret name patterns from which the platform derives a delegation: at least six
// characters, the last of which is _ or -, before the user's ID.
var delegated = lazyregexp.New(`^\^[^\[${.*+?(|\\,\s]{5,}[_-](\[[^\]]*\]\{\d+\}[_-]?)?\$\{user\.id\}`)

// isDelegation reports whether a rule lets the callers of delegated secrets read secrets.
func isDelegation(rule *yaml.Node) bool {
	if isInverted := yamltree.Lookup(rule, "inverted"); !isFalsy(isInverted) {
		return false
	}
	subject := yamltree.Resolve(yamltree.Lookup(rule, "subject"))
	for _, s := range listItems(subject) {
		if s = yamltree.Resolve(s); s != nil && s.Value == "secure_secrets" {
			pattern := lookupPath(rule, "conditions", "name", "$regex")
			return pattern != nil && delegated.MatchString(pattern.Value) &&
				!strings.HasPrefix(pattern.Value, "^"+reservedSecret)
		}
	}
	return false
}
