// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"regexp"
	"strings"
)

// text looks at text that has no structure that we know, line by line.
func (s *fileScan) text(text string, at where) {
	if strings.Contains(text, pemBegin) {
		s.privateKeys(text, at)
	}
	inFile := at.length == len(s.file.Data)
	offset := 0
	for line := range strings.Lines(text) {
		here := at
		if inFile {
			here.extent = extent{offset: offset, length: len(line)}
		}
		offset += len(line)
		s.line(line, here)
	}
}

// line looks at one line of text.
func (s *fileScan) line(line string, at where) {
	if len(line) < minNested {
		return
	}
	s.shapes(punch(line), at)
	s.assignments(line, at)
	if at.nested < maxNested {
		for _, run := range base64Run.FindAllString(line, -1) {
			s.base64(run, at)
		}
	}
}

// base64Run is a text in a line that may be base64. Shorter ones are words.
var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{24,}={0,2}`)

// comments looks at the comments of the file. What only looks like one, in a string,
// is looked at once more; it is reported once.
func (s *fileScan) comments() {
	for i, start := range s.lines {
		end := len(s.file.Data)
		if i+1 < len(s.lines) {
			end = s.lines[i+1]
		}
		line := s.file.Data[start:end]
		at := bytes.IndexByte(line, '#')
		for at > 0 && line[at-1] != ' ' && line[at-1] != '\t' {
			next := bytes.IndexByte(line[at+1:], '#')
			if next < 0 {
				at = -1
				break
			}
			at += next + 1
		}
		if at >= 0 {
			s.line(string(line[at:]), where{extent: extent{offset: start + at, length: len(line) - at}})
		}
	}
}

// assignments looks for name = value, name: value and comparisons of the two, in code,
// in environment files, in query strings and in connection strings.
func (s *fileScan) assignments(text string, at where) {
	text = strings.ReplaceAll(text, `\u0026`, "&") // as JSON writes it
	for i := 0; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		a := assignment{operator: text[i]}
		if !a.nameBefore(text[:i], s.strength) {
			continue
		}
		if end := a.valueAfter(text, i+1); s.assigned(a, at) {
			i = end
		}
	}
	s.options(text, at)
}

// assignment is a name and a value in a text.
type assignment struct {
	name, value string
	operator    byte
	strength    strength
	// quoted and nameQuoted: they stand in quotes.
	quoted, nameQuoted bool
	// paired: it is one of several, as in a query string.
	paired bool
	// called: the value is the name of a function.
	called bool
}

// assigned reports the value of an assignment, if it is a secret. In free text, it has
// to look like one.
func (s *fileScan) assigned(a assignment, at where) bool {
	value := strings.TrimSpace(punch(a.value))
	if value == "" || a.called || sameWords(value, a.name) {
		return false
	}
	at.name, at.strength = a.name, a.strength
	if isHeader(a.name) {
		at.header = true
		return s.shapes(value, at)
	}
	rule := ruleCredential
	switch {
	case a.strength == unnamed,
		strings.ContainsRune(value, hole),
		at.example && !looksRandom(value),
		a.strength == password && !a.isPassword(value, at.spot),
		a.strength == credential && !looksGenerated(value),
		a.strength == hinted && !looksRandom(value):
		return false
	case a.strength == password:
		rule = rulePassword
	}
	s.report(rule, value, at)
	return true
}

// isPassword wants more of a value that may be a word in a sentence than of one that
// somebody has clearly assigned.
func (a assignment) isPassword(value string, at spot) bool {
	deliberate := a.paired || a.quoted && (a.operator == '=' || a.nameQuoted) || a.operator == '=' && strings.ToUpper(a.name) == a.name
	t := traitsOf(value)
	return isPassword(value, at) && (deliberate && !at.label || t.letters > 0 && t.digits > 0 || !isWordy(value) && t.letters > 0)
}

// maxBefore is how much of a text before an operator is looked at: a name, quotes,
// brackets and spaces.
const maxBefore = maxName + 20

// nameBefore finds the name at the end of a text, before the operator.
func (a *assignment) nameBefore(text string, strengthOf func(string) strength) bool {
	text = text[max(0, len(text)-maxBefore):]
	text = strings.TrimRight(text, "!=<>: \t")
	bare := strings.TrimRight(text, "\\\"'`]")
	a.nameQuoted = len(bare) < len(text)
	bare = strings.TrimRight(bare, "} ")
	start := len(bare)
	for start > 0 && len(bare)-start <= maxName && isNameByte(bare[start-1]) {
		start--
	}
	name := bare[start:]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	if len(name) < 3 || start > 0 && bare[start-1] == '@' {
		return false
	}
	a.name, a.strength = name, strengthOf(name)
	if start > 0 && (name == "sig" || strings.HasSuffix(name, "Signature")) && strings.IndexByte("&?;", bare[start-1]) >= 0 {
		a.strength = hinted // of a URL that is signed, and so opens what it names
	}
	a.paired = start > 0 && strings.IndexByte(";&?", bare[start-1]) >= 0 || start > 1 && bare[start-1] == ' ' && bare[start-2] == ';'
	return a.strength > unnamed
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '-' || b == '.' || b == '$' || b >= 0x80
}

