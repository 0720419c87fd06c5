// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

const (
	// maxReread limits how much of a rejected value is scanned again, in bytes: each operator
	// in it may start another assignment. maxUnclosed limits the searches for missing closing
	// quotes. Both keep the scan linear.
	maxReread   = 4096
	maxUnclosed = 64
	// contextEvery is the number of operators between two checks of the context.
	contextEvery = 1024
)

// findAssignments finds name = value, name: value, name || value, and comparisons of the two, in
// code, environment files, query strings and connection strings.
func (s *fileScan) findAssignments(ctx context.Context, text string, at position) {
	text = strings.ReplaceAll(text, `\u0026`, "&") // the JSON escape
	inside, reread, unclosed, count := 0, 0, 0, 0
	for i := 0; i < len(text); i++ {
		if !isOperator(text, i) {
			continue
		}
		if count++; count%contextEvery == 0 && ctx.Err() != nil {
			return
		}
		if i < inside {
			if reread += inside - i; reread > maxReread {
				i = inside
				continue
			}
		}
		a := assignment{operator: text[i]}
		if !a.nameBefore(text[:i], s.strengthOf) {
			continue
		}
		if isBadge(text[:i]) || beacon.MatchString(text[max(0, i-maxBefore):i]) || isComparedTo(a.name, text[i:]) {
			continue
		}
		if unclosed >= maxUnclosed && startsQuoted(text, i+1) {
			continue
		}
		end := a.valueAfter(text, i+1)
		if a.unclosed {
			unclosed++
		}
		if s.reportAssigned(a, at) {
			i = end
		} else if i >= inside {
			inside = end
			reread = 0
		}
	}
	s.findOptions(text, at)
}

// isOperator reports = and :, and the last character of || and ??, which precede a fallback.
func isOperator(text string, i int) bool {
	switch text[i] {
	case ':':
		return (i == 0 || text[i-1] != ':') && (i+1 == len(text) || text[i+1] != ':')
	case '=':
		return true
	case '|', '?':
		return i > 0 && text[i-1] == text[i]
	}
	return false
}

// beacon matches the start of the settings of Cloudflare's web analytics, whose token every visitor
// sees.
var beacon = lazyregexp.New(`data-cf-beacon=["']?\{\s*(?:"|&quot;)?token(?:"|&quot;)?$`)

// maxBadge is the maximum length of the URL of a badge, in bytes.
const maxBadge = 512

// isBadge reports the token in a badge URL of a README, which grants access to the image only.
func isBadge(before string) bool {
	if !strings.HasSuffix(before, "token") {
		return false
	}
	before = before[max(0, len(before)-maxBadge):]
	start := strings.LastIndex(before, "://")
	if start < 0 || strings.ContainsAny(before[start:], " \n") {
		return false
	}
	return strings.Contains(before[start:], ".svg?") || strings.HasPrefix(before[start:], "://img.shields.io/")
}

// counterpart matches the comparison with a variable.
var counterpart = lazyregexp.New(`^={1,3}\s*([A-Za-z_]+)\d{0,2}\s*(?:[)&|;]|$)`)

// isComparedTo reports the comparison with a variable of the same name and another number: pass1
// !== pass2.
func isComparedTo(name, rest string) bool {
	if rest[0] != '=' {
		return false
	}
	m := counterpart.FindStringSubmatch(rest[:min(len(rest), maxBefore)])
	return m != nil && strings.TrimRight(name, digits) == m[1] && name != m[1]
}

// startsQuoted reports whether a quoted value follows.
func startsQuoted(text string, at int) bool {
	rest := strings.TrimLeft(text[at:min(len(text), at+8)], "=> \t\\")
	return rest != "" && strings.IndexByte("\"'`", rest[0]) >= 0
}

// assignment is a name and a value found in a text.
type assignment struct {
	name, value string
	operator    byte
	strength    strength
	// quoted and nameQuoted: the value, or the name, is in quotes.
	quoted, nameQuoted bool
	// paired: the assignment is one of several, as in a query string.
	paired bool
	// called: a bracket follows the value, as in a function call.
	called bool
	// starts: the name is the first text in its line. ends: the value is the last.
	starts, ends bool
	// unclosed: the value starts with a quote that is never closed.
	unclosed bool
}

