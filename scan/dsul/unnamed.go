// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

const (
	// maxUnnamed limits the length of random text that is reported although neither its name nor
	// its place is that of a credential.
	maxUnnamed = 512
	// minUnbroken is the minimum length of the longest part of such a text, in bytes. The
	// random parts of the names of pods, machines and models are shorter.
	minUnbroken = 12
	// minMixed is the minimum length of a part that only its capitals show to be random.
	minMixed = 20
	// minSlashed is the minimum length of base64 with slashes. Shorter texts are paths.
	minSlashed = 40
)

var (
	// unnamedParts are the parts of a workspace in which unnamed random text and weak
	// keys and passwords are reported.
	unnamedParts = literal.NewVocabulary(`index imports automations pages`)
	// connectingWords and signs separate a name from its value.
	connectingWords = literal.NewVocabulary(`is to est ist es of the was a | || - -> !`)
	// publicStart matches the start of public keys, certificates and signatures in base64, of
	// times and of hexadecimal numbers.
	publicStart = lazyregexp.New(
		`^(?:MFkw|MII|MCow|MIG|ME[QUY]CI|mQ[EIM]N|mDM|AAAA[BCE]3NzaC1|AAAAE2VjZHNh|AAAAGnNr|ssh-|age1|LS0tLS1|` +
			`\d{8}T\d{6}|0x|ocid1\.|[ACNOU][A-D][A-Z2-7]{54}$)`,
	)
	// publicID matches identifiers of services by their prefix, cuids, signed tokens, which have a
	// rule of their own, identifiers of Okta, UUIDs that somebody made up with other letters, and
	// versions with a commit.
	publicID = lazyregexp.New(
		`^(?:(?:asst|thread|msg|run|step|file|vs|cus|prod|price|sub|acct|pi|evt|in|ch|seti|org|proj|chatcmpl|resp|call|` +
			`toolu|req)[_-]\w+$|` +
			`c[jklm][a-z0-9]{23}$|eyJ[\w-]+\.|0o[a-z][A-Za-z0-9]{17}$|00[a-z][A-Za-z0-9]{17}$|` +
			`\w{8}-(?:\w{4}-){3}\w{12}$|\d+\.\d+\.\d+-(?:[\w.]+[.-])?[0-9a-f]{40}$)`,
	)
	// hostEnd matches the end of a host name or a file name.
	hostEnd = lazyregexp.New(`\.[A-Za-z]{2,10}(?::\d+)?$`)
	// prefixed matches hexadecimal text behind the prefix of a token.
	prefixed = lazyregexp.New(`^[a-z][a-z0-9]{1,12}_(?:[a-z0-9]{1,8}_)?[0-9a-f]{32,}$`)
	// digestSize matches base64 of a UUID and of digests: 16, 20, 32 and 64 bytes.
	digestSize = lazyregexp.New(`^(?:[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{27}=|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$`)
)

// findUnnamed reports random text that is a complete value or word, independently of its name. UUIDs are
// identifiers more often than keys, and need a name or a place. So does hexadecimal text outside of
// workspaces.
func (s *fileScan) findUnnamed(text string, at position) {
	if at.example || len(text) < literal.MinRandom || strings.Contains(text, pemBegin) {
		return
	}
	before := ""
	whole := strings.Trim(text, " \t\r\n\"'`")
	for t := range tokensIn(text) {
		if t.text() == whole {
			if before = nameOf(at.location); hasHarmlessName(before) {
				return
			}
		}
		if isUnnamed(t.text(), before, s.surroundingsOf(t)) && s.standsAlone(t, at) {
			s.report(ruleUnnamed, unnamedValue(t.text()), at)
		}
		if word := strings.ToLower(strings.Trim(t.text(), ":=")); word != "" && !connectingWords[word] {
			before = t.text()
		}
	}
}

// standsAlone reports a token that is neither a part of other data nor a column of a table.
func (s *fileScan) standsAlone(t rawToken, at position) bool {
	return !t.isEncoded() && !t.isChecked() && !t.isCalled() &&
		(unnamedParts[s.part] || s.isWholeValue(t.text(), at) || t.isGiven())
}

// surroundings say how much random text in a file means.
type surroundings int

const (
	// inFile: digests and names of machines are as frequent as keys.
	inFile surroundings = iota
	// inDocument: the text is quoted or the value of a name, in a document. Digests of 40 and more
	// digits are frequent.
	inDocument
	// inWorkspace: digests and names of machines are rare.
	inWorkspace
)

