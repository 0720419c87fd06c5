// SPDX-License-Identifier: AGPL-3.0-or-later

package literal

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// Traits are character statistics that distinguish random text from words.
type Traits struct {
	Letters, Digits, Upper, Lower, Others int
	// Switches is the number of changes between letters and digits, ignoring characters between
	// them.
	Switches int
}

// TraitsOf counts the traits of a text.
func TraitsOf(v string) Traits {
	var t Traits
	before := rune(0)
	for _, r := range v {
		kind := rune(0)
		switch {
		case r >= '0' && r <= '9':
			t.Digits++
			kind = '0'
		case unicode.IsLetter(r):
			t.Letters++
			kind = 'a'
			if unicode.IsUpper(r) {
				t.Upper++
			} else {
				t.Lower++
			}
		default:
			t.Others++
			continue
		}
		if before != 0 && before != kind {
			t.Switches++
		}
		before = kind
	}
	return t
}

const (
	// MinRandom is the minimum number of letters and digits in random text.
	MinRandom = 16
	// minLetters is the minimum if nearly all characters are letters of one case.
	minLetters = 20
	// maxOpaque is the maximum length of a value that is classified as a key by its looks
	// alone.
	maxOpaque = 1024
)

var uuid = lazyregexp.New(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// IsUUID reports whether the text is a UUID.
func IsUUID(v string) bool { return uuid.MatchString(v) }

// LooksRandom reports text that looks generated: alternating letters and digits, or letters
// that do not form words.
func LooksRandom(v string) bool {
	if len(v) < MinRandom || len(v) > maxOpaque || !utf8.ValidString(v) || strings.ContainsAny(v, " \t\r\n\uE000") {
		return false
	}
	if uuid.MatchString(v) || IsPlaceholder(v) || IsKnown(v) {
		return false
	}
	return isRandom(v)
}

// isRandom judges the characters only: at least one run has to be random.
func isRandom(v string) bool {
	if entropy(v) < 3 {
		return false
	}
	for run := range strings.FieldsFuncSeq(v, func(r rune) bool { return !isRunRune(r) }) {
		if IsRandomRun(run) {
			return true
		}
	}
	return false
}

// HasRandomRun reports whether the text contains a random run.
func HasRandomRun(text string) bool {
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '/' || !isRunRune(r) }) {
		if IsRandomRun(run) {
			return true
		}
	}
	return false
}

func isRunRune(r rune) bool {
	return r < utf8.RuneSelf && isNameByte(byte(r)) || strings.ContainsRune(".$+/", r) || r >= utf8.RuneSelf
}

// IsRandomRun judges a run of letters, digits and the punctuation that occurs in keys.
func IsRandomRun(v string) bool {
	if len(v) < MinRandom || longestPart(v) < minPart || uuid.MatchString(v) {
		return false
	}
	t := TraitsOf(v)
	if t.Letters+t.Digits < MinRandom || t.Others*4 > len(v) || IsWordy(v) {
		return false
	}
	if t.Digits >= 2 && t.Letters >= 2 && t.Switches >= 3 {
		return true
	}
	return t.Letters > 0 && (t.Upper >= 3 && t.Lower >= 3 || t.Letters+t.Digits >= minLetters)
}

// minPart is the minimum length of the longest part of a random text, in bytes. It excludes
// lists of short words and numbers.
const minPart = 7

// longestPart returns the length of the longest run of letters and digits.
func longestPart(v string) int {
	longest := 0
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		longest = max(longest, len(part))
	}
	return longest
}

// entropy returns the Shannon entropy in bits per character.
func entropy(v string) float64 {
	counts := map[rune]int{}
	total := 0
	for _, r := range v {
		counts[r]++
		total++
	}
	bits := 0.0
	for _, n := range counts {
		p := float64(n) / float64(total)
		bits -= p * math.Log2(p)
	}
	return bits
}