// maxAssigned is the longest value that is looked at, in bytes.
const maxAssigned = 4096

// valueAfter finds the value at the start of a text, and returns where it ends.
func (a *assignment) valueAfter(text string, at int) int {
	for at < len(text) && strings.IndexByte("=>", text[at]) >= 0 {
		at++
	}
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	end := min(len(text), at+maxAssigned)
	rest := text[at:end]
	closing := ""
	for _, quote := range []string{`\"`, `"`, `'`, "`"} {
		if strings.HasPrefix(rest, quote) {
			closing = quote
			break
		}
	}
	if closing != "" {
		inner := rest[len(closing):]
		n := strings.Index(inner, closing)
		if n < 0 || strings.Contains(inner[:n], "\n") {
			return at
		}
		a.value, a.quoted = inner[:n], true
		return at + len(closing) + n
	}
	stop := " \t\r\n\"'`,;&{}()[]<>|\\"
	if isHeader(a.name) {
		stop = "\r\n\"'`"
	}
	n := strings.IndexAny(rest, stop)
	if n < 0 {
		n = len(rest)
	}
	a.value = strings.TrimRight(rest[:n], ".:")
	a.called = n < len(rest) && strings.IndexByte("([{", rest[n]) >= 0
	a.paired = a.paired || a.operator == '=' && n < len(rest) && strings.IndexByte(";&", rest[n]) >= 0
	return at + max(n-1, 0)
}

var (
	commandUser = regexp.MustCompile(`(?:^|\s)(?:-u|--user|--proxy-user)[ =]["']?([^\s:"']+):([^\s"']{3,})`)
	commandFlag = regexp.MustCompile(`(?:^|\s)--?([a-z-]*(?:password|passwd|passphrase|token|secret|key))\s+["']?([^\s"'-][^\s"']{3,})`)
)

// options looks for the credentials of command lines: curl -u user:password.
func (s *fileScan) options(text string, at where) {
	if !strings.Contains(text, " -u") && !strings.Contains(text, " --") {
		return
	}
	punched := punch(text)
	if strings.Contains(punched, "curl") || strings.Contains(punched, "wget") {
		for _, m := range commandUser.FindAllStringSubmatch(punched, -1) {
			if isHeaderSecret(m[2]) {
				s.report(rulePassword, m[2], at)
			}
		}
	}
	for _, m := range commandFlag.FindAllStringSubmatch(punched, -1) {
		s.assigned(assignment{name: m[1], value: m[2], operator: ' ', strength: nameStrength(m[1])}, at)
	}
}
