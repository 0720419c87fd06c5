// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// isWeakKey reports a key that a person typed into a workspace, beside the name of a key: the alphabet
// in order, or words. Elsewhere both are placeholders.
func (s *fileScan) isWeakKey(text string, at position) bool {
	if !unnamedParts[s.part] || at.schema || at.example {
		return false
	}
	if len(text) >= literal.MinRandom && literal.IsSequence(text) {
		return true
	}
	switch {
	case at.label:
		return false
	case at.configured && isSecretName(at.name):
		return isWord(text) || isCompoundWord(text)
	default:
		isPlace := at.configured && namesToken(at.name) || at.assigned && namesAPIKey(at.name)
		return isPlace && isWordKey(text)
	}
}

// plainWord matches a word without spaces. It excludes labels, which start with a capital.
var plainWord = lazyregexp.New(`^(?:[A-Z]?[\w!$%^*#@-]*[0-9_!$%^*#@-][\w!$%^*#@-]*|[a-z][A-Za-z]+)$`)

const (
	// minWordKey is the minimum length of a key that consists of words, in bytes.
	minWordKey = 8
	// minRunOn is the minimum length of words without separators that are no name, in bytes.
	minRunOn = 14
)

// isCompoundWord reports words without spaces that may be a secret, such as sunrise-over-paris.
func isCompoundWord(text string) bool {
	list := literal.Words(text)
	joined := strings.Join(list, "")
	return len(text) >= minWordKey && !strings.ContainsAny(text, " .\n") && len(list) > 1 &&
		!passwordNames[joined] && !credentialNames[joined] &&
		!literal.IsNumeric(text) && !literal.IsPlaceholder(text) && !literal.IsKnown(text)
}

// isWord reports one word that may be a secret.
func isWord(text string) bool {
	return len(literal.Words(text)) == 1 && isWordKey(text)
}

// isWordKey reports words that may be a secret. It excludes names of credentials and
// environments, which are references.
func isWordKey(text string) bool {
	return len(text) >= minWordKey && plainWord.MatchString(text) && !isName(text) && !trailing[strings.ToLower(text)] &&
		(nameStrength(text) == unnamed || len(text) >= minRunOn && len(literal.Words(text)) == 1) &&
		!literal.IsPlaceholder(text) && !literal.IsKnown(text)
}

// typed matches text that a person may have chosen as a key: it has no separators.
var typed = lazyregexp.New(`^[\w!$%^*#@]{8,64}$`)

// isTyped reports a key that a person chose: letters, digits and the symbols of a password, or a
// word with a number beside a name with the word secret.
func isTyped(text, name string) bool {
	t := literal.TraitsOf(text)
	if t.Letters == 0 || t.Digits == 0 || !typed.MatchString(text) || !isGiven(text) || literal.IsKnown(text) {
		return false
	}
	return strings.ContainsAny(text, "!$%^*#@") || isNumbered(text) && slices.Contains(literal.Words(name), "secret")
}

// isTypedWord reports a word with a symbol of a password at its end.
func isTypedWord(text string) bool {
	return typed.MatchString(text) && strings.ContainsAny(text[len(text)-1:], "!$%^*#@") && isGiven(text)
}

// isSecretName reports names whose values are secret even if they are words.
func isSecretName(name string) bool {
	list := literal.Words(name)
	return len(list) > 0 && (list[len(list)-1] == "secret" || namesAPIKey(name))
}

// namesToken reports names that end in token.
func namesToken(name string) bool {
	list := literal.Words(name)
	return len(list) > 0 && list[len(list)-1] == "token"
}

func namesAPIKey(name string) bool {
	return strings.HasSuffix(strings.Join(literal.Words(name), ""), "apikey")
}

// spelledMarks are the parts by which the search finds the passwords of the first form below.
var spelledMarks = strings.Fields(`p@ss p4ss a$$w a55w @$$w @55w 4$$w 455w passw0 passw@ s3cr secr3t $ecret etm31n
	etm3in etmei letm3 l3tm w3lc lc0me password1 password2 passwort1 passwort2 secret1 secret2 welcome1 welcome2
	qwerty1 qwerty2 azerty1 azerty2 letmein1 letmein2 admin1 admin2 open_sesame`)

// weakForms are passwords that say what they are, whatever the name beside them. Nobody writes them
// in a workspace for another purpose.
var weakForms = []form{
	{
		words:     spelledMarks,
		workspace: true,
		check:     isSpelled,
		match: lazyregexp.New(
			`(?i)(?:^|[\s"'\x60:=(>])([\w!@#$%^&*.-]{0,24}(?:p[@4]ss(?:w|\b|[\d_])|p[a@4](?:\$\$|55)w|passw(?:0|@)|` +
				`s3cr[e3]t|secr3t|\$ecret|l[e3]tm[e3]?[i1]n|w[e3]lc0me|w3lcome|` +
				`(?:password|passwort|secret|welcome|qwerty|azerty|letmein|admin)[12]\d{2}|open_sesame)` +
				`[\w!@#$%^&*-]{0,24})(?:[\s"'\x60,;.)<]|$)`,
		),
	},
	{
		words:     strings.Fields("!' !\" !` $' $\" $` #' #\" #` *' *\" *` @' @\" @`"),
		workspace: true,
		check:     isPolicyPassword,
		match:     lazyregexp.New("[\"'`]([A-Za-z][A-Za-z0-9]{6,30}[!$#*@]{1,3})[\"'`]"),
	},
}

// isSpelled reports such a password, unless it only mentions one.
func isSpelled(value string) bool {
	return isGiven(value) && !literal.IsKnown(value) && strings.ContainsAny(value, digits+"@$_")
}

// policyPassword matches words, digits and a symbol at the end, in this order.
var policyPassword = lazyregexp.New(`^[A-Za-z]{3,}[A-Za-z0-9]*\d[!$#*@]{1,3}$`)

// isPolicyPassword reports text that a person chose for the rules of passwords: Summer2026!.
func isPolicyPassword(value string) bool {
	t := literal.TraitsOf(value)
	return len(value) >= minWordKey && t.Upper > 0 && t.Lower > 0 && policyPassword.MatchString(value) && isGiven(value)
}

// encodedLogin matches a user and a password, but not the type and the number of an object.
var encodedLogin = lazyregexp.New(`^[\w.@+-]{3,64}:[^\s:/][^\t\r\n:/]{4,126}[^\s:/]$`)

// isEncodedLogin reports the base64 of a user and a password.
func isEncodedLogin(text string) bool {
	plain, ok := decodeBase64(text)
	if !ok || !encodedLogin.MatchString(plain) {
		return false
	}
	user, pass, _ := strings.Cut(plain, ":")
	isPassword := isGiven(pass) || literal.IsSequence(pass)
	return isPassword && !literal.IsNumeric(pass) && !literal.IsUUID(pass) && !namespaces[strings.ToLower(user)]
}
