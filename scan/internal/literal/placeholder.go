// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"slices"
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// placeholderWords are complete values that stand for a secret.
	placeholderWords = NewVocabulary(`password passwd pwd pass secret token key apikey api-key api_key
		accesstoken access_token credential credentials user username login test none null nil undefined true
		false yes no on off n/a na empty string number integer boolean bool object array uint8array any text date datetime
		file json yaml email url uri uuid required optional hidden masked redacted invalid missing wrong unknown
		default auto automatic inherit disabled enabled bearer basic digest oauth oauth2 jwt unused
		client_credentials authorization_code refresh_token api plain encrypted foo bar baz foobar todo tbd
		fixme dummy fake sample example placeholder changeme changeit change_me change-me replaceme replace-me
		replace_me secretref valuefrom motdepasse mdp jeton passwort pass_word anonymous username:password
		user:password user:pass sk-test s3cr3t`)
	// placeholderParts turn a value made of words into a placeholder if it contains one of
	// them.
	placeholderParts = NewVocabulary(`your example placeholder changeme change changeit replace replaceme todo
		tbd fixme dummy fake sample insert redacted masked hidden enter provide votre remplacer exemple foo bar
		foobar baz lorem`)
	// variable matches variable names used as values: $TOKEN, $token, $payload.password,
	// API_KEY, c.env.TOKEN.
	variable = lazyregexp.New(`^(?:\$[A-Z_][A-Z0-9_]*|\$[A-Za-z_]\w*(?:\.\w+)+|(?:\w+\.)*env\.\w+)$`)
	// wordyVariable matches variable names if they consist of words.
	wordyVariable = lazyregexp.New(`^(?:\$[A-Za-z_]\w*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$`)
	// framed matches values that are entirely a placeholder in brackets.
	framed = lazyregexp.New(
		`^(?:\[[A-Za-z][\w .-]*\]|\{[A-Za-z_$][\w .$-]*\}|<[A-Za-z][\w .'/-]*>|__[A-Z0-9_]+__|@@?[A-Z0-9_]+@@?|%` +
			`[A-Z0-9_]+%|#\{[^{}]+\})$`,
	)
	// vendorExample matches keys from vendor documentation.
	vendorExample = lazyregexp.New(`^(?:A[A-Z0-9]{3}[A-Z0-9]+EXAMPLE|.*EXAMPLEKEY)$`)
	// yours matches your_ai_api_key and its translations. The words need not be known.
	yours = lazyregexp.New(
		`^(?:your|votre|ihre?|deine?|euer|tu|su|vuestro|seu|sua|jouw|uw|vostro|tuo)(?:[-_. ][a-z]+){1,8}$`,
	)
	// made matches text that is not random after the prefix of a token: TEST and a sequence.
	made = lazyregexp.New(`(?:TEST|EXAMPLE|SAMPLE|DUMMY|FAKE)\w*1234567890`)
	// short matches keys of Stripe that are shorter than any real one, such as sk_test_123.
	short = lazyregexp.New(`^(?:sk|pk|rk)_(?:test_|live_)?[a-z0-9]{1,6}$`)
	// crossed matches the start of a prefix behind which only x follows: SCWXXXXXXXX.
	crossed = lazyregexp.New(`^[a-z]{0,6}x{8,}$`)
	// pattern matches parts of regular expressions.
	pattern = lazyregexp.New(`\[\^?(?:A-Z|a-z|0-9|\\w|\\d)|\\[wd][*+{]|\(\?[:i]`)
)

// IsPlaceholder reports values that are entirely a placeholder: ***, your-api-key, changeme,
// string, $TOKEN, [token], 0000. It returns false if a value merely contains such a word.
func IsPlaceholder(v string) bool {
	lower := strings.ToLower(strings.Trim(v, " \t'\"`‘’“”"))
	if lower == "" || placeholderWords[lower] || isUniform(lower) || variable.MatchString(v) {
		return true
	}
	if wordyVariable.MatchString(v) && IsWordy(v) || framed.MatchString(v) || isElided(lower) || HasPlaceholderPart(v) {
		return true
	}
	if crossed.MatchString(lower) || IsSequence(v) || isPattern(v) {
		return true
	}
	return vendorExample.MatchString(v) || short.MatchString(lower) || yours.MatchString(lower) || IsMadeUp(v) ||
		isPublished(v) || IsHarmlessToken(v)
}

