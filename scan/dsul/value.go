// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// value looks at the text of a value: at what is nested in it, at its shape, at its
// name, and at last at its looks.
func (s *fileScan) value(text string, at where) {
	if s.structure(text, at) {
		return
	}
	s.document(text, at)
	at.settings = at.settings || isSettings(text)
	s.expressions(text, at)
	punched := literal.Punch(text)
	found := s.shapes(punched, at)
	whole := s.named(text, punched, at)
	s.within(text, at, whole)
	if !found && !whole && s.isOpaque(strings.TrimSpace(punched), at) {
		s.report(ruleOpaque, punched, at)
	}
}

// isOpaque reports random text where a credential may stand, whatever its name.
func (s *fileScan) isOpaque(text string, at where) bool {
	if !at.configured && !at.assigned || at.strength > unnamed || at.label || harmlessName(at.name) || isIdentifier(text) || !literal.LooksRandom(text) {
		return false
	}
	plain, ok := decodeBase64(text)
	return !ok || !strings.ContainsAny(plain, " {\":=,\n<")
}

// identifiers are random texts that databases and programs give to things: those of
// MongoDB, IBANs, ULIDs and nanoids.
var identifiers = lazyregexp.New(`^(?:[0-9a-f]{24}|[A-Z]{2}\d{2}[A-Z0-9]{11,30}|[0-7][0-9A-HJKMNP-TV-Z]{25}|[\w-]{21})$`)

func isIdentifier(text string) bool { return identifiers.MatchString(text) }

// harmlessNames end the names of values that look random and are no secrets. Keys and
// tokens that are secrets are known by their whole names: the others are public.
var harmlessNames = literal.NewVocabulary(`id ids uid uuid guid hash md sha checksum match modified traceparent baggage since key keys token tokens digest etag commit revision rev ref sri integrity
	version build slug name url uri href link path file filename image icon photo src color type format pattern regex
	regexp template correlation trace request fingerprint thumbprint kid iv tag tags label title description text content prompt
	message query sql css html style script code data payload document schema cursor topic channel queue bucket index model class classname`)

func harmlessName(name string) bool {
	list := literal.Words(name)
	return len(list) > 0 && harmlessNames[list[len(list)-1]]
}

// named looks at the whole of a value because of its name.
func (s *fileScan) named(text, punched string, at where) bool {
	rest := strings.Trim(punched, " \t\r\n"+string(literal.Hole))
	if at.strength == unnamed || rest == "" || sameWords(rest, at.name) {
		return false
	}
	if isReference(text) {
		return s.reference(text, at)
	}
	if isEncodedPlaceholder(rest) {
		return false
	}
	secret := rest
	switch {
	case strings.ContainsRune(rest, literal.Hole): // a template is in the middle of it
		secret = strings.TrimSpace(text)
		if at.strength != password || !at.configured || !isMixed(strings.ReplaceAll(rest, string(literal.Hole), "")) {
			return false
		}
	case rest != strings.TrimSpace(punched): // a template is before or behind it
		if !literal.LooksRandom(rest) && (at.strength != password || !isStrong(rest) && !(at.configured && isMixed(rest))) {
			return false
		}
	case at.strength == hinted && !s.isHinted(rest, at),
		at.strength == credential && !s.isCredential(rest, at),
		at.strength == password && !isPassword(rest, at.spot):
		return false
	}
	rule := ruleCredential
	if at.strength == password {
		rule = rulePassword
	}
	s.report(rule, secret, at)
	return true
}

// minStrong is the shortest text beside a template that may be a password.
const minStrong = 6

// isStrong reports text beside a template that is more than what connects templates.
func isStrong(text string) bool {
	t := literal.TraitsOf(text)
	separators := strings.Count(text, "-") + strings.Count(text, "_") + strings.Count(text, ".") + strings.Count(text, ":") + strings.Count(text, "@")
	return len(text) >= minStrong && !strings.ContainsAny(text, " \n/?") && t.Letters > 0 && (t.Digits > 0 || t.Others > separators) &&
		!literal.IsWordy(text) && !literal.IsPlaceholder(text)
}

// isMixed reports text around a template that has letters, digits and signs of a password.
func isMixed(text string) bool {
	t := literal.TraitsOf(text)
	return isStrong(text) || len(text) >= minPassword && t.Letters > 0 && t.Digits > 0 && strings.ContainsAny(text, "!@#$%^&*+~=") && !strings.ContainsAny(text, " \n/")
}

// sameWords reports a value that only repeats its name, as labels do.
func sameWords(text, name string) bool {
	if strings.EqualFold(text, name) || len(text) > maxName {
		return len(text) <= maxName
	}
	return strings.Join(literal.Words(text), "") == strings.Join(literal.Words(name), "") && strings.IndexFunc(text, unicode.IsDigit) < 0
}