func (s *fileScan) surroundingsOf(t rawToken) surroundings {
	switch {
	case unnamedParts[s.part]:
		return inWorkspace
	case s.kind.document && t.isGiven():
		return inDocument
	}
	return inFile
}

// nameOf returns the name of a value, or that of its parent if its own name is generic.
func nameOf(at location) string {
	if at.steps != nil && at.steps.above != nil && generic[strings.ToLower(at.name)] {
		return at.steps.above.key
	}
	return at.name
}

// isWholeValue reports a token that is a value in YAML, or the only text of its file.
func (s *fileScan) isWholeValue(token string, at position) bool {
	return at.line > 0 && at.name != "" ||
		len(s.file.Data) < 2*maxUnnamed && strings.TrimSpace(string(s.file.Data)) == token
}

// tokenEnds are the signs around a value.
const tokenEnds = ".,:;!?#$&%@~|>-/"

// unnamedValue returns the value in a token, without the name and the punctuation around it.
func unnamedValue(token string) string {
	token = strings.Trim(token, tokenEnds)
	bare := strings.TrimRight(token, "=")
	return token[strings.LastIndexAny(bare, "=:")+1:]
}

// isUnnamed reports a token that looks like a key. before is the token or the name before it.
func isUnnamed(token, before string, where surroundings) bool {
	if len(token) < literal.MinRandom || len(token) > maxUnnamed {
		return false
	}
	if token[0] == '#' || strings.Contains(token, "://") || strings.HasPrefix(token, "arn:") {
		return false
	}
	value := unnamedValue(token)
	if len(value) < literal.MinRandom || strings.ContainsAny(value, "@%?&#!~$|>") || !mayBeRandom([]byte(value)) {
		return false
	}
	isLoose := where == inWorkspace && isLooselyRandom(value) || where == inDocument && hasKeyDigits(value)
	if !isLoose && !hasUnbroken(value) {
		return false
	}
	name := strings.TrimSuffix(strings.Trim(token, tokenEnds), value)
	if where == inWorkspace && isEncodedLogin(value) {
		return !hasPublicName(before) && !hasPublicName(name)
	}
	return !hasPublicName(before) && !hasPublicName(name) && !isPublic(value, before, where) &&
		!isReference(token) && !literal.IsKnown(token) && literal.LooksRandom(value) && !isEncodedText(value)
}

// isPublic reports a value whose form is that of an identifier, a digest, a public key or an address.
func isPublic(value, before string, where surroundings) bool {
	return isCoordinate(before, value) || publicStart.MatchString(value) || publicID.MatchString(value) ||
		isLocation(value) || isIdentifier(value) || where != inWorkspace && digestSize.MatchString(value)
}

// isCoordinate reports a coordinate or the modulus of a public key in JSON Web Key form.
func isCoordinate(name, value string) bool {
	switch strings.Trim(name, "\":") {
	case "x", "y":
		return coordinateSizes[len(value)]
	case "n":
		return len(value) >= 342
	}
	return false
}

// coordinateSizes are the lengths of coordinates in base64url: of Ed25519 and P-256, Ed448, P-384
// and P-521.
var coordinateSizes = map[int]bool{43: true, 64: true, 76: true, 88: true}

// isLocation reports paths, hosts and file names. Base64 may contain slashes.
func isLocation(text string) bool {
	if strings.Contains(text, "/") {
		t := literal.TraitsOf(text)
		return len(text) < minSlashed || strings.ContainsAny(text, "-_.") || t.Upper == 0 || t.Lower == 0
	}
	return strings.Contains(text, ".") && hostEnd.MatchString(text)
}

// hasUnbroken reports whether a part without separators is long, random and not hexadecimal.
func hasUnbroken(text string) bool {
	if prefixed.MatchString(text) {
		return true
	}
	for part := range strings.FieldsFuncSeq(text, isSeparator) {
		if len(part) < minUnbroken || isDigestSized(part) {
			continue
		}
		t := literal.TraitsOf(part)
		innerCapitals := countInnerCapitals(part)
		isMixed := len(part) >= minMixed && innerCapitals*maxCapitalGap >= len(part)
		isNumbered := t.Switches >= 3 && t.Letters > 0 && (t.Digits+innerCapitals)*maxDigitGap >= len(part)
		if (isNumbered || isMixed) && (t.Switches >= minRandomSwitches || !isCompoundName(part)) {
			return true
		}
	}
	return false
}

