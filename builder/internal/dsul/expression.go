// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"iter"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// unclosedDelimiter returns the delimiter of an unterminated expression, or "". Braces that do not
// start an expression are text: prompts contain JSON.
func unclosedDelimiter(text string) string {
	open := 0
	for i := 0; i+1 < len(text); i++ {
		switch {
		case text[i] != text[i+1]:
		case text[i] == '{' && startsVariable(text[i+2:]):
			open++
			i++
		case text[i] == '}':
			open = max(open-1, 0)
			i++
		}
	}
	if open > 0 {
		return "{{"
	}
	if !strings.Contains(text, "{%") {
		return ""
	}
	start := strings.LastIndex(text, "{%")
	if !strings.Contains(text[start:], "%}") && !isURLEscape(text[start+2:]) {
		return "{%"
	}
	return ""
}

// isURLEscape reports whether the text after a per cent sign makes it a URL escape.
func isURLEscape(rest string) bool {
	const digits = "0123456789abcdefABCDEF"
	return len(rest) > 1 && strings.IndexByte(digits, rest[0]) >= 0 && strings.IndexByte(digits, rest[1]) >= 0
}

// startsVariable reports whether the name of a variable follows {{.
func startsVariable(rest string) bool {
	rest = strings.TrimLeft(rest, " \n")
	return rest != "" && (rest[0] == '$' || isAlphanumeric(rest[0]) && (rest[0] < '0' || rest[0] > '9'))
}

// variablesOf iterates over the variables that the text refers to: the name is the first word after
// {{, such as user in {{user.id}}, and the second value is the text after it.
func variablesOf(text string) iter.Seq2[string, string] {
	return func(yield func(name, rest string) bool) {
		for {
			_, after, found := strings.Cut(text, "{{")
			if !found {
				return
			}
			text = strings.TrimLeft(after, "{ !\n")
			n := 0
			for n < len(text) && (isAlphanumeric(text[n]) || text[n] == '$' || text[n] == '-') {
				n++
			}
			if !yield(text[:n], text[n:]) {
				return
			}
		}
	}
}

// isIdentity reports whether a variable identifies the caller of an automation (docs, "Run Scope",
// "User Scope", "URL"). A check of the caller needs one of these.
func isIdentity(name, rest string) bool {
	switch name {
	case "user", "session", "headers":
		return true
	case "run":
		return strings.HasPrefix(rest, ".authenticatedWorkspaceId")
	}
	return false
}

// isComputed reports whether a name is only known at run time.
func isComputed(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}

func hashName(name string) uint64 { return xxhash.Sum64String(name) }

// mentions are the hashes of the names that occur in a release.
type mentions map[uint64]struct{}

// maxMentions bounds the memory. Beyond it, every name counts as mentioned.
const maxMentions = 1 << 19

// addName records a text if it is a name.
func (m mentions) addName(name string) {
	if isName(name) {
		m.addHash(hashName(name))
	}
}

func (m mentions) addHash(hash uint64) {
	if len(m) <= maxMentions {
		m[hash] = struct{}{}
	}
}

// isName reports whether a text is a single word of limited length.
func isName(text string) bool {
	if text == "" || len(text) > maxName {
		return false
	}
	for i := range len(text) {
		if !isWord(text[i]) {
			return false
		}
	}
	return true
}

func (m mentions) contains(name string) bool {
	_, there := m[hashName(name)]
	return there || len(m) > maxMentions
}

// maxName is the maximum length of a name.
const maxName = 80

// addWords adds each word of a text.
func (m mentions) addWords(text string) {
	for text != "" {
		n := 0
		for n < len(text) && isWord(text[n]) {
			n++
		}
		m.addName(strings.TrimRight(text[:n], ".:"))
		for n < len(text) && !isWord(text[n]) {
			n++
		}
		text = text[n:]
	}
}

func isAlphanumeric(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
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
