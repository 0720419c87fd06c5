// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// loginNames are the names of values that hold a user and a password together.
var loginNames = literal.NewVocabulary(`auth basicauth basic httpauth proxyauth login logins userpass
	userpassword userpwd credentials creds proxyuser user username userinfo account`)

// namespaces qualify the names of users, instead of being one.
var namespaces = literal.NewVocabulary(`oidc ldap saml github google azure urn system iam arn sub acct`)

func isLoginName(name string) bool { return loginNames[strings.Join(literal.Words(name), "")] }

// userAndPassword matches both in one text. The password is not a port.
var userAndPassword = lazyregexp.New(`^([\w.@+-]{1,64}):([^\s/:]{4,128})$`)

// reportLogin reports the password in auth: 'user:password'.
func (s *fileScan) reportLogin(text string, at position) bool {
	if !strings.Contains(text, ":") || at.schema || at.label || at.example || !isLoginName(at.name) {
		return false
	}
	m := userAndPassword.FindStringSubmatch(text)
	if m == nil || !isChosen(m[2]) || namespaces[strings.ToLower(m[1])] {
		return false
	}
	s.report(rulePassword, m[2], at)
	return true
}

// isChosen reports text with the digits or symbols of a password that a person chose. Arguments of
// functions and commands, which may be something else, need them.
func isChosen(text string) bool {
	t := literal.TraitsOf(text)
	return len(text) >= minStrong && t.Letters > 0 && (t.Digits > 0 || t.Others > 0 && !literal.IsWordy(text)) &&
		isGiven(text) &&
		!literal.IsKnown(text) &&
		!isName(text)
}

// reportLoginPair reports the password in auth: [user, password].
func (s *fileScan) reportLoginPair(n *yaml.Node, at location) {
	if len(n.Content) != 2 || at.schema || at.label || !isLoginName(at.name) {
		return
	}
	user, pass := n.Content[0], n.Content[1]
	if user.Kind == yaml.ScalarNode && pass.Kind == yaml.ScalarNode && isChosen(pass.Value) &&
		!strings.Contains(pass.Value, ":") {
		s.report(rulePassword, pass.Value, s.positionOf(pass, at.item(1)))
	}
}

// scanOptionPair reports a secret that follows an option in a list of arguments: [--password, secret].
func (s *fileScan) scanOptionPair(before, value *yaml.Node, at location) {
	name := strings.TrimLeft(before.Value, "-")
	if before.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || name == before.Value ||
		strings.HasPrefix(value.Value, "-") ||
		strings.ContainsAny(value.Value, " $") {
		return
	}
	if strength := s.strengthOf(name); strength >= credential {
		a := assignment{name: name, value: value.Value, operator: '=', strength: strength, quoted: true, nameQuoted: true}
		s.reportAssigned(a, s.positionOf(value, at))
	}
}

// scanBranches scans the texts between the tags of a template: {{#if prod}}literal{{else}}….
func (s *fileScan) scanBranches(text string, at position) {
	for _, branch := range literal.Branches(text) {
		branch = strings.Trim(branch, "'\" \t\r\n")
		if len(branch) < minPassword || strings.ContainsRune(literal.MaskTemplates(branch), literal.Mask) {
			continue
		}
		if !s.reportNamed(branch, branch, at) && s.isOpaque(branch, at) {
			s.report(ruleOpaque, branch, at)
		}
	}
}

var (
	// disguised matches keys with a scheme before them or a file extension behind them.
	disguised = lazyregexp.New(
		`^(?:(?:urn|tag|tel|file|data|jdbc|mailto|cid|did|spiffe|javascript):)?([^,;/]+?)(?:\.[a-z]{2,5})?$`,
	)
	// wallet matches identifiers that only look like a key behind a scheme.
	wallet = lazyregexp.New(`^[0-9a-f-]{36}$`)
)

// isDisguised reports a key that looks like a URN or a file name.
func isDisguised(text string) bool {
	m := disguised.FindStringSubmatch(text)
	if m == nil || m[1] == text || wallet.MatchString(m[1]) ||
		strings.HasPrefix(text, "did:") && strings.Contains(m[1], ":") {
		return false
	}
	for part := range strings.SplitSeq(m[1], ":") {
		if literal.LooksRandom(part) {
			return true
		}
	}
	return false
}