// reportAssigned judges a value by its name and reports whether it is a secret. In free text, the
// scanValue also has to look like one.
func (s *fileScan) reportAssigned(a assignment, at position) bool {
	if a.strength == password && len(a.value) > maxPassword && !strings.Contains(a.value, "{") {
		return false
	}
	if isReference(a.value) {
		return false
	}
	value := strings.TrimSpace(literal.MaskTemplates(a.value))
	if value == "" || a.called || sameWords(value, a.name) || interpolation.MatchString(value) {
		return false
	}
	at.name = a.name
	at.strength = a.strength
	if isHeader(a.name) {
		at.header = true
		return s.findShapes(value, at)
	}
	rule := ruleCredential
	switch {
	case a.strength == unnamed,
		s.kind.document && a.name == "sk",                               // in the address of an article
		len(a.name) > minStrong && strings.HasSuffix(value, ":"+a.name), // a reference
		strings.ContainsRune(value, literal.Mask),
		!a.quoted && isSelector(value),
		s.isEncodedPlaceholder(value, a.strength),
		at.example && !literal.LooksRandom(value),
		isName(value),
		a.strength == password && (!a.isPassword(value, at.location) || s.isNamedAfter(value)),
		a.strength == credential && !a.isCredential(value, at.location) && !s.isWeakKey(value, at) &&
			!s.isWordAssigned(a, value),
		a.strength == hinted && !s.isHinted(value, at):
		return false
	case a.strength == password:
		rule = rulePassword
	}
	s.report(rule, value, at)
	return true
}

// isWordAssigned reports words that code in a workspace assigns to an API key: apiKey = "blueheron".
func (s *fileScan) isWordAssigned(a assignment, value string) bool {
	return workspaceParts[s.part] && a.quoted && a.operator == '=' && namesAPIKey(a.name) && isWordKey(value)
}

// interpolation matches the start of a Ruby expression whose end is not part of the value.
var interpolation = lazyregexp.New(`#\{\s*[\w.:(]*$`)

// isPassword applies stricter criteria to a value that may be a word in a sentence than to one
// that is clearly assigned.
func (a assignment) isPassword(value string, at location) bool {
	t := literal.TraitsOf(value)
	return isPassword(value, at) &&
		(a.isDeliberate(at) && !at.label || t.Letters > 0 && t.Digits > 0 || !literal.IsWordy(value) && t.Letters > 0)
}

// isCredential accepts words only if they are a deliberate assignment of a key that a person chose.
func (a assignment) isCredential(value string, at location) bool {
	if isDisguised(value) || (a.isDeliberate(at) || a.starts && a.ends) && isTyped(value, a.name) {
		return true
	}
	return !repeats(value, a.name) && (literal.LooksGenerated(value) || isScrambled(value) || isSecretURL(value))
}

// isDeliberate reports an assignment outside of a sentence.
func (a assignment) isDeliberate(at location) bool {
	return a.paired || a.quoted && (a.operator != ':' || a.nameQuoted) ||
		a.operator == '=' && strings.ToUpper(a.name) == a.name || at.settings && a.starts && a.ends
}

// maxBefore limits the text to scan before an operator: a name, quotes, brackets and spaces.
const maxBefore = maxName + 20

// nameBefore finds the name directly before the operator, at the end of a text.
func (a *assignment) nameBefore(text string, strengthOf func(string) strength) bool {
	whole := len(text) <= maxBefore
	text = text[max(0, len(text)-maxBefore):]
	text = strings.TrimRight(text, "!=<>:|? \t")
	if a.operator == ':' {
		if m := remark.Get().FindStringIndex(text); m != nil {
			text = text[:m[0]]
		}
	}
	bare := strings.TrimRight(text, "\\\"'`*]")
	a.nameQuoted = len(bare) < len(text)
	bare = strings.TrimRight(bare, "}) \"'")
	start := len(bare)
	for start > 0 && len(bare)-start <= maxName && isNameByte(bare[start-1]) {
		start--
	}
	name := bare[start:]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	if len(name) < 2 && a.operator != ':' || start > 0 && bare[start-1] == '@' || strings.HasSuffix(bare, "did:key") {
		return false
	}
	a.name = name
	a.strength = strengthOf(name)
	if a.strength < credential && (a.operator == ':' || a.operator == '=') {
		a.phraseBefore(bare, start, strengthOf)
	}
	if len(name) < 2 && a.strength == unnamed {
		return false
	}
	if start > 0 && (name == "sig" || strings.HasSuffix(name, "Signature")) &&
		strings.IndexByte("&?;", bare[start-1]) >= 0 {
		a.strength = hinted // in a signed URL, which grants access to its target
	}
	line := bare[strings.LastIndexByte(bare[:start], '\n')+1 : start]
	a.starts = (whole || len(line) < start) && strings.Trim(line, " \t-\"'#") == ""
	a.paired = start > 0 && strings.IndexByte(";&?", bare[start-1]) >= 0 ||
		start > 1 && bare[start-1] == ' ' && bare[start-2] == ';'
	return a.strength > unnamed
}

