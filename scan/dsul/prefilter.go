// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// isSurelyClean reports whether the file certainly contains nothing that any rule would report. It is
// many times faster than parsing. It returns false for nearly all unusual input, which is then
// parsed; FuzzScan checks that it never hides a finding.
//
// A finding requires a form (a URL with user-info, a private key…), a long random text or the
// name of a credential. In a clean file the value of every named credential is a reference:
// apiKey: {{secret.apiKey}}.
func (s *fileScan) isSurelyClean() bool {
	data := s.file.Data
	if !isYAML(s.file.Path) || suspiciousWords().Any(data) || hasEscape(data) || !utf8.Valid(data) ||
		!hasOnlyCleanColons(data) {
		return false
	}
	var previous []byte
	for i := 0; i < len(data); {
		kind := runBytes[data[i]]
		if kind == 0 {
			i++
			continue
		}
		start := i
		for i < len(data) && runBytes[data[i]] != 0 {
			kind |= runBytes[data[i]]
			i++
		}
		if !s.isCleanRun(start, i, kind, previous) {
			return false
		}
		if i-start <= maxName && kind == nameByte {
			previous = data[start:i]
		}
	}
	return true
}

// The character classes of runs: names, or base64.
const (
	nameByte = 1 << iota
	base64Byte
)

var runBytes = func() (kinds [256]byte) {
	for b := range kinds {
		if isNameByte(byte(b)) {
			kinds[b] = nameByte
		}
	}
	kinds['+'], kinds['/'] = base64Byte, base64Byte
	return kinds
}()

// isRandomRun reports random text, also between punctuation, which unnamed leaves out.
func isRandomRun(run []byte) bool {
	if mayBeRandom(run) && literal.IsRandomRun(string(run)) {
		return true
	}
	value := bytes.Trim(run, tokenEnds)
	return len(value) < len(run) && mayBeRandom(value) && literal.IsRandomRun(string(value))
}

// isCleanRun reports whether a run of these characters is harmless.
func (s *fileScan) isCleanRun(start, end int, kind byte, previous []byte) bool {
	run := s.file.Data[start:end]
	if len(run) >= literal.MinRandom && (isRandomRun(run) || mayBeBase64(run) && !literal.IsWordy(string(run))) {
		return false
	}
	if len(run) == uuidLength && bytes.HasSuffix(previous, []byte("key")) && literal.IsUUID(string(run)) {
		return false
	}
	if kind == nameByte {
		return !s.namesCredential(run, previous) || run[0] != '-' && s.isHarmless(start, end)
	}
	for part := range bytes.FieldsFuncSeq(run, func(r rune) bool { return r == '+' || r == '/' }) {
		if s.namesCredential(part, previous) {
			return false
		}
	}
	return true
}

// uuidLength is the length of a UUID, which may be the key of a service.
const uuidLength = 36

// mayBeRandom reports whether a run has enough letters and digits for a random text.
func mayBeRandom(run []byte) bool {
	n := 0
	for _, b := range run {
		if isASCIILetter(b) || b >= '0' && b <= '9' || b >= utf8.RuneSelf {
			n++
		}
		if n == literal.MinRandom {
			return true
		}
	}
	return false
}

// mayBeBase64 reports whether the start of a run decodes as base64.
func mayBeBase64(run []byte) bool {
	var start [minBase64]byte
	for i, b := range run[:minBase64] {
		switch {
		case b == '-':
			b = '+'
		case b == '_':
			b = '/'
		case b == '.' || b == '$' || b >= utf8.RuneSelf:
			return false
		}
		start[i] = b
	}
	var plain [minBase64]byte
	n, err := base64.RawStdEncoding.Decode(plain[:], start[:])
	return err == nil && isPrintable(string(plain[:n]))
}

// ending classifies the last word of a name.
type ending struct {
	// namesCredential: the word is, or ends with, the name of a credential.
	namesCredential bool
	// completesName: the word forms a credential name with the preceding word. isTrailing: the word is
	// ignored, so that the preceding word decides.
	completesName, isTrailing bool
}