// hasKeyDigits reports text with hexadecimal digits in the length of keys, which no digest but MD5 has.
func hasKeyDigits(text string) bool {
	if strings.Contains(text, "/") {
		return false
	}
	for part := range strings.FieldsFuncSeq(text, isSeparator) {
		if keyDigits.MatchString(part) {
			return true
		}
	}
	return false
}

// isSeparator reports characters that are neither letters nor digits.
func isSeparator(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// minLoose is the minimum length of text that is random as a whole, in bytes.
const minLoose = 20

// isLooselyRandom reports text that is a key if it is in a part of a workspace, where digests and
// names of machines are rare: hexadecimal text, and text whose random parts are short.
func isLooselyRandom(text string) bool {
	hasPart := false
	if bootstrapToken.MatchString(text) {
		return true
	}
	for part := range strings.FieldsFuncSeq(text, isSeparator) {
		if hexRun.MatchString(part) || oddHex.MatchString(part) || isMixedCase(part) {
			return true
		}
		hasPart = hasPart || len(part) >= minLoosePart && !isDigestSized(part) && literal.TraitsOf(part).Switches >= 2
	}
	return hasPart && len(text) >= minLoose && literal.TraitsOf(text).Switches >= minLooseSwitches
}

// minInnerCapitals is the minimum number of capitals after small letters in a short random text.
const minInnerCapitals = 3

// isMixedCase reports letters of both cases that do not form words.
func isMixedCase(part string) bool {
	return len(part) >= literal.MinRandom && countInnerCapitals(part) >= minInnerCapitals && !literal.IsWordy(part) &&
		!isCompoundName(part)
}

var (
	// oddHex matches hexadecimal text whose length is neither that of an ObjectId nor that of a digest.
	oddHex = lazyregexp.New(`^(?:[0-9a-f]{20,23}|[0-9a-f]{25,31})$`)
	// keyDigits matches hexadecimal text in the length of keys.
	keyDigits = lazyregexp.New(`^(?:[0-9a-f]{20,23}|[0-9a-f]{25,39})$`)
	// bootstrapToken matches the tokens with which nodes join a cluster of Kubernetes.
	bootstrapToken = lazyregexp.New(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
)

const (
	// minLoosePart is the minimum length of a random part, in bytes.
	minLoosePart = 8
	// minLooseSwitches is the minimum number of changes between letters and digits.
	minLooseSwitches = 6
)

// isDigestSized reports hexadecimal text, unless it is longer than the shortest digest and not as
// long as another one.
func isDigestSized(part string) bool {
	if strings.Trim(part, digits+"abcdef") != "" && strings.Trim(part, digits+"ABCDEF") != "" {
		return false
	}
	return len(part) <= 40 || len(part)%8 == 0
}

// minRandomSwitches is the number of changes between letters and digits that no name has.
const minRandomSwitches = 8

// maxDigitGap is the maximum distance of digits and capitals in random text, on average.
const maxDigitGap = 12

// maxCapitalGap is the maximum distance of capitals after small letters in random text, on average.
const maxCapitalGap = 4

// countInnerCapitals counts the capitals that follow a small letter.
func countInnerCapitals(text string) int {
	n := 0
	for i := 1; i < len(text); i++ {
		if isUpper(text[i]) && text[i-1] >= 'a' && text[i-1] <= 'z' {
			n++
		}
	}
	return n
}

// technicalIn matches versions of an API and algorithms within an identifier.
var technicalIn = lazyregexp.New(`(?i:pkcs|asn|utf|iso|rfc|crc|md)\d+|v\d+(?:alpha|beta)?\d*|(?:ECDSA|RSA|SHA|HMAC|AES|P|Ed|poly|chacha)\d*(?:With|And)?`)

// minWordIn is the minimum length of a word in an identifier.
const minWordIn = 4

// isCompoundName reports identifiers that consist mostly of words, such as
// ACMEIssuerDNS01ProviderRFC2136 and defaultv1alpha1.
func isCompoundName(part string) bool {
	part = technicalIn.Get().ReplaceAllString(part, "_")
	length := 0
	for _, word := range literal.Words(part) {
		if len(word) >= minWordIn && literal.IsWordy(word) {
			length += len(word)
		}
	}
	bare := strings.ReplaceAll(part, "_", "")
	return 2*length >= len(bare) || literal.IsWordy(bare)
}

// isEncodedText reports base64 of text for people or programs, such as the name of an algorithm or the
// path of an object. The text itself is scanned, too.
func isEncodedText(text string) bool {
	plain, ok := decodeBase64(text)
	return ok && (strings.ContainsAny(plain, " {\":=,\n<") || literal.IsWordy(plain) || !hasUnbroken(plain))
}
