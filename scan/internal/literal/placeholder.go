// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// placeholderWords are complete values that stand for a secret.
	placeholderWords = NewVocabulary(`password passwd pwd pass secret token key apikey api-key api_key accesstoken access_token credential
		credentials user username login test none null nil undefined true false yes no on off n/a na empty string number integer
		boolean bool object array any text date datetime file json yaml email url uri uuid required optional hidden masked redacted
		invalid missing wrong unknown default auto automatic inherit disabled enabled bearer basic digest oauth oauth2 jwt
		unused client_credentials authorization_code refresh_token api plain encrypted foo bar baz foobar todo tbd fixme dummy fake
		sample example placeholder changeme changeit change_me change-me replaceme replace-me replace_me secretref valuefrom
		motdepasse mdp jeton passwort pass_word anonymous username:password user:password user:pass sk-test s3cr3t`)
	// placeholderParts turn a value made of words into a placeholder if it contains one of
	// them.
	placeholderParts = NewVocabulary(`your example placeholder changeme change changeit replace replaceme todo tbd fixme dummy fake sample
		insert redacted masked hidden enter provide votre remplacer exemple foo bar foobar baz lorem`)
	// variable matches variable names used as values: $TOKEN, $token, $payload.password,
	// API_KEY, c.env.TOKEN.
	variable = lazyregexp.New(`^(?:\$[A-Z_][A-Z0-9_]*|\$[A-Za-z_]\w*(?:\.\w+)+|(?:\w+\.)*env\.\w+)$`)
	// wordyVariable matches variable names if they consist of words.
	wordyVariable = lazyregexp.New(`^(?:\$[A-Za-z_]\w*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$`)
	// framed matches values that are entirely a placeholder in brackets.
	framed = lazyregexp.New(`^(?:\[[A-Za-z][\w .-]*\]|\{[A-Za-z_$][\w .$-]*\}|<[A-Za-z][\w .'/-]*>|__[A-Z0-9_]+__|@@?[A-Z0-9_]+@@?|%[A-Z0-9_]+%|#\{[^{}]+\})$`)
	// vendorExample matches keys from vendor documentation.
	vendorExample = lazyregexp.New(`^(?:A[A-Z0-9]{3}[A-Z0-9]+EXAMPLE|.*EXAMPLEKEY)$`)
)

// IsPlaceholder reports values that are entirely a placeholder: ***, your-api-key, changeme,
// string, $TOKEN, [token], 0000. It returns false if a value merely contains such a word.
func IsPlaceholder(v string) bool {
	lower := strings.ToLower(strings.Trim(v, " \t'\"`"))
	if lower == "" || placeholderWords[lower] || isUniform(lower) || variable.MatchString(v) {
		return true
	}
	if wordyVariable.MatchString(v) && IsWordy(v) || framed.MatchString(v) || isElided(lower) || HasPlaceholderPart(v) {
		return true
	}
	return vendorExample.MatchString(v) || sequences.MatchString(lower)
}

// maxElided is the maximum length of the text next to an ellipsis, in bytes.
const maxElided = 24

// isElided reports abbreviated values: sk-..., eyJhbGciOi…, sk-***.
func isElided(v string) bool {
	for _, mark := range []string{"...", "…", "***", "•••"} {
		before, after, found := strings.Cut(v, mark)
		if found && (strings.Trim(after, ".*•") == "" || strings.Trim(before, ".*•") == "" || len(v) <= maxElided) {
			return true
		}
	}
	return false
}

// HasPlaceholderPart reports values that consist of words, at least one of which marks a
// placeholder: my-example-key. A run of x counts as such a word.
func HasPlaceholderPart(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("_-./ \t", r) })
	plain := strings.IndexFunc(v, func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("_-./ \t'’", r) }) < 0
	for _, part := range parts {
		if len(part) > 5 && isUniform(part) {
			return true
		}
	}
	if !plain || !IsWordy(v) {
		return false
	}
	for i, word := range Words(v) {
		if placeholderParts[word] || i == 0 && strings.HasPrefix(word, "your") {
			return true
		}
	}
	return false
}

// sequences match ascending sequences such as 0123456789abcdef, which are never real keys.
var sequences = lazyregexp.New(`^(?:0?123456789(?:0?abcdef)?(?:0?123456789(?:0?abcdef)?)*|abcdef(?:0?123456789)?|abcdefghijklmnopqrstuvwxyz\d*|abcdefgh(?:i|ij|ijk|ijkl|ijklm|ijklmn|ijklmno|ijklmnop)?(?:0?123456789?0?)?)$`)

// isUniform reports text of at most two distinct characters, such as xxxx and x-x-x.
func isUniform(v string) bool {
	var seen []rune
	for _, r := range v {
		if !strings.ContainsRune(string(seen), r) {
			if seen = append(seen, r); len(seen) > 2 {
				return false
			}
		}
	}
	return true
}

// Vocabulary is a set of words.
type Vocabulary map[string]bool

// NewVocabulary returns the set of the space-separated words.
func NewVocabulary(words string) Vocabulary {
	v := Vocabulary{}
	for _, w := range strings.Fields(words) {
		v[w] = true
	}
	return v
}