// namesCredential reports whether a word is, or ends with, the name of a credential. It ignores names
// that are only hinted, because they need a random value, and a clean file has none.
func (s *fileScan) namesCredential(word []byte, previous []byte) bool {
	if !endings.has(word) && !isCompound(word) {
		return false
	}
	e := s.endingOf(word)
	return e.namesCredential || (e.completesName || e.isTrailing && endings.has(previous)) &&
		s.strengthOf(string(previous)+" "+afterDot(string(word))) >= credential
}

// isCompound reports names of several words, each of which may be the name of a password:
// passwordUtente, mdp_smtp.
func isCompound(word []byte) bool {
	for i := 1; i < len(word); i++ {
		if b := word[i]; b == '_' || b == '-' || isUpper(b) && !isUpper(word[i-1]) {
			return true
		}
	}
	return false
}

func (m *memory) findEnding(name string) ending {
	last := afterDot(name)
	lower := strings.ToLower(last)
	return ending{
		namesCredential: m.strengthOf(name) >= credential || m.strengthOf(last) >= credential || lower == "basic" ||
			lower == "cookies",
		completesName: credentialSuffixes[lower],
		isTrailing:    trailing[lower],
	}
}

func isASCIILetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func afterDot(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// credentialSuffixes are words that name a credential together with the preceding word ("pass phrase").
var credentialSuffixes = literal.NewVocabulary(`string phrase word passe key keys code seed token secret prive
	privee segreta secreta pin pass`)

// endingLength is the number of letters to look up at the end of a word.
const endingLength = 3

// endingSet contains the last letters of every word that can end a credential name. It rejects
// most words with one lookup.
type endingSet [1 << (5 * endingLength)]bool

var endings = newEndings(
	passwordNames,
	credentialNames,
	trailing,
	credentialSuffixes,
	literal.NewVocabulary("basic cookies pass"),
	shortPasswords(),
)

// shortPasswords returns the single-word names that end in a short word for password.
func shortPasswords() literal.Vocabulary {
	list := literal.Vocabulary{}
	for service := range services {
		for _, end := range shortNames {
			list[service+end] = true
		}
	}
	return list
}

func newEndings(vocabularies ...literal.Vocabulary) *endingSet {
	set := new(endingSet)
	for _, v := range vocabularies {
		for word := range v {
			if i, ok := lastLetters([]byte(word)); ok {
				set[i] = true
			}
		}
	}
	return set
}

// has reports whether the ending of a word is in the set. It returns true if the word is too
// short to decide, or not ASCII.
func (set *endingSet) has(word []byte) bool {
	for len(word) > 0 && !isASCIILetter(word[len(word)-1]) && word[len(word)-1] < utf8.RuneSelf {
		word = word[:len(word)-1]
	}
	i, ok := lastLetters(word)
	return !ok || set[i] || hasShortEnding(word)
}

// lastLetters encodes the last letters of a word as a number, ignoring case.
func lastLetters(word []byte) (int, bool) {
	if len(word) < endingLength {
		return 0, false
	}
	n := 0
	for _, b := range word[len(word)-endingLength:] {
		if !isASCIILetter(b) {
			return 0, false
		}
		n = n<<5 | int(b&31)
	}
	return n, true
}

// hasShortEnding reports trailing words shorter than endingLength: apiKeyV2, tokenQA, token_fr,
// keyB.
func hasShortEnding(word []byte) bool {
	n := len(word)
	if n < endingLength || word[n-1]|0x20 == 'v' {
		return true
	}
	if !isASCIILetter(word[n-2]) || isUpper(word[n-1]) && !isUpper(word[n-2]) {
		return true
	}
	starts := !isASCIILetter(word[n-3]) || isUpper(word[n-2]) && !isUpper(word[n-3])
	if !starts {
		return false
	}
	last := strings.ToLower(string(word[n-2:]))
	return trailing[last] || passwordNames[last]
}

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

// isHarmless reports whether the name in data[start:end] has no value, or a reference as value.
func (s *fileScan) isHarmless(start, end int) bool {
	line, text := lineAround(s.file.Data, start, end)
	word := string(s.file.Data[start:end])
	after := strings.TrimLeft(text, "\\\"'`]} \t!<>*")
	switch {
	case mayBeForm(line, text), mayHaveRemark(text):
		return false
	case strings.EqualFold(word, "bearer"):
		return strings.HasPrefix(text, " {{") && isTemplate(text)
	case strings.EqualFold(word, "basic"):
		m := basic.FindStringSubmatch(word + text)
		return m == nil || !isBasic(m[1])
	case text == ":" && strings.EqualFold(word, "secrets"):
		return schemaOnly(string(s.file.Data[end+1:]))
	case after == "" || after[0] == ',':
		return !mayNameValue(line)
	case after[0] == ':':
		return strings.Trim(line, " -") == "" && isTemplateValue(strings.TrimPrefix(text, ":"))
	default:
		return strings.IndexByte("=|?", after[0]) < 0 && strings.Trim(line, " '\"-") != ""
	}
}

// mayBeForm reports lines in which a value may follow the name without an operator.
func mayBeForm(before, after string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(before, " -|\"'"), " ")
	if formStarts[strings.ToLower(first)] || strings.Contains(before, "==") || strings.Contains(before, "login ") {
		return true
	}
	quoted := strings.TrimLeft(after, " (")
	return after != quoted && quoted != "" && strings.IndexByte("\"'", quoted[0]) >= 0 || strings.HasPrefix(after, ">")
}

