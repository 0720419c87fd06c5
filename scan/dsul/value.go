// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// value looks at the text of a value: at what is nested in it, at its shape, at its
// name, and at last at its looks.
func (s *fileScan) value(text string, at where) {
	if s.structure(text, at) {
		return
	}
	punched := punch(text)
	found := s.shapes(punched, at) || s.named(punched, at)
	s.within(text, at)
	if !found && at.configured && at.strength == unnamed && !at.label && !harmlessName(at.name) && looksRandom(strings.TrimSpace(punched)) {
		s.report(ruleOpaque, punched, at)
	}
}

// harmlessNames end the names of values that look random and are no secrets. Keys and
// tokens that are secrets are known by their whole names: the others are public.
var harmlessNames = newVocabulary(`id ids uid uuid guid hash md sha checksum match modified traceparent baggage since key keys token tokens digest etag commit revision rev ref sri integrity
	nonce version build slug name url uri href link path file filename image icon photo src color type format pattern regex
	regexp template correlation trace request fingerprint thumbprint kid iv tag tags label title description text content prompt
	message query sql css html style script code data payload document schema cursor topic channel queue bucket index model`)

func harmlessName(name string) bool {
	list := words(name)
	return len(list) > 0 && harmlessNames[list[len(list)-1]]
}

// named looks at the whole of a value because of its name.
func (s *fileScan) named(punched string, at where) bool {
	text := strings.Trim(punched, " \t\r\n"+string(hole))
	switch {
	case at.strength == unnamed || text == "" || strings.ContainsRune(text, hole) || sameWords(text, at.name):
		return false
	case text != strings.TrimSpace(punched): // a template is a part of it
		if !looksRandom(text) {
			return false
		}
	case at.strength == hinted && !looksRandom(text),
		at.strength == credential && !s.isCredential(text, at),
		at.strength == password && !isPassword(text, at.spot):
		return false
	}
	rule := ruleCredential
	if at.strength == password {
		rule = rulePassword
	}
	s.report(rule, text, at)
	return true
}

// sameWords reports a value that only repeats its name, as labels do.
func sameWords(text, name string) bool {
	return strings.Join(words(text), "") == strings.Join(words(name), "") && strings.IndexFunc(text, unicode.IsDigit) < 0
}

// isCredential takes words for a credential only where one is configured.
func (s *fileScan) isCredential(text string, at where) bool {
	if looksGenerated(text) {
		return true
	}
	return at.configured && !at.schema && !at.label && isSecretName(at.name) && len(text) >= 8 &&
		!strings.ContainsAny(text, " .\n") && !isNumeric(text) && !isPlaceholder(text) && !known.MatchString(text) && len(words(text)) > 1
}

// isSecretName reports names of which the value is a secret even if it is words.
func isSecretName(name string) bool {
	list := words(name)
	return len(list) > 0 && (list[len(list)-1] == "secret" || strings.HasSuffix(strings.Join(list, ""), "apikey"))
}

const (
	minPassword = 4
	maxPassword = 256
)

// isPassword takes nearly everything for a password, but not what stands for one, and
// not text for people.
func isPassword(text string, at spot) bool {
	if len(text) < minPassword || len(text) > maxPassword || !utf8.ValidString(text) || isPlaceholder(text) {
		return false
	}
	if strings.ContainsAny(text, " \t\r\n") {
		return at.configured && !at.label && strings.HasSuffix(strings.ToLower(at.name), "passphrase")
	}
	if t := traitsOf(text); at.label || at.schema {
		return !isWordy(text) || t.letters > 0 && t.digits > 0
	}
	// A path to a value: body.user.password, team/app/password.
	return !strings.ContainsAny(text, "./") || !isWordy(text)
}

// within looks at what is nested in a string.
func (s *fileScan) within(text string, at where) {
	if len(text) < minNested {
		return
	}
	s.assignments(text, at)
	if at.nested < maxNested {
		s.base64(text, at)
	}
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
	if len(trimmed) > maxYAML || mayHaveNodes([]byte(trimmed)) > maxNodes {
		return false
	}
	docs, ok := parseYAML([]byte(trimmed))
	if !ok || len(docs) != 1 {
		return false
	}
	return s.visit(docs[0], at.within(), 0) == nil
}

// within goes down into a string: all that is in it is where the string is.
func (at where) within() spot {
	below := at.spot
	below.nested++
	below.outer = &at.extent
	return below
}

// minBase64 is the shortest base64 that is decoded, in characters.
const minBase64 = 16

// base64 looks at texts that are base64 as a whole.
func (s *fileScan) base64(text string, at where) {
	if !startsAsBase64(text) {
		return
	}
	compact := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if plain, ok := decodeBase64(compact); ok {
		at.nested++
		s.value(plain, at)
		s.text(plain, at)
	}
}

// startsAsBase64 reports whether the first characters of a text, which may stand on
// several lines, are of one of the alphabets.
func startsAsBase64(text string) bool {
	text = strings.TrimSpace(text)
	if len(text) < minBase64 {
		return false
	}
	for _, b := range []byte(text[:minBase64]) {
		if !isNameByte(b) && strings.IndexByte("+/=\n ", b) < 0 || b == '.' || b == '$' || b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decodeBase64 decodes text in any of the usual alphabets if text comes out of it.
func decodeBase64(text string) (string, bool) {
	if len(text) < minBase64 || len(text) > maxYAML {
		return "", false
	}
	if !startsAsBase64(text) {
		return "", false
	}
	bare := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	data, err := base64.RawStdEncoding.DecodeString(bare)
	if err != nil || !utf8.Valid(data) {
		return "", false
	}
	plain := string(data)
	return plain, strings.IndexFunc(plain, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}
