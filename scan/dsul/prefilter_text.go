// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"sync"

	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// hasEscape reports character escapes, which may hide a word.
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

// hasNoLogin reports whether nothing after the name of a user or an account looks like a user and a
// password with a colon between them. The value may start on a later line.
func hasNoLogin(data []byte) bool {
	for ending, start := range loginAutomaton().All(data) {
		rest := data[start+len(loginEndings[ending]):]
		if value := rest[:min(len(rest), maxLogin)]; isNameEnd(value) && hasLogin(value) {
			return false
		}
	}
	return true
}

// loginEndings end the names of users and accounts.
var loginEndings = []string{"ser", "ogin", "uth", "nfo", "ount", "asic"}

var loginAutomaton = sync.OnceValue(func() *ahocorasick.Automaton { return ahocorasick.New(loginEndings...) })

// isNameEnd reports whether text starts with the rest of a name that has a value, or that is the value of
// name in {name: account, value: …}.
func isNameEnd(text []byte) bool {
	for len(text) > 0 && (isNameByte(text[0]) || text[0] == '"' || text[0] == '\'') {
		text = text[1:]
	}
	text = bytes.TrimLeft(text, " \r")
	return len(text) > 0 && (text[0] == ':' || text[0] == ',' || text[0] == '\n')
}

// hasLogin reports a user and a password with a colon between them.
func hasLogin(text []byte) bool {
	for i := 1; i < len(text); i++ {
		if text[i] != ':' || !isNameByte(text[i-1]) {
			continue
		}
		password := text[i+1:]
		if end := bytes.IndexAny(password, " \t\r\n/:"); end >= 0 {
			password = password[:end]
		}
		if mayBeChosen(bytes.Trim(password, `"'`+"`,;)]}")) {
			return true
		}
	}
	return false
}

// maxLogin is the maximum distance of the end of a user and a password from their name, in bytes.
const maxLogin = 256

// mayBeChosen reports text with letters and something else, which isChosen may accept.
func mayBeChosen(text []byte) bool {
	t := literal.TraitsOf(string(text))
	return len(text) >= minStrong && t.Letters > 0 && t.Digits+t.Others > 0
}

// hasNoSecretURL reports whether no URL has an @ after its host, or a sign of an access token.
func hasNoSecretURL(data []byte) bool {
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
