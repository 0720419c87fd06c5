// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// references match ciphertext and references to the secret stores of other programs. They do
// not contain a password, but the platform does not resolve them either.
var references = lazyregexp.New(
	`^(?:ENC\[AES256_GCM,.*\]|ENC\([\w+/=]+\)|Ag[A-Za-z0-9+/]{150,}={0,2}|\$ANSIBLE_VAULT;.*|vault:v\d+:[\w+/=]+|` +
		`(?:vault|ssm|ssm-secure|op|awssm|gcpsm|azkv|sops|ref\+\w+|secretsmanager|keyvault|doppler|infisical|bw|akv):` +
		`[\w/.:#?=&@-]+|` +
		`arn:aws[\w-]*:(?:secretsmanager|ssm|kms):\S+|projects/[\w-]+/secrets/\S+|@Microsoft\.KeyVault\(.*\)|` +
		`\{\{resolve:(?:secretsmanager|ssm|ssm-secure):[^}]*\}\}|!(?:Ref|Sub|GetAtt|vault)\b.*|age1[0-9a-z]{58}|` +
		`-----BEGIN AGE ENCRYPTED FILE-----.*)$`,
)

// minSealed is the minimum length of ciphertext that only its prefix identifies.
const minSealed = 60

// isReference reports a value that another program would have to resolve.
func isReference(text string) bool {
	if !strings.ContainsAny(text, ":[(!$/{") && len(text) < minSealed {
		return false
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return references.MatchString(first)
}

// reportReference reports such a value where the platform would use it verbatim.
func (s *fileScan) reportReference(text string, at position) bool {
	if at.strength >= credential && at.configured && !at.label && !at.schema {
		s.report(ruleReference, text, at)
	}
	return true
}

const helpReference = "the platform sends this text as it is: declare a workspace secret and reference it as {{secret.name}}"