// mayHaveRemark reports a name with a remark or a dash before its value: Password (admin): x.
func mayHaveRemark(after string) bool {
	after = strings.TrimLeft(after, " ")
	for _, dash := range []string{"- ", "– ", "— "} {
		if strings.HasPrefix(after, dash) {
			return true
		}
	}
	return strings.HasPrefix(after, "(") && strings.Contains(after, ")") && strings.Contains(after, ":")
}

// formStarts are the first words of assignments in Dockerfiles and shell scripts.
var formStarts = literal.NewVocabulary(`env arg set setx setenv`)

// lineAround returns the parts of a line before and after data[start:end].
func lineAround(data []byte, start, end int) (before, after string) {
	rest := data[end:]
	if eol := bytes.IndexByte(rest, '\n'); eol >= 0 {
		rest = rest[:eol]
	}
	return string(data[bytes.LastIndexByte(data[:start], '\n')+1 : start]), strings.TrimRight(string(rest), " \r")
}

// schemaOnly reports whether the lines are a schema: key without siblings, which only declares
// secrets.
func schemaOnly(text string) bool {
	indent := -1
	for line := range strings.Lines(strings.TrimLeft(text, "\r\n")) {
		bare := strings.TrimSpace(line)
		n := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case indent < 0 && bare != "schema:":
			return false
		case indent < 0:
			indent = n
		case bare != "" && n <= indent:
			return n < indent
		}
	}
	return indent >= 0
}

// mayNameValue reports whether the line may contain the name of {name: …, value: …}.
func mayNameValue(line string) bool {
	line = strings.ToLower(line)
	for rest := line; ; {
		before, after, found := strings.Cut(rest, ":")
		if !found {
			break
		}
		rest = after
		before = strings.TrimRight(before, " '\"")
		start := len(before)
		for start > 0 && isNameByte(before[start-1]) {
			start--
		}
		if key := before[start:]; pairNames[key] || pairLabels[key] {
			return true
		}
	}
	return strings.Trim(line, " '\"") == ""
}

// isTemplateValue reports a value that is a single template, optionally after an authentication
// scheme.
func isTemplateValue(value string) bool {
	value = strings.Trim(value, " '\"")
	if scheme, rest, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "bearer") {
		value = rest
	}
	return isTemplate(value)
}

// isTemplate reports a value that is a single template, quoted or not.
func isTemplate(value string) bool {
	value = strings.Trim(value, `'" `)
	return strings.HasPrefix(value, "{{") && strings.Index(value, "}}") == len(value)-2 &&
		!strings.ContainsAny(value, "'\"`")
}
