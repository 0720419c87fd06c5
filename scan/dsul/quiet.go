// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// quiet reports files in which no rule can find anything, many times as fast as the
// parser. It returns false, without a verdict, for most of what is out of the
// ordinary. FuzzScan holds it to that.
//
// A finding needs a form (a URL with user-info, a private key…), a long random text, or
// the name of a credential. All of the credentials that are named here are references:
// apiKey: {{secret.apiKey}}.
func (s *fileScan) quiet() bool {
	data := s.file.Data
	if !isYAML(s.file.Path) || loud().Any(data) || hasEscape(data) || !utf8.Valid(data) || !quietURLs(data) {
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
		if !s.quietRun(start, i, kind, previous) {
			return false
		}
		if i-start <= maxName && kind == nameByte {
			previous = data[start:i]
		}
	}
	return true
}

// loud are parts of forms, of a tag and of command lines.
var loud = sync.OnceValue(func() *ahocorasick.Automaton {
	return ahocorasick.New(pemBegin, "eyJ", "iak_", "!!binary", "curl", "wget", "hooks.slack.com", "discord", "webhook.office", "outlook.office",
		"chat.googleapis", "hooks.zapier", "make.com", "ifttt", "azurewebsites", "telegram.org", "private-lines", "agea", "ibadan", "ibaak", "&#", ";base64,",
		"$2a$", "$2b$", "$2x$", "$2y$", "$apr1$", "$1$", "$5$", "$6$", "$7$", "$y$", "$argon2", "$scrypt", "$pbkdf2", "sha}", "sha256}", "sha512}", "kind: secret",
		"identified by", "identified with", "sshpass", "redis-cli", "mysql", "mariadb", "securestring", "login(", "authenticate(", "signin(", "sign_in(", "basic_auth", "basicauth",
		"client(", "credential(", "credentials(", "getenv", "environ", "putenv", "setenv", "define(", "ordefault", "or_default", "configfield", "config_field", "config('", "config(\"",
		"env('", "env(\"", "fetch('", "fetch(\"", "get('", "get(\"",
		"passwordfor", "password_for", "passwordof", "passwortfur", "motdepassepour", "tokenfor", "token_for", "keyfor", "key_for", "secretfor", "secret_for",
		"mot de ", "palabra ", "palavra ", "parola ", "assword is", "asswort ist", "passe est", "a es ", "token is", "secret is", "key is")
})

// hasEscape reports escapes of characters, in which a word may hide.
func hasEscape(data []byte) bool {
	for rest := data; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 == len(rest) {
			return false
		}
		if rest = rest[i+1:]; rest[0] == 'x' || rest[0] == 'u' || rest[0] == 'U' {
			return true
		}
	}
}

// quietURLs wants no at sign behind the host of a URL, nor a sign of an access token.
func quietURLs(data []byte) bool {
	for rest := data; ; {
		i := bytes.Index(rest, []byte("://"))
		if i < 0 {
			break
		}
		rest = rest[i+3:]
		end := bytes.IndexAny(rest, " \t\r\n")
		if end < 0 {
			end = len(rest)
		}
		if bytes.IndexByte(rest[:end], '@') >= 0 {
			return false
		}
	}
	for rest := data; ; {
		i := bytes.Index(rest, []byte("at:"))
		if i < 0 {
			return true
		}
		if rest = rest[i+3:]; len(rest) > 0 && isNameByte(rest[0]) {
			return false
		}
	}
}

// What runs are made of: names, or base64.
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

// quietRun looks at a run of such bytes.
func (s *fileScan) quietRun(start, end int, kind byte, previous []byte) bool {
	run := s.file.Data[start:end]
	if len(run) >= literal.MinRandom && (mayBeRandom(run) && literal.IsRandomRun(string(run)) || mayBeBase64(run) && !literal.IsWordy(string(run))) {
		return false
	}
	if len(run) == uuidLength && bytes.HasSuffix(previous, []byte("key")) && literal.IsUUID(string(run)) {
		return false
	}
	if kind == nameByte {
		return !s.tells(run, previous) || run[0] != '-' && s.isHarmless(start, end)
	}
	for part := range bytes.FieldsFuncSeq(run, func(r rune) bool { return r == '+' || r == '/' }) {
		if s.tells(part, previous) {
			return false
		}
	}
	return true
}

// uuidLength is that of a UUID, which may be the key of a service.
const uuidLength = 36

// mayBeRandom wants as many letters and digits as in a random text.
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

// mayBeBase64 decodes the start of a run.
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

// ending is what a word says about the name that it ends.
type ending struct {
	// tells: it is the name of a credential, or ends one.
	tells bool
	// completes: it may with the word before. trails: it does if that one does.
	completes, trails bool
}