// remark matches a remark in brackets behind a name: Password (admin).
var remark = lazyregexp.New(` \([\pL\pN][\pL\pN ,._-]{0,40}\)$`)

// maxNamePhrase is the maximum number of words in a name in prose: mot de passe.
const maxNamePhrase = 3

// phraseBefore checks whether the words before an operator form a name together.
func (a *assignment) phraseBefore(bare string, start int, strengthOf func(string) strength) {
	for range maxNamePhrase - 1 {
		next := strings.TrimRight(bare[:start], " ")
		if len(next) == start || len(next) == 0 || !isNameByte(next[len(next)-1]) {
			return
		}
		start = len(next)
		for start > 0 && isNameByte(next[start-1]) {
			start--
		}
		phrase := bare[start:]
		for _, name := range []string{strings.ReplaceAll(phrase, " ", ""), phrase} {
			found := strengthOf(name)
			if found >= credential && found > a.strength && len(phrase) <= maxSegment && endStrength(name) == found {
				a.name = phrase
				a.strength = found
				break
			}
		}
	}
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.' ||
		b == '$' ||
		b >= 0x80
}

// maxAssigned is the maximum length of a value, in bytes.
const maxAssigned = 4096

// valueAfter finds the value at the start of a text, and returns its end.
func (a *assignment) valueAfter(text string, at int) int {
	for at < len(text) && strings.IndexByte("=>", text[at]) >= 0 {
		at++
	}
	for at < len(text) && strings.IndexByte(" \t*", text[at]) >= 0 {
		at++
	}
	end := min(len(text), at+maxAssigned)
	rest := text[at:end]
	for _, quote := range []string{`\"`, `"`, `'`, "`"} {
		if strings.HasPrefix(rest, quote) {
			return a.quotedValue(rest, quote, at)
		}
	}
	if a.operator == '|' || a.operator == '?' {
		return at // anything but a string is another expression
	}
	stop := " \t\r\n\"'`,;&{}()[]<>|\\"
	if isHeader(a.name) {
		stop = "\r\n\"'`"
	}
	n := strings.IndexAny(rest, stop)
	if n < 0 {
		n = len(rest)
	}
	a.value = rest[:n]
	if !strings.HasSuffix(a.value, "...") {
		a.value = strings.TrimRight(a.value, ".:")
	}
	a.called = n < len(rest) && strings.IndexByte("([{", rest[n]) >= 0
	a.ends = n == len(rest) || strings.IndexByte("\r\n", rest[n]) >= 0
	a.paired = a.paired || a.operator == '=' && n < len(rest) && strings.IndexByte(";&", rest[n]) >= 0
	return at + max(n-1, 0)
}

// quotedValue finds the end of a quoted value. It skips quotes inside templates.
func (a *assignment) quotedValue(rest, quote string, at int) int {
	inner := rest[len(quote):]
	n := strings.Index(inner, quote)
	for n >= 0 && strings.Count(inner[:n], "{{") > strings.Count(inner[:n], "}}") {
		next := strings.Index(inner[n+len(quote):], quote)
		if next < 0 {
			break
		}
		n += len(quote) + next
	}
	if n < 0 || strings.Contains(inner[:n], "\n") {
		a.unclosed = true
		return at
	}
	a.value = inner[:n]
	a.quoted = true
	return at + len(quote) + n
}
