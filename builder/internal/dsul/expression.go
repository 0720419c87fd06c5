// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"hash/fnv"
	"slices"
	"strings"
)

// unclosed returns the delimiter of an expression that begins in the text and does not end,
// or "". Braces that begin no expression are text: prompts are full of JSON.
func unclosed(text []byte) string {
	open := 0
	for rest := text; ; {
		i := bytes.IndexAny(rest, "{}")
		if i < 0 || i+1 == len(rest) {
			break
		}
		pair := rest[i : i+2]
		rest = rest[i+1:]
		switch {
		case string(pair) == "{{" && begins(rest[1:]):
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
	if start >= 0 && !bytes.Contains(text[start:], []byte("%}")) && !escape(text[start+2:]) {
		return "{%"
	}
	return ""
}

// escape reports whether what follows a per cent sign makes it an escape of a URL.
func escape(rest []byte) bool {
	const digits = "0123456789abcdefABCDEF"
	return len(rest) > 1 && strings.IndexByte(digits, rest[0]) >= 0 && strings.IndexByte(digits, rest[1]) >= 0
}

// begins reports whether what follows {{ is the name of a variable.
func begins(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \n")
	return len(rest) > 0 && (rest[0] == '$' || alphanumeric(rest[0]) && (rest[0] < '0' || rest[0] > '9'))
}

// variables calls f with the name of each variable that the text refers to: the first word
// after each {{, such as user in {{user.id}}, with all of the path.
func variables(text []byte, f func(name, rest []byte)) {
	for {
		i := bytes.Index(text, []byte("{{"))
		if i < 0 {
			return
		}
		text = bytes.TrimLeft(text[i+2:], "{ !\n")
		n := 0
		for n < len(text) && (alphanumeric(text[n]) || text[n] == '$' || text[n] == '-') {
			n++
		}
		f(text[:n], text[n:])
	}
}

// identities are the variables by which an automation sees who calls it (docs, "Run Scope",
// "User Scope", "URL"): a check of the caller needs one of them.
func isIdentity(name, rest []byte) bool {
	switch string(name) {
	case "user", "session", "headers":
		return true
	case "run":
		return bytes.HasPrefix(rest, []byte(".authenticatedWorkspaceId"))
	}
	return false
}

// isComputed reports whether a name is known at run time only.
func isComputed(text []byte) bool {
	return bytes.Contains(text, []byte("{{")) || bytes.Contains(text, []byte("{%"))
}

func hash(text []byte) uint64 {
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// mentions are the names that occur anywhere in a release, as hashes.
type mentions map[uint64]struct{}

// maxMentions bounds the memory. Beyond it, every name counts as mentioned.
const maxMentions = 1 << 19

// add notes a name; other text is none.
func (m mentions) add(name []byte) {
	if isName(name) && len(m) <= maxMentions {
		m[hash(name)] = struct{}{}
	}
}

// isName reports whether a text is one word that is not too long.
func isName(text []byte) bool {
	return len(text) > 0 && len(text) <= maxName && !slices.ContainsFunc(text, func(b byte) bool { return !isWord(b) })
}

func (m mentions) has(name string) bool {
	_, there := m[hash([]byte(name))]
	return there || len(m) > maxMentions
}

// maxName is the longest name that is looked for.
const maxName = 80

// addWords adds each word of a text.
func (m mentions) addWords(text []byte) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && isWord(text[n]) {
			n++
		}
		m.add(bytes.TrimRight(text[:n], ".:"))
		for n < len(text) && !isWord(text[n]) {
			n++
		}
		text = text[n:]
	}
}

func isWord(b byte) bool {
	return alphanumeric(b) || b == '.' || b == '-' || b == ':' || b == '/' || b >= 0x80
}

// mentionsWord reports whether a word stands in a text.
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