// isName reports a value that is itself what a credential is called, as in translations:
// {password: Contraseña}.
func isName(text string) bool {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && r != ' ' && r != 'ー' && !unicode.IsMark(r) }) >= 0 {
		return false
	}
	joined := strings.Join(literal.Words(text), "")
	return passwordNames[joined] || credentialNames[joined]
}

// isHinted wants a random value beside a name that only hints at a credential. A UUID is
// one beside the name of a service's key.
func (s *fileScan) isHinted(text string, at where) bool {
	if isScrambled(text) {
		return true
	}
	list := literal.Words(at.name)
	if len(list) > 0 && softNames[list[len(list)-1]] && !workspaceParts[s.part] {
		return false
	}
	if literal.LooksRandom(text) {
		return true
	}
	return literal.IsUUID(text) && !at.label && len(list) > 1 && list[len(list)-1] == "key"
}

// workspaceParts are the files of a workspace that programs read.
var workspaceParts = literal.NewVocabulary(`index imports automations`)

// minScrambled is the shortest text of many signs that is taken for a key.
const minScrambled = 32

// isScrambled reports keys that are made of all signs of a keyboard, spaces included.
func isScrambled(text string) bool {
	t := literal.TraitsOf(text)
	return len(text) >= minScrambled && len(text) <= maxPassword && !strings.Contains(text, "\n") && t.Upper > 3 && t.Lower > 3 && t.Digits > 1 &&
		t.Others*6 > len(text) && strings.Count(text, " ")*8 < len(text)
}

// isCredential takes words for a credential only where one is configured.
func (s *fileScan) isCredential(text string, at where) bool {
	if isName(text) || repeats(text, at.name) {
		return false
	}
	if literal.LooksGenerated(text) || isScrambled(text) || (at.configured || at.assigned) && isLongNumber(text) {
		return true
	}
	return at.configured && !at.schema && !at.label && isSecretName(at.name) && len(text) >= 8 &&
		!strings.ContainsAny(text, " .\n") && !literal.IsNumeric(text) && !literal.IsPlaceholder(text) && !literal.IsKnown(text) && len(literal.Words(text)) > 1
}

// repeats reports a value that has its whole name in it: base64encodedaccountkey.
func repeats(text, name string) bool {
	joined := strings.Join(literal.Words(name), "")
	return len(joined) > minStrong && !strings.ContainsFunc(text, unicode.IsUpper) && strings.Contains(text, joined)
}

// minNumber is the shortest number that may be a credential, in digits.
const minNumber = 15

func isLongNumber(text string) bool {
	return len(text) >= minNumber && strings.Trim(text, "0123456789") == "" && !literal.IsPlaceholder(text)
}

// isSecretName reports names of which the value is a secret even if it is words.
func isSecretName(name string) bool {
	list := literal.Words(name)
	return len(list) > 0 && (list[len(list)-1] == "secret" || strings.HasSuffix(strings.Join(list, ""), "apikey"))
}

const (
	minPassword = 4
	maxPassword = 256
)

// weakPasswords are placeholders in documents, and passwords where one is configured.
var weakPasswords = literal.NewVocabulary(`secret supersecret super_secret topsecret top_secret token default none 0000 1111 000000 111111 00000000`)

// lowerVariable is $name. The platform does not expand it.
var lowerVariable = lazyregexp.New(`^\$[A-Za-z]*[a-z]\w*$`)

