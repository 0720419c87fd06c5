// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"cmp"
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hole stands for what a template or a placeholder will be replaced with. It is a
// character of the private use area, which no rule takes for a part of a secret.
const hole = '\uE000'

// punch replaces templates with holes: what the platform ({{…}}, {%…%}, [[…]]), a
// shell (${…}, $(…)), another program (%NAME%) or a person (<your token>) replaces.
func punch(text string) string {
	var b strings.Builder
	rest := 0
	for i := 0; i < len(text); {
		n := templateAt(text[i:])
		if n == 0 {
			i++
			continue
		}
		b.WriteString(text[rest:i])
		b.WriteRune(hole)
		i += n
		rest = i
	}
	if rest == 0 {
		return text
	}
	return b.String() + text[rest:]
}

// templateAt returns how long the template is that a text starts with; 0 for none.
func templateAt(text string) int {
	switch text[0] {
	case '{':
		return cmp.Or(between(text, "{{{", "}}}"), between(text, "{{", "}}"), between(text, "{%", "%}"))
	case '[':
		return between(text, "[[", "]]")
	case '$':
		return cmp.Or(between(text, "${", "}"), between(text, "$(", ")"))
	case '<':
		return bracketed(text)
	case '%':
		return enclosed(text)
	case 'p', 'o', 'i':
		return environment(text)
	}
	return 0
}

// maxTemplate is how long a template may be: what starts like one and does not end
// must not make the search take forever.
const maxTemplate = 4096

// between returns the length of what starts and ends with these, 0 if text does not.
func between(text, start, end string) int {
	if !strings.HasPrefix(text, start) {
		return 0
	}
	if n := strings.Index(text[len(start):min(len(text), maxTemplate)], end); n >= 0 {
		return len(start) + n + len(end)
	}
	return 0
}

// maxBracketed is how long <your token> may be.
const maxBracketed = 62

func bracketed(text string) int {
	end := strings.IndexAny(text[1:min(len(text), maxBracketed+1)], "<>\n") + 1
	if end < 2 || text[end] != '>' || !isLetter(text[1]) {
		return 0
	}
	return end + 1
}

// minEnclosed is the shortest name in %NAME%.
const minEnclosed = 3

func enclosed(text string) int {
	n := 1
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] == '_') {
		n++
	}
	if n <= minEnclosed || n == len(text) || text[n] != '%' {
		return 0
	}
	return n + 1
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// environment is how code asks for a variable: process.env.NAME.
func environment(text string) int {
	for _, start := range []string{"process.env", "os.environ", "import.meta.env"} {
		if rest, ok := strings.CutPrefix(text, start); ok && strings.IndexAny(rest+" ", ".[( ;,)") == 0 {
			return len(text) - len(strings.TrimLeft(rest, letters+digits+"_.[]()\"'"))
		}
	}
	return 0
}

var (
	// placeholderWords are whole values that stand for a secret.
	placeholderWords = newVocabulary(`password passwd pwd pass secret token key apikey api-key api_key accesstoken access_token credential
		credentials user username login test none null nil undefined true false yes no on off n/a na empty string number integer
		boolean bool object array any text date datetime file json yaml email url uri uuid required optional hidden masked redacted
		invalid missing wrong unknown default auto automatic inherit disabled enabled bearer basic digest oauth oauth2 jwt
		unused client_credentials authorization_code refresh_token api plain encrypted foo bar baz foobar todo tbd fixme dummy fake
		sample example placeholder changeme changeit change_me change-me replaceme replace-me replace_me secretref valuefrom
		motdepasse mdp jeton passwort`)
	// placeholderParts make a placeholder of a value as one of its words.
	placeholderParts = newVocabulary(`your example placeholder changeme change changeit replace replaceme todo tbd fixme dummy fake sample
		insert redacted masked hidden enter provide xxx xxxx xxxxx xxxxxx xxxxxxxx votre remplacer exemple foo bar foobar baz lorem`)
	// variable matches names that stand for a value: $token, $payload.password, API_KEY.
	variable = regexp.MustCompile(`^(?:\$[A-Za-z_]\w*(?:\.\w+)*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$`)
)

// isPlaceholder reports values that stand for a secret: ***, your-api-key, changeme,
// string, $TOKEN, 0000.
func isPlaceholder(v string) bool {
	lower := strings.ToLower(strings.Trim(v, " \t'\"`"))
	if lower == "" || placeholderWords[lower] || isUniform(lower) || variable.MatchString(v) && isWordy(v) {
		return true
	}
	if strings.HasPrefix(lower, "your") || strings.Contains(lower, "...") || strings.Contains(lower, "***") {
		return true
	}
	if hasPlaceholderPart(v) {
		return true
	}
	return strings.HasSuffix(v, "EXAMPLE") || strings.HasSuffix(v, "EXAMPLEKEY") || sequences.MatchString(lower)
}

// hasPlaceholderPart looks at the words of a value. Letters that happen to stand
// between capitals of a random text are no words.
func hasPlaceholderPart(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if isWordy(v) {
		parts = words(v)
	}
	for _, part := range parts {
		if placeholderParts[strings.ToLower(part)] || len(part) > 5 && isUniform(part) {
			return true
		}
	}
	return false
}