// tells reports whether a word is, or ends, the name of a credential. A name that is
// only hinted at needs a random value, which no quiet file has.
func (s *fileScan) tells(word []byte, previous []byte) bool {
	if !endings.has(word) && !isCompound(word) {
		return false
	}
	e := s.ending(word)
	return e.tells || (e.completes || e.trails && endings.has(previous)) &&
		s.strength(string(previous)+" "+afterDot(string(word))) >= credential
}

// isCompound reports names of several words, each of which may be that of a password:
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
		tells:     m.strength(name) >= credential || m.strength(last) >= credential || lower == "basic" || lower == "cookies",
		completes: endsName[lower], trails: trailing[lower],
	}
}

func isASCIILetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func afterDot(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// endsName are words that make a name of a credential together with the one before.
var endsName = literal.NewVocabulary(`string phrase word passe key keys code seed token secret prive privee segreta secreta pin pass`)

// endingLength is how many letters at the end of a word are looked up.
const endingLength = 3

// endingSet has the last letters of all words that a name of a credential may end in:
// most words are none, and this tells fast.
type endingSet [1 << (5 * endingLength)]bool

var endings = newEndings(passwordNames, credentialNames, trailing, endsName, literal.NewVocabulary("basic cookies pass"), shortPasswords())

// shortPasswords are the names of one word that end in a short word for a password.
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

// has is true for words that are too short, or not ASCII, to tell.
func (set *endingSet) has(word []byte) bool {
	for len(word) > 0 && !isASCIILetter(word[len(word)-1]) && word[len(word)-1] < utf8.RuneSelf {
		word = word[:len(word)-1]
	}
	i, ok := lastLetters(word)
	return !ok || set[i] || hasShortEnding(word)
}

// lastLetters returns a number for the last letters of a word, whatever their case.
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

// hasShortEnding reports the trailing words that are shorter: apiKeyV2, tokenQA, token_fr,
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
	last := strings.ToLower(string(word[n-2:]))
	return starts && (trailing[last] || passwordNames[last])
}

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

// isHarmless reports whether the name that stands there has no value, or a reference.
func (s *fileScan) isHarmless(start, end int) bool {
	line, text := lineAround(s.file.Data, start, end)
	word := string(s.file.Data[start:end])
	after := strings.TrimLeft(text, "\\\"'`]} \t!<>*")
	switch {
	case mayBeForm(line, text):
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

// mayBeForm reports lines in which a value may stand beside the name without an operator.
func mayBeForm(before, after string) bool {
	if first, _, _ := strings.Cut(strings.TrimLeft(before, " -|\"'"), " "); formStarts[strings.ToLower(first)] || strings.Contains(before, "==") || strings.Contains(before, "login ") {
		return true
	}
	quoted := strings.TrimLeft(after, " (")
	return after != quoted && quoted != "" && strings.IndexByte("\"'", quoted[0]) >= 0 || strings.HasPrefix(after, ">")
}

// formStarts start lines of Dockerfiles and shells.
var formStarts = literal.NewVocabulary(`env arg set setx setenv`)

// lineAround returns what stands before and after a part of a line.
func lineAround(data []byte, start, end int) (before, after string) {
	rest := data[end:]
	if eol := bytes.IndexByte(rest, '\n'); eol >= 0 {
		rest = rest[:eol]
	}
	return string(data[bytes.LastIndexByte(data[:start], '\n')+1 : start]), strings.TrimRight(string(rest), " \r")
}

// schemaOnly reports whether the first of these lines is schema:, and nothing else stands
// beside it: declarations of secrets.
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

// mayNameValue reports whether what follows may be the name in {name: …, value: …}.
func mayNameValue(line string) bool {
	line = strings.ToLower(line)
	for _, key := range []string{"name", "key", "variable", "header", "field"} {
		for rest := line; ; {
			before, after, ok := strings.Cut(rest, key)
			if !ok {
				break
			}
			whole := before == "" || !isNameByte(before[len(before)-1])
			if whole && strings.HasPrefix(strings.TrimLeft(after, " '\""), ":") {
				return true
			}
			rest = after
		}
	}
	return strings.Trim(line, " '\"") == ""
}

// isTemplateValue reports a value that is one template, maybe behind the name of a scheme.
func isTemplateValue(value string) bool {
	value = strings.Trim(value, " '\"")
	if scheme, rest, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "bearer") {
		value = rest
	}
	return isTemplate(value)
}

// isTemplate reports a value that is one template, in quotes or without.
func isTemplate(value string) bool {
	value = strings.Trim(value, `'" `)
	return strings.HasPrefix(value, "{{") && strings.Index(value, "}}") == len(value)-2 && !strings.ContainsAny(value, "'\"`")
}