// LooksGenerated reports a value that does not consist of words: a key or a token, but also a
// word that contains a number.
func LooksGenerated(v string) bool {
	if len(v) < 8 || strings.ContainsAny(v, " \t\r\n\uE000") || !utf8.ValidString(v) {
		return false
	}
	if IsPlaceholder(v) {
		return false
	}
	if uuid.MatchString(v) {
		return true
	}
	return !IsWordy(v) && !IsNumeric(v) && !IsKnown(v)
}

// IsNumeric reports numbers, including separators between digits.
func IsNumeric(v string) bool { return strings.Trim(v, "0123456789.,:+-eE_ /") == "" }

// whole are anchored expressions for texts that their format identifies as harmless.
var whole = []*lazyregexp.Regexp{
	lazyregexp.New(
		`^(?i)(?:sha1[-:][0-9a-f]{40}|sha256[-:][0-9a-f]{64}|sha512[-:][0-9a-f]{128}|md5[-:][0-9a-f]{32}|sha256-` +
			`[\w+/]{43}=?|sha384-[\w+/]{64}|sha512-[\w+/]{86}={0,2})$`,
	),
	lazyregexp.New(`^v?\d+(?:\.\d+)+(?:[-+.][a-z]{1,10}[.-]?\d{0,8})?$`),
	// A version with a digest.
	lazyregexp.New(`^[\w./:-]*\d+\.\d+\.\d+@[0-9a-f]{64}$`),
	// A version of a Go module without a tag.
	lazyregexp.New(`^v\d+\.\d+\.\d+-(?:[\w.]+\.)?\d{14}-[0-9a-f]{12}(?:\+incompatible)?$`),
	lazyregexp.New(`^\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$`),
	lazyregexp.New(`^(?i)#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$`),
	lazyregexp.New(`^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$`),
	// OAuth scopes, such as reserved_ip:read, and permission names.
	lazyregexp.New(`^[a-z][a-z_-]*(?:[.:][a-z*][a-z_*-]*)+$`),
	// File names.
	lazyregexp.New(
		`^(?i)[a-z0-9_.-]{1,64}\.(?:json|ya?ml|pem|key|crt|cer|p12|pfx|jks|txt|env|toml|ini|conf|properties|xml|` +
			`[jt]sx?|py|sh|md|html?|csv|pdf|png|jpe?g|svg|gif)$`,
	),
	// File paths.
	lazyregexp.New(
		`^(?i)(?:~|\.{0,2})/[\w./-]{1,200}\.(?:json|ya?ml|pem|crt|cer|p12|pfx|jks|txt|env|toml|ini|conf|properties|xml|` +
			`md|html?|csv|pdf)$`,
	),
	// The scope of a signed request to AWS.
	lazyregexp.New(`^[^/\s]{1,128}/\d{8}/[a-z0-9-]+/[a-z0-9-]+/aws4_request$`),
	// Public by design: Stripe and Mapbox keys for browsers.
	lazyregexp.New(`^(?:pk_(?:live|test)_\w+|pk\.eyJ[\w.-]+)$`),
}

// schemes are the prefixes of identifiers that are never keys.
var schemes = NewVocabulary(`urn mailto tel data spiffe did javascript jdbc cid tag file`)

var (
	schemeStart = lazyregexp.New(`^([A-Za-z][A-Za-z0-9+.-]*):(//)?`)
	pathStart   = lazyregexp.New(`^(?:~/|\.{1,2}/|/[A-Za-z][\w.-]{0,32}(?:/|$))`)
)

// IsKnown reports texts in a known format that are not keys: addresses, paths, digests,
// versions, dates and colours. It returns false if a key follows such a prefix.
func IsKnown(v string) bool {
	for _, form := range whole {
		if form.MatchString(v) {
			return true
		}
	}
	if m := schemeStart.FindStringSubmatch(v); m != nil && (m[2] != "" || schemes[strings.ToLower(m[1])]) {
		return true
	}
	return pathStart.MatchString(v) && !hasRandomSegment(v)
}

// hasRandomSegment reports paths in which a segment looks like a key.
func hasRandomSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if len(segment) >= MinRandom && !uuid.MatchString(segment) && isRandom(segment) {
			return true
		}
	}
	return false
}
