// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Words splits a name into lower-case words without accents: userApiKey, USER_API_KEY and
// user-api-key give user, api, key.
func Words(name string) []string {
	var list []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			list = append(list, unaccented(strings.ToLower(word.String())))
			word.Reset()
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		switch {
		case !unicode.IsLetter(r) && !unicode.IsMark(r) && r != 'ー':
			flush()
			continue
		case upper && i > 0 && unicode.IsLower(runes[i-1]), upper && i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word.WriteRune(r)
	}
	flush()
	return list
}

// accents maps accented letters to plain ones, for the languages of credential names.
var accents = strings.NewReplacer(
	"á", "a", "à", "a", "â", "a", "ä", "a", "ã", "a", "å", "a", "ą", "a", "ă", "a", "ậ", "a", "ẩ", "a",
	"é", "e", "è", "e", "ê", "e", "ë", "e", "ě", "e", "ę", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ı", "i",
	"ñ", "n", "ň", "n", "ń", "n",
	"ó", "o", "ò", "o", "ô", "o", "ö", "o", "õ", "o", "ø", "o", "ő", "o",
	"ú", "u", "ù", "u", "û", "u", "ü", "u", "ů", "u", "ű", "u",
	"ý", "y",
	"ç", "c", "č", "c", "ć", "c",
	"ł", "l",
	"ś", "s", "š", "s", "ş", "s", "ș", "s",
	"ț", "t", "ť", "t",
	"ď", "d", "đ", "d",
	"ό", "ο",
	"ί", "ι",
	"ž", "z", "ź", "z", "ż", "z",
	"ř", "r",
	"ğ", "g",
)

func unaccented(word string) string {
	if strings.IndexFunc(word, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return word
	}
	return accents.Replace(word)
}

// shortWords are words without a vowel, or shorter than regular words.
var shortWords = NewVocabulary(`a i db dbs id ids ui ux js ts css html http https url api apis jwt crm www sms
	sso ssl tls tcp ssh sql gpt llm mcp rag pdf csv xml json yml txt md my v x y z p m s ws wss fr en de es it
	nl uk us eu ai ml os k8s s3 io gcp aws dev prod qa hr sdk cli rest on in to of at by is no or if it up do go
	me we as so an am ok ms sync async src std str num ctx req res cfg env var msg dst tmp usr pwd pw ip vpc cdn
	dns hf svc pfx crt ssm kms arn cr gh gl ci cd pr mr vm sg lb ns tf np rw ro rds ec sqs sns iam mfa otp tmp
	ttl rpc grpc`)

// IsWordy reports text that consists of words, such as identifiers, slugs, file names and
// addresses: userToken, my-session-token, body.user.token. Letters of any script form words.
func IsWordy(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != 'ー'
	})
	list, short, length := 0, 0, 0
	for _, part := range parts {
		if strings.IndexFunc(part, unicode.IsLetter) < 0 {
			if len(part) > 4 { // a number longer than a year
				return false
			}
			continue
		}
		isMixed := strings.IndexFunc(part, unicode.IsDigit) >= 0
		if isMixed && wordWithDigits.MatchString(part) {
			continue
		}
		if isMixed && strings.IndexFunc(strings.TrimRight(part, digits), unicode.IsDigit) >= 0 ||
			len(strings.TrimLeftFunc(part, unicode.IsLetter)) > 2 && part[0] < 0x80 {
			return false // alternating letters and digits
		}
		for _, w := range Words(part) {
			list++
			length += len(w)
			switch {
			case shortWords[w]:
			case len(w) <= maxAbbreviation && (len(w) < minWord || !isWord(w)):
				short++
			case !isWord(w):
				return false
			}
		}
	}
	return short*4 <= list && (list < 4 || length > 3*list)
}

// wordWithDigits matches versions of the interfaces of Kubernetes, and other words with digits.
var wordWithDigits = lazyregexp.New(
	`^(?i)(?:v\d{1,2}(?:alpha|beta)\d{1,2}|e2e|k8s|i18n|l10n|a11y|x509|p12|b2[bc]|m2m|s2s|base(?:32|64)\w*)$`,
)

const (
	letters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
	vowels   = "aeiouyàâäéèêëîïôöùûüœæáíóúãõåø"
	longWord = 32
	// minWord is the minimum length of a word; maxAbbreviation is the maximum length of an
	// abbreviation without a vowel, such as pgp.
	minWord         = 3
	maxAbbreviation = 3
	// maxConsonants is the maximum number of consecutive consonants, as in Rechtschreibung.
	maxConsonants = 5
)

// isWord reports whether lower-case letters may form a word. Letters outside the Latin script
// always do, because generated keys do not contain them.
func isWord(w string) bool {
	consonants, any := 0, false
	for _, r := range w {
		if r > unicode.MaxLatin1 && !unicode.Is(unicode.Latin, r) {
			return true
		}
		if strings.ContainsRune(vowels, r) {
			any, consonants = true, 0
			continue
		}
		if consonants++; consonants > maxConsonants {
			return false
		}
	}
	return any && len(w) <= longWord
}
