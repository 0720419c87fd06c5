// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"hash/fnv"
	"slices"
	"strings"
)

// unclosedDelimiter returns the delimiter of an unterminated expression, or "". Braces that do not
// start an expression are text: prompts contain JSON.
func unclosedDelimiter(text []byte) string {
	open := 0
	for rest := text; ; {
		i := bytes.IndexAny(rest, "{}")
		if i < 0 || i+1 == len(rest) {
			break
		}
		pair := rest[i : i+2]
		rest = rest[i+1:]
		switch {
		case string(pair) == "{{" && startsVariable(rest[1:]):
			open++
			rest = rest[1:]
		case string(pair) == "}}":
			open = max(open-1, 0)
			rest = rest[1:]
		}
	}
	if open > 0 {
		return "{{"
	}
	start := bytes.LastIndex(text, []byte("{%"))
	if start >= 0 && !bytes.Contains(text[start:], []byte("%}")) && !isURLEscape(text[start+2:]) {
		return "{%"
	}
	return ""
}

// isURLEscape reports whether the text after a per cent sign makes it a URL escape.
func isURLEscape(rest []byte) bool {
	const digits = "0123456789abcdefABCDEF"
	return len(rest) > 1 && strings.IndexByte(digits, rest[0]) >= 0 && strings.IndexByte(digits, rest[1]) >= 0
}

// startsVariable reports whether the name of a variable follows {{.
func startsVariable(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \n")
	return len(rest) > 0 && (rest[0] == '$' || isAlphanumeric(rest[0]) && (rest[0] < '0' || rest[0] > '9'))
}

// eachVariable calls f for each variable that the text refers to: name is the first word after {{,
// such as user in {{user.id}}, and rest what follows it.
func eachVariable(text []byte, f func(name, rest []byte)) {
	for {
		i := bytes.Index(text, []byte("{{"))
		if i < 0 {
			return
		}
		text = bytes.TrimLeft(text[i+2:], "{ !\n")
		n := 0
		for n < len(text) && (isAlphanumeric(text[n]) || text[n] == '$' || text[n] == '-') {
			n++
		}
		f(text[:n], text[n:])
	}
}

// isIdentity reports whether a variable identifies the caller of an automation (docs, "Run Scope",
// "User Scope", "URL"). A check of the caller needs one of these.
func isIdentity(name, rest []byte) bool {
	switch string(name) {
	case "user", "session", "headers":
		return true
	case "run":
		return bytes.HasPrefix(rest, []byte(".authenticatedWorkspaceId"))
	}
	return false
}

// isComputed reports whether a name is only known at run time.
func isComputed(text []byte) bool {
	return bytes.Contains(text, []byte("{{")) || bytes.Contains(text, []byte("{%"))
}

func hashName(text []byte) uint64 {
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// mentions are the hashes of the names that occur in a release.
type mentions map[uint64]struct{}

// maxMentions bounds the memory. Beyond it, every name counts as mentioned.
const maxMentions = 1 << 19

// addName records a text if it is a name.
func (m mentions) addName(name []byte) {
	if isName(name) && len(m) <= maxMentions {
		m[hashName(name)] = struct{}{}
	}
}

// isName reports whether a text is a single word of limited length.
func isName(text []byte) bool {
	return len(text) > 0 && len(text) <= maxName && !slices.ContainsFunc(text, func(b byte) bool { return !isWord(b) })
}

func (m mentions) contains(name string) bool {
	_, there := m[hashName([]byte(name))]
	return there || len(m) > maxMentions
}

// maxName is the maximum length of a name.
const maxName = 80

// addWords adds each word of a text.
func (m mentions) addWords(text []byte) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && isWord(text[n]) {
			n++
		}
		m.addName(bytes.TrimRight(text[:n], ".:"))
		for n < len(text) && !isWord(text[n]) {
			n++
		}
		text = text[n:]
	}
}

func isWord(b byte) bool {
	return isAlphanumeric(b) || b == '.' || b == '-' || b == ':' || b == '/' || b >= 0x80
}

// mentionsWord reports whether a text contains a word.
func mentionsWord(text []byte, word string) bool {
	for {
		i := bytes.Index(text, []byte(word))
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || !isWord(text[i-1])) && (end == len(text) || !isWord(text[end])) {
			return true
		}
		text = text[end:]
	}
}
