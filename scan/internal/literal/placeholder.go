// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// placeholderWords are whole values that stand for a secret.
	placeholderWords = NewVocabulary(`password passwd pwd pass secret token key apikey api-key api_key accesstoken access_token credential
		credentials user username login test none null nil undefined true false yes no on off n/a na empty string number integer
		boolean bool object array any text date datetime file json yaml email url uri uuid required optional hidden masked redacted
		invalid missing wrong unknown default auto automatic inherit disabled enabled bearer basic digest oauth oauth2 jwt
		unused client_credentials authorization_code refresh_token api plain encrypted foo bar baz foobar todo tbd fixme dummy fake
		sample example placeholder changeme changeit change_me change-me replaceme replace-me replace_me secretref valuefrom
		motdepasse mdp jeton passwort pass_word anonymous username:password user:password user:pass sk-test s3cr3t`)
	// placeholderParts make a placeholder of words as one of them.
	placeholderParts = NewVocabulary(`your example placeholder changeme change changeit replace replaceme todo tbd fixme dummy fake sample
		insert redacted masked hidden enter provide votre remplacer exemple foo bar foobar baz lorem`)
	// variable matches names that stand for a value: $TOKEN, $token, $payload.password,
	// API_KEY, c.env.TOKEN.
	variable = lazyregexp.New(`^(?:\$[A-Z_][A-Z0-9_]*|\$[A-Za-z_]\w*(?:\.\w+)+|(?:\w+\.)*env\.\w+)$`)
	// wordyVariable is one if it is made of words.
	wordyVariable = lazyregexp.New(`^(?:\$[A-Za-z_]\w*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$`)
	// framed matches values that are a placeholder in brackets as a whole.
	framed = lazyregexp.New(`^(?:\[[A-Za-z][\w .-]*\]|\{[A-Za-z_$][\w .$-]*\}|<[A-Za-z][\w .'/-]*>|__[A-Z0-9_]+__|@@?[A-Z0-9_]+@@?|%[A-Z0-9_]+%|#\{[^{}]+\})$`)
	// vendorExample are keys that the documentation of a vendor shows.
	vendorExample = lazyregexp.New(`^(?:A[A-Z0-9]{3}[A-Z0-9]+EXAMPLE|.*EXAMPLEKEY)$`)
)

// IsPlaceholder reports values that stand for a secret as a whole: ***, your-api-key,
// changeme, string, $TOKEN, [token], 0000. A value that only has such a word in it is none.
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

// maxElided is how much of a value may stand beside an ellipsis, in bytes.
const maxElided = 24

// isElided reports values of which a part is left out: sk-..., eyJhbGciOi…, sk-***.
func isElided(v string) bool {
	for _, mark := range []string{"...", "…", "***", "•••"} {
		before, after, found := strings.Cut(v, mark)
		if found && (strings.Trim(after, ".*•") == "" || strings.Trim(before, ".*•") == "" || len(v) <= maxElided) {
			return true
		}
	}
	return false
}

// HasPlaceholderPart reports values that are words as a whole, one of which tells that
// they stand for something else: my-example-key. Runs of x count as such a word.
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

// sequences are keys that nobody has: 0123456789abcdef and its likes.
var sequences = lazyregexp.New(`^(?:0?123456789(?:0?abcdef)?(?:0?123456789(?:0?abcdef)?)*|abcdef(?:0?123456789)?|abcdefghijklmnopqrstuvwxyz\d*|abcdefgh(?:i|ij|ijk|ijkl|ijklm|ijklmn|ijklmno|ijklmnop)?(?:0?123456789?0?)?)$`)

// isUniform reports text of one or two characters only, as in xxxx and x-x-x.
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

// NewVocabulary returns the words of a text.
func NewVocabulary(words string) Vocabulary {
	v := Vocabulary{}
	for _, w := range strings.Fields(words) {
		v[w] = true
	}
	return v
}
