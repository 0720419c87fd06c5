// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// scanValue scans the text of a value: first nested content, then its shape, its name and its
// randomness.
func (s *fileScan) scanValue(ctx context.Context, text string, at position) {
	if s.scanStructure(ctx, text, at) {
		return
	}
	s.scanDocument(ctx, text, at)
	at.settings = at.settings || isSettings(text)
	s.scanExpressions(text, at)
	s.scanBranches(text, at)
	masked := literal.MaskTemplates(text)
	found := s.findShapes(masked, at)
	whole := s.reportNamed(text, masked, at)
	s.scanNested(ctx, text, at, whole)
	if !found && !whole && s.isOpaque(strings.TrimSpace(masked), at) {
		s.report(ruleOpaque, masked, at)
	}
	s.findUnnamed(masked, at)
}

// isOpaque reports random text where a credential may be expected, regardless of its name.
func (s *fileScan) isOpaque(text string, at position) bool {
	if !at.configured && !at.assigned || at.strength > unnamed || at.label || hasHarmlessName(at.name) && !at.isListed() {
		return false
	}
	if isPolicyPassword(text) || isEncodedLogin(text) {
		return true
	}
	if isIdentifier(text) || isCoordinate(at.name, text) || !literal.LooksRandom(text) {
		return false
	}
	plain, ok := decodeBase64(text)
	return !ok || !strings.ContainsAny(plain, " {\":=,\n<")
}

// isListed reports an item of a list of keys or tokens, neither of which counts anything.
func (at location) isListed() bool {
	return at.steps != nil && at.steps.index >= 0 &&
		(strings.EqualFold(at.name, "tokens") || strings.EqualFold(at.name, "keys"))
}

// identifiers match random texts that databases and programs generate as IDs: MongoDB IDs,
// IBANs, ULIDs, nanoids, content identifiers of IPFS and addresses of wallets.
var identifiers = lazyregexp.New(
	`^(?:[0-9a-f]{24}|[A-Z]{2}\d{2}[A-Z0-9]{11,30}|[0-7][0-9A-HJKMNP-TV-Z]{25}|[\w-]{21}|` +
		`Qm[1-9A-HJ-NP-Za-km-z]{44}|ba[a-z][a-z2-7]{50,}|(?:bc1|[13])[1-9A-HJ-NP-Za-km-z]{25,34})$`,
)

func isIdentifier(text string) bool { return identifiers.MatchString(text) }

// reportNamed judges a complete value by its name.
func (s *fileScan) reportNamed(text, masked string, at position) bool {
	rest := strings.Trim(masked, " \t\r\n"+string(literal.Mask))
	if at.strength == unnamed {
		return s.reportLogin(rest, at)
	}
	if rest == "" || sameWords(rest, at.name) {
		return false
	}
	if isReference(text) {
		return s.reportReference(text, at)
	}
	if s.isEncodedPlaceholder(rest, at.strength) || s.isLabel(rest, at) {
		return false
	}
	if s.reportLogin(rest, at) {
		return true
	}
	secret := rest
	switch {
	case strings.ContainsRune(rest, literal.Mask): // a template in the middle
		secret = strings.TrimSpace(text)
		joined := strings.ReplaceAll(rest, string(literal.Mask), "-")
		mixed := at.strength == password && at.configured && isMixed(strings.ReplaceAll(joined, "-", ""))
		if !mixed && (at.strength < credential || !literal.LooksRandom(joined)) {
			return false
		}
	case rest != strings.TrimSpace(masked): // a template before or after the text
		if !literal.LooksRandom(rest) && (at.strength != password || !isStrong(rest) && !(at.configured && isMixed(rest))) {
			return false
		}
	case at.strength == hinted && !s.isHinted(rest, at),
		at.strength == credential && !s.isCredential(rest, at),
		at.strength == password && (!isPassword(rest, at.location) || s.isNamedAfter(rest)):
		return false
	}
	rule := ruleCredential
	if at.strength == password {
		rule = rulePassword
	}
	s.report(rule, secret, at)
	return true
}

// isLabel reports text for people in a file of translations, and the name of an icon for a file
// extension (mdp).
func (s *fileScan) isLabel(text string, at position) bool {
	return s.kind.translation && (strings.Contains(text, " ") || !strings.ContainsAny(text, digits)) ||
		strings.EqualFold(at.name, "mdp") && strings.HasSuffix(s.file.Path, ".json") && strings.Trim(text, letters+"-_") == ""
}

// minStrong is the minimum length of text next to a template that may be a password.
const minStrong = 6