// IsMadeUp reports tokens that a person typed for a test, such as glpat-ACCTEST1234567890123.
func IsMadeUp(v string) bool { return strings.Contains(v, "1234567890") && made.MatchString(v) }

// IsSequence reports keys that a person typed in the order of the alphabet: 0123456789abcdef and
// a1b2c3d4e5f6g7h8. Nothing generates them, but a program accepts them.
func IsSequence(v string) bool {
	lower := strings.ToLower(v)
	return sequences.MatchString(lower) || isInterleaved(lower)
}

// minInterleaved is the minimum length of two sequences in turn, in bytes. Shorter ones are weak
// passwords.
const minInterleaved = 16

// isInterleaved reports ascending letters and digits in turn: a1b2c3d4e5f6g7h8i9j0.
func isInterleaved(lower string) bool {
	if len(lower) < minInterleaved || len(lower) > 2*26 {
		return false
	}
	for i := range len(lower) {
		want := byte('a' + i/2)
		if i%2 == 1 {
			want = byte('0' + (i/2+1)%10)
		}
		if lower[i] != want {
			return false
		}
	}
	return true
}

// isPattern reports a regular expression, such as [A-Za-z0-9]{32}.
func isPattern(v string) bool { return strings.ContainsAny(v, `[\(.`) && pattern.MatchString(v) }

const (
	// maxElided is the maximum length of the text next to an ellipsis, in bytes.
	maxElided = 24
	// maxAbbreviated is the maximum length of a token whose middle is elided, in bytes.
	maxAbbreviated = 64
)

// abbreviated matches tokens whose middle is elided: MlVtVjBZ...ZSYlduYnF1.
var abbreviated = lazyregexp.New(`^[\w+/-]+(?:\.\.\.|…)[\w+/-]+={0,2}$`)

// isElided reports abbreviated values: sk-..., eyJhbGciOi…, sk-***.
func isElided(v string) bool {
	for _, mark := range []string{"...", "…", "***", "•••"} {
		before, after, found := strings.Cut(v, mark)
		if found && (strings.Trim(after, ".*•") == "" || strings.Trim(before, ".*•") == "" || len(v) <= maxElided) {
			return true
		}
	}
	return len(v) <= maxAbbreviated && abbreviated.MatchString(v)
}

// HasPlaceholderPart reports values that consist of words, at least one of which marks a
// placeholder: my-example-key. A run of x counts as such a word.
func HasPlaceholderPart(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("_-./ \t", r) })
	isOther := func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("_-./ \t'’", r) }
	plain := !strings.ContainsFunc(v, isOther)
	if IsUUID(v) {
		return !slices.ContainsFunc(parts, func(part string) bool { return strings.Trim(part, part[:1]) != "" })
	}
	for _, part := range parts {
		if len(part) > minUniform && isUniform(part) && !slices.ContainsFunc(parts, isVaried) {
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

// isVaried reports random text that is not a run of x.
func isVaried(part string) bool { return !isUniform(part) && IsRandomRun(part) }

// minUniform is the length that a run of x has to exceed to be a placeholder.
const minUniform = 5

// sequences match ascending sequences such as 0123456789abcdef, which are never real keys.
var sequences = lazyregexp.New(
	`^(?:0?123456789(?:0?abcdef)?(?:0?123456789(?:0?abcdef)?)*|(?:abcdef0?123456789)+|abcdef|abcdefghijklmnopqrstuvwxyz\d*|` +
		`abcdefgh(?:i|ij|ijk|ijkl|ijklm|ijklmn|ijklmno|ijklmnop)?(?:0?123456789?0?)?)$`,
)

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
