// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// ruleSubjects lists the subjects that the recorded service allows in rules of security.yml.
func ruleSubjects() []string {
	return []string{"workspaces", "pages", "files", "apps", "events", "automations"}
}

// ruleActions lists the allowed actions. Those of later versions are unknown.
func ruleActions() []string {
	return []string{"create", "read", "update", "delete", "manage", "manage_permissions", "manage_security",
		"manage_repositories",
		"get_usage", "aggregate_search", "execute"}
}

// checkSecurity validates and modifies security.yml like the service.
func (i *fileImport) checkSecurity(content *jsvalue.Value) error {
	authorizations := content.Get("authorizations")
	if !isTruthy(authorizations) {
		return nil
	}
	roles := authorizations.Get("roles")
	for _, role := range listRoles(roles) {
		if role.Value.IsNull() && role.Key != "editor" && role.Key != "owner" {
			return newTypeError()
		}
		if key := role.Value.Get("auth").Get("apiKey"); key.Has("value") {
			key.Delete("value") // it cannot be set
		}
	}
	rules := authorizations.Get("rules")
	if !isTruthy(rules) {
		return nil
	}
	if rules.Kind != jsvalue.Sequence {
		return newTypeError()
	}
	for _, rule := range rules.Items {
		if rule.IsNull() {
			return newTypeError()
		}
		if err := i.checkRule(rule, roles); err != nil {
			return err
		}
	}
	return nil
}

func listRoles(roles *jsvalue.Value) []jsvalue.Pair {
	if roles == nil {
		return nil
	}
	return roles.Pairs
}

func (i *fileImport) checkRule(rule, roles *jsvalue.Value) error {
	attached := []*jsvalue.Value{jsvalue.NewText("default")}
	switch role := rule.Get("role"); {
	case role != nil && role.Kind == jsvalue.Sequence:
		attached = role.Items
	case isTruthy(role):
		attached = []*jsvalue.Value{role}
	}
	for _, role := range attached {
		switch name := role.String(); {
		case name == "owner":
			return newException("InvalidSecurity", "Reserved role '%s cannot be overriden !'", name)
		case name != "default" && isTruthy(roles) && !isObject(roles):
			return newTypeError()
		case name != "default" && !roles.Has(name):
			return newException("InvalidSecurity", "Unknown custom role '%s' referenced in a rule", name)
		}
		if err := i.checkScope(rule); err != nil {
			return err
		}
	}
	return nil
}

// checkScope validates the subjects and actions of a rule. Later versions allow more, but it is
// unknown which.
func (i *fileImport) checkScope(rule *jsvalue.Value) error {
	for _, part := range []struct {
		field, kind string
		allowed     []string
	}{{"subject", "subjectType", ruleSubjects()}, {"action", "actionType", ruleActions()}} {
		list := []*jsvalue.Value{rule.Get(part.field)}
		if list[0] != nil && list[0].Kind == jsvalue.Sequence {
			list = list[0].Items
		}
		bad := slices.ContainsFunc(list, func(v *jsvalue.Value) bool {
			missing := v == nil
			return missing || !i.v27 && !slices.Contains(part.allowed, v.String())
		})
		if len(list) == 0 || bad {
			shown := "undefined"
			if v := rule.Get(part.field); v != nil {
				shown = v.String()
			}
			return newException("InvalidSecurity", "Forbidden %s '%s' found in security rules", part.kind, shown)
		}
	}
	return nil
}