// sequences are keys that nobody has: 0123456789abcdef and its likes.
var sequences = regexp.MustCompile(`^(?:0?123456789(?:0?abcdef)?(?:0?123456789(?:0?abcdef)?)*|abcdef(?:0?123456789)?|abcdefghijklmnopqrstuvwxyz\d*)$`)

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

// traits counts what tells random text from words.
type traits struct {
	letters, digits, upper, lower, others int
	// run is the longest run of letters and digits, switches the number of changes
	// between letters and digits in it.
	run, switches int
}

func traitsOf(v string) traits {
	var t traits
	run, switches, before := 0, 0, rune(0)
	for _, r := range v {
		kind := rune(0)
		switch {
		case r >= '0' && r <= '9':
			t.digits++
			kind = '0'
		case unicode.IsLetter(r):
			t.letters++
			kind = 'a'
			if unicode.IsUpper(r) {
				t.upper++
			} else {
				t.lower++
			}
		default:
			t.others++
		}
		if kind == 0 {
			run, switches = 0, 0
		} else {
			run++
			if before != 0 && before != kind {
				switches++
			}
		}
		before = kind
		if run > t.run {
			t.run, t.switches = run, switches
		}
	}
	return t
}

const (
	// minRandom is the shortest run of letters and digits that looks random.
	minRandom = 16
	// minLetters is the same where letters of one case are nearly all there is.
	minLetters = 20
	// maxOpaque is the longest value that is taken for a key because of its looks.
	maxOpaque = 512
)

var (
	uuid = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	// known are texts with a form of their own that are no keys.
	known = regexp.MustCompile(`^(?i)(?:[a-z][a-z0-9+.-]*:|~/|(?-i:/[a-z][a-z0-9_.-]{0,15}(?:/|$))|\.{1,2}/|sha\d+[-:]|md5[-:]|v?\d+(?:\.\d+)+|\d{4}-\d\d-\d\d|#[0-9a-f]+$|[\w.+-]+@[\w-]+\.)`)
)

// looksRandom reports text that nobody would have thought up: a long run of letters
// and digits that alternate, or of letters without the look of words.
func looksRandom(v string) bool {
	if len(v) < minRandom || len(v) > maxOpaque || !utf8.ValidString(v) || strings.ContainsAny(v, " \t\r\n\uE000") {
		return false
	}
	if uuid.MatchString(v) || known.MatchString(v) || isPlaceholder(v) {
		return false
	}
	t := traitsOf(v)
	if t.run < minRandom || entropy(v) < 3 {
		return false
	}
	if t.digits >= 2 && t.letters >= 2 && t.switches >= 3 {
		return true
	}
	return !isWordy(v) && t.letters > 0 && (t.upper >= 3 && t.lower >= 3 || t.run >= minLetters)
}

// entropy is Shannon's, in bits for each character.
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

// looksGenerated reports a value that is not made of words: a key, a token, but also a
// word with a number in it.
func looksGenerated(v string) bool {
	if len(v) < 8 || strings.ContainsAny(v, " \t\r\n\uE000") || !utf8.ValidString(v) {
		return false
	}
	if isPlaceholder(v) {
		return false
	}
	if uuid.MatchString(v) {
		return true
	}
	return !isWordy(v) && !isNumeric(v) && !known.MatchString(v)
}

func isNumeric(v string) bool { return strings.Trim(v, "0123456789.,:+-eE_ /") == "" }

// shortWords are words without a vowel, or shorter than words are.
var shortWords = newVocabulary(`a i db dbs id ids ui ux js ts css html http https url api apis jwt crm www sms sso ssl tls tcp ssh sql gpt llm mcp
	rag pdf csv xml json yml txt md my v x y z p m s ws wss fr en de es it nl uk us eu ai ml os k8s s3 gcp aws dev prod qa hr sdk cli rest
	on in to of at by is no or if it up do go me we as so an am ok ms sync async src std str num ctx req res cfg env var msg dst tmp usr pwd pw`)

// isWordy reports text that is made of words, as identifiers, slugs, file names and
// addresses are: userToken, my-session-token, body.user.token.
func isWordy(v string) bool {
	parts := strings.FieldsFunc(v, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	list, short, length := 0, 0, 0
	for _, part := range parts {
		if strings.IndexFunc(part, unicode.IsLetter) < 0 {
			if len(part) > 4 { // a number that is more than a year
				return false
			}
			continue
		}
		if strings.IndexFunc(strings.TrimRight(part, digits), unicode.IsDigit) >= 0 || len(strings.TrimLeftFunc(part, unicode.IsLetter)) > 2 {
			return false // letters and digits that alternate
		}
		for _, w := range words(part) {
			list++
			length += len(w)
			if len(w) < 3 && !shortWords[w] {
				short++
			} else if !isWord(w) && !shortWords[w] {
				return false
			}
		}
	}
	return short*4 <= list && (list < 4 || length > 3*list)
}

const (
	letters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
	vowels   = "aeiouyàâäéèêëîïôöùûüœæ"
	longWord = 32
	// maxConsonants in a row, as in Rechtschreibung.
	maxConsonants = 5
)

// isWord reports whether letters in lower case could be a word.
func isWord(w string) bool {
	consonants, any := 0, false
	for _, r := range w {
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