// isStrong reports text next to a template that is more than a connector between templates.
func isStrong(text string) bool {
	t := literal.TraitsOf(text)
	separators := countAny(text, "-_.:@")
	return len(text) >= minStrong && !strings.ContainsAny(text, " \n/?") && t.Letters > 0 &&
		(t.Digits > 0 || t.Others > separators) &&
		!literal.IsWordy(text) &&
		!literal.IsPlaceholder(text)
}

// countAny counts the characters of a text that are in a set of ASCII characters.
func countAny(text, set string) int {
	n := 0
	for _, r := range text {
		if strings.ContainsRune(set, r) {
			n++
		}
	}
	return n
}

// isMixed reports text around a template with the letters, digits and symbols of a password.
func isMixed(text string) bool {
	t := literal.TraitsOf(text)
	return isStrong(text) ||
		len(text) >= minPassword && t.Letters > 0 && t.Digits > 0 && strings.ContainsAny(text, "!@#$%^&*+~=") &&
			!strings.ContainsAny(text, " \n/")
}

// sameWords reports a value that only repeats its name, as labels do.
func sameWords(text, name string) bool {
	if strings.EqualFold(text, name) || len(text) > maxName {
		return len(text) <= maxName
	}
	return strings.Join(literal.Words(text), "") == strings.Join(literal.Words(name), "") &&
		strings.IndexFunc(text, unicode.IsDigit) < 0
}

// isName reports a value that is itself a word for a credential, as in translations: {password:
// Contraseña}.
func isName(text string) bool {
	isForeign := func(r rune) bool { return !unicode.IsLetter(r) && r != ' ' && r != 'ー' && !unicode.IsMark(r) }
	if strings.ContainsFunc(text, isForeign) {
		return false
	}
	joined := strings.Join(literal.Words(text), "")
	return passwordNames[joined] || credentialNames[joined]
}

// isHinted reports a random value next to a name that only hints at a credential. It accepts a
// UUID next to the name of a service's key.
func (s *fileScan) isHinted(text string, at position) bool {
	if isScrambled(text) || isSecretURL(text) {
		return true
	}
	list := literal.Words(at.name)
	switch {
	case len(list) > 0 && softNames[list[len(list)-1]] && !workspaceParts[s.part],
		len(list) == 1 && list[0] == "key" && s.kind.document: // the key of an entry
		return false
	}
	if literal.LooksRandom(text) {
		return true
	}
	return literal.IsUUID(text) && !at.label && len(list) > 1 && list[len(list)-1] == "key"
}

// workspaceParts are the parts of a workspace that programs read.
var workspaceParts = literal.NewVocabulary(`index imports automations`)

// minScrambled is the minimum length of text with many symbols that counts as a key.
const minScrambled = 32

// licence matches expressions of licences: (MIT OR Apache-2.0).
var licence = lazyregexp.New(`\b(?:OR|AND|WITH)\b.*\)?$`)

// isScrambled reports keys made of any printable characters, including spaces.
func isScrambled(text string) bool {
	if len(text) < minScrambled || len(text) > maxPassword || strings.Contains(text, "\n") {
		return false
	}
	if literal.IsPlaceholder(text) || literal.IsKnown(text) || licence.MatchString(text) {
		return false
	}
	t := literal.TraitsOf(text)
	isMixed := t.Upper > 3 && t.Lower > 3 && t.Digits > 1
	return isMixed && t.Others*6 > len(text) && strings.Count(text, " ")*8 < len(text)
}

// isCredential reports a value that may be a credential. It accepts words only where a
// credential is configured.
func (s *fileScan) isCredential(text string, at position) bool {
	switch {
	case isName(text), repeats(text, at.name):
		return false
	case literal.LooksGenerated(text), isScrambled(text), isSecretURL(text), isDisguised(text), isTyped(text, at.name):
		return true
	case s.isWeakKey(text, at), at.configured && !at.label && !at.schema && isTypedWord(text):
		return true
	case s.startsAsPassword(at) && isChosen(text) && !strings.Contains(text, "/"),
		(at.configured || at.assigned) && isLongNumber(text):
		return true
	}
	return false
}

// startsAsPassword reports a configured value whose name starts with a word for password:
// senhaBanco.
func (s *fileScan) startsAsPassword(at position) bool {
	list := literal.Words(at.name)
	return (at.configured || at.assigned) && !at.label && !at.schema && len(list) > 1 && passwordNames[list[0]]
}

// repeats reports a value that contains its complete name: base64encodedaccountkey.
func repeats(text, name string) bool {
	joined := strings.Join(literal.Words(name), "")
	return len(joined) > minStrong && !strings.ContainsFunc(text, unicode.IsUpper) && strings.Contains(text, joined)
}

// minNumber is the minimum number of digits in a numeric credential.
const minNumber = 15

func isLongNumber(text string) bool {
	return len(text) >= minNumber && strings.Trim(text, "0123456789") == "" && !literal.IsPlaceholder(text)
}