var shouted = lazyregexp.New(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$`)

// isShouted reports words in capitals that are not the name of a credential, which would be a
// variable. The platform expands neither.
func isShouted(text string) bool {
	return shouted.MatchString(text) && nameStrength(text) == unnamed && !literal.HasPlaceholderPart(text)
}

// isPassword takes nearly everything for a password, but not what stands for one, and
// not text for people.
func isPassword(text string, at spot) bool {
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
	if strings.Contains(text, "/") && isPathToValue(text) && strings.IndexFunc(text, unicode.IsDigit) < 0 && strings.Trim(text, pathSigns+letters) == "" {
		return false
	}
	if t := literal.TraitsOf(text); at.label || at.schema {
		return !literal.IsWordy(text) || t.Letters > 0 && t.Digits > 0
	}
	return !strings.ContainsAny(text, "./") || !literal.IsWordy(text) || here && !isPathToValue(text)
}

const (
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	pathSigns = "/-_."
)

// selector is how code names a field: spt.Token.
var selector = lazyregexp.New(`^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$`)

// isSelector reports the field of something that is called as credentials are.
func isSelector(text string) bool {
	return selector.MatchString(text) && nameStrength(text[strings.LastIndexByte(text, '.')+1:]) > unnamed
}

// isEncodedPlaceholder reports the base64 of a placeholder: dXNlcm5hbWU6cGFzc3dvcmQ=.
func isEncodedPlaceholder(text string) bool {
	plain, ok := decodeBase64(text)
	return ok && literal.IsPlaceholder(strings.TrimSpace(plain))
}

// roots start paths to values.
var roots = literal.NewVocabulary(`body config secret secrets payload event user session run context global state data input output arguments vault this ctx
	env request req params query item response result`)

// isPathToValue reports paths: body.user.password, team/app/password, ./run/secrets.
func isPathToValue(text string) bool {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '/' })
	return len(parts) == 0 || strings.ContainsAny(text[:1], "./") || roots[strings.ToLower(parts[0])] || nameStrength(parts[len(parts)-1]) > unnamed
}

const (
	// maxPhrase is the longest password with spaces, in bytes; maxPhraseWords how many
	// words it has.
	maxPhrase      = 80
	maxPhraseWords = 8
)

// isPhrase reports a password with spaces, and not a sentence about one.
func isPhrase(text string) bool {
	list := strings.Fields(text)
	if len(text) > maxPhrase || len(list) > maxPhraseWords || strings.ContainsAny(text, "\r\n") || literal.HasPlaceholderPart(text) {
		return false
	}
	for _, word := range list {
		if nameStrength(word) >= credential {
			return false
		}
	}
	return !strings.ContainsAny(text[len(text)-1:], ".:?,;") || strings.ContainsAny(text, "0123456789")
}

// within looks at what is nested in a string. What is the secret as a whole is not
// decoded: one value is one finding.
func (s *fileScan) within(text string, at where, whole bool) {
	if len(text) < minNested {
		return
	}
	s.assignments(text, at)
	s.forms(text, at)
	if at.nested >= maxNested || whole {
		return
	}
	if _, payload, ok := strings.Cut(text, ";base64,"); ok {
		s.encoded(payload, at)
		return
	}
	s.encoded(text, at)
}

// minNested is the shortest string that is looked into, in bytes.
const minNested = 8

// structure looks at a string that holds JSON, or YAML in its flow form. It is false
// for any other, and for one of a size that is read as text.
func (s *fileScan) structure(text string, at where) bool {
	trimmed := strings.TrimSpace(text)
	if at.nested >= maxNested || len(trimmed) < minNested || !strings.ContainsRune("{[", rune(trimmed[0])) || strings.ContainsRune("{%[", rune(trimmed[1])) {
		return false
	}
	if trimmed[0] == '{' && !strings.Contains(trimmed, ":") {
		return false // a password in braces
	}
	return s.nestedYAML(trimmed, at)
}

// blockStart is how YAML in a block scalar starts.
var blockStart = lazyregexp.New(`^\s*(?:#.*\n\s*|---\s*\n\s*)*(?:- )?["']?[\w./-]+["']?:(?:\s|$)`)

// document looks at a string of several lines that is YAML. The string is looked at as
// text, too.
func (s *fileScan) document(text string, at where) {
	if at.nested < maxNested && strings.Count(text, "\n") > 0 && blockStart.MatchString(text) {
		s.nestedYAML(text, at)
	}
}

// settingLine is a line of a file of settings: a name and a value, a comment, a section, or
// an instruction of a template.
var settingLine = lazyregexp.New(`^\s*(?:[#;\[].*|\{\{.*\}\}|\{%.*%\}|---|(?:export\s+|- )?["']?[\w./-]+["']?\s*[:=].*)?\s*$`)

// maxSettings is the longest string that is taken for a file of settings, in bytes.
const maxSettings = 16 << 10

// isSettings reports a string of several lines, all of which are settings.
func isSettings(text string) bool {
	if len(text) > maxSettings || strings.Count(strings.TrimSpace(text), "\n") == 0 {
		return false
	}
	for line := range strings.Lines(text) {
		if !settingLine.MatchString(line) {
			return false
		}
	}
	return true
}

func (s *fileScan) nestedYAML(text string, at where) bool {
	if len(text) > maxYAML || mayHaveNodes([]byte(text)) > maxNodes {
		return false
	}
	docs, ok := parseYAML([]byte(text))
	if !ok || len(docs) == 0 {
		return false
	}
	for _, doc := range docs {
		if s.visit(doc, at.within(), 0) != nil {
			return false
		}
	}
	return true
}

// within goes down into a string: all that is in it is where the string is.
func (at where) within() spot {
	below := at.spot
	below.nested++
	below.outer = &at.extent
	return below
}