const (
	minPassword = 4
	maxPassword = 256
)

// isNamedAfter reports passwords such as johns_password. Outside of a workspace they are
// placeholders, and in documents also words such as dbpass.
func (s *fileScan) isNamedAfter(text string) bool {
	if workspaceParts[s.part] || strings.Trim(text, letters+"-_") != "" {
		return false
	}
	for _, word := range literal.Words(text) {
		if passwordNames[word] || s.kind.document && suffixStrength(word) == password {
			return true
		}
	}
	return false
}

// weakPasswords are placeholders in documents, but passwords in a configuration.
var weakPasswords = literal.NewVocabulary(`secret supersecret super_secret topsecret top_secret token default
	none 0000 1111 000000 111111 00000000`)

// lowerVariable matches $name, which the platform does not expand.
var lowerVariable = lazyregexp.New(`^\$[A-Za-z]*[a-z]\w*$`)

var shouted = lazyregexp.New(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$`)

// isShouted reports words in capitals. It excludes names of credentials, which would be
// variables. The platform expands neither.
func isShouted(text string) bool {
	return shouted.MatchString(text) && nameStrength(text) == unnamed && !literal.HasPlaceholderPart(text)
}

// isPassword accepts nearly any text as a password, except placeholders and text for people to
// read.
func isPassword(text string, at location) bool {
	if len(text) < minPassword || len(text) > maxPassword || !utf8.ValidString(text) {
		return false
	}
	here := at.configured && !at.label && !at.schema
	if here && (weakPasswords[strings.ToLower(text)] || lowerVariable.MatchString(text) || isShouted(text)) {
		return true
	}
	if literal.IsPlaceholder(text) || isName(text) {
		return false
	}
	if strings.ContainsAny(text, " \t\r\n") {
		return here && isPhrase(text)
	}
	if strings.Contains(text, "/") && isPathToValue(text) && strings.IndexFunc(text, unicode.IsDigit) < 0 &&
		strings.Trim(text, pathSigns+letters) == "" {
		return false
	}
	if t := literal.TraitsOf(text); at.label || at.schema {
		return !literal.IsWordy(text) || t.Letters > 0 && t.Digits > 0
	}
	return !strings.ContainsAny(text, "./") || !literal.IsWordy(text) || here && !isPathToValue(text)
}

const (
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits    = "0123456789"
	pathSigns = "/-_."
)

// selector matches a field access in code: spt.Token.
var selector = lazyregexp.New(`^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$`)

// isSelector reports access to a field with a credential name.
func isSelector(text string) bool {
	return selector.MatchString(text) && nameStrength(text[strings.LastIndexByte(text, '.')+1:]) > unnamed
}

// isEncodedPlaceholder reports the base64 of a placeholder, such as dXNlcm5hbWU6cGFzc3dvcmQ=, and
// of words beside the name of a credential.
func (s *fileScan) isEncodedPlaceholder(text string, strength strength) bool {
	plain, ok := decodeBase64(text)
	if !ok && strings.HasSuffix(text, "=") {
		data, err := base64.StdEncoding.DecodeString(text)
		plain = string(data)
		ok = err == nil && isPrintable(plain)
	}
	if !ok {
		return false
	}
	plain = strings.TrimSpace(plain)
	_, pass, _ := strings.Cut(plain, ":")
	return literal.IsPlaceholder(plain) || strength == credential && literal.IsWordy(plain) ||
		s.kind.document && literal.IsFamousPassword(pass)
}

// roots are the first segments of paths to values.
var roots = literal.NewVocabulary(`body config secret secrets payload event user session run context global
	state data input output arguments vault this ctx env request req params query item response result`)

// isPathToValue reports paths: body.user.password, team/app/password, ./run/secrets.
func isPathToValue(text string) bool {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '/' })
	return len(parts) == 0 || strings.ContainsAny(text[:1], "./") || roots[strings.ToLower(parts[0])] ||
		nameStrength(parts[len(parts)-1]) > unnamed
}

const (
	// maxPhrase is the maximum length of a password with spaces, in bytes; maxPhraseWords is
	// its maximum number of words.
	maxPhrase      = 80
	maxPhraseWords = 8
)

// isPhrase distinguishes a password with spaces from a sentence about one.
func isPhrase(text string) bool {
	list := strings.Fields(text)
	if len(text) > maxPhrase || len(list) > maxPhraseWords || strings.ContainsAny(text, "\r\n") ||
		literal.HasPlaceholderPart(text) {
		return false
	}
	for _, word := range list {
		if nameStrength(word) >= credential {
			return false
		}
	}
	return !strings.ContainsAny(text[len(text)-1:], ".:?,;") || strings.ContainsAny(text, "0123456789")
}
