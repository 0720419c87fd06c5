// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"slices"
	"strings"

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

// hasOnlyCleanColons reports whether no colon belongs to a URL with an @ after its host, to an access
// token, or to a login: a user and a password after the name of a user or an account.
func hasOnlyCleanColons(data []byte) bool {
	logins := loginFinder{data: data}
	for at, urlEnd := 0, 0; ; at++ {
		i := bytes.IndexByte(data[at:], ':')
		if i < 0 {
			return true
		}
		at += i
		rest := data[at+1:]
		switch {
		case len(rest) == 0 || rest[0] == ' ' || rest[0] == '\n':
		case bytes.HasPrefix(rest, []byte("//")):
			if at < urlEnd {
				continue
			}
			urlEnd = at + 1 + lengthBefore(rest, " \t\r\n")
			if bytes.IndexByte(data[at:urlEnd], '@') >= 0 {
				return false
			}
		case isNameByte(rest[0]) && bytes.HasSuffix(data[:at], []byte("at")),
			mayBePassword(rest) && logins.hasNameBefore(at):
			return false
		}
	}
}

// lengthBefore returns the length of the text before the first of some characters.
func lengthBefore(text []byte, characters string) int {
	if i := bytes.IndexAny(text, characters); i >= 0 {
		return i
	}
	return len(text)
}

// mayBePassword reports whether text starts with letters and something else, which isChosen may accept.
func mayBePassword(text []byte) bool {
	text = text[:min(len(text), maxLogin)]
	text = bytes.Trim(text[:lengthBefore(text, " \t\r\n/:")], `"'`+"`,;)]}")
	t := literal.TraitsOf(string(text))
	return len(text) >= minStrong && t.Letters > 0 && t.Digits+t.Others > 0
}

// loginFinder finds the names of users and accounts before colons. It reads a text once.
type loginFinder struct {
	data []byte
	// read is the end of the text that was read. last is the end of the last ending of a name in it.
	read, last int
}

// loginEndings end the names of users and accounts, in lower and upper case.
var loginEndings = strings.Fields("ser ogin uth nfo ount asic SER OGIN UTH NFO OUNT ASIC")

// maxLogin is the maximum distance of the end of a user and a password from their name, in bytes.
const maxLogin = 256

// hasNameBefore reports whether the user before a colon may be the value of such a name. The value may
// start on a later line than the name. Calls must be in the order of the colons.
func (f *loginFinder) hasNameBefore(colon int) bool {
	if colon == 0 || !isNameByte(f.data[colon-1]) {
		return false
	}
	for end := colon - 1; end > max(f.read, colon-maxLogin); end-- {
		if f.isEnd(end) {
			f.last = end
			break
		}
	}
	f.read = colon - 1
	return f.last > 0 && colon-f.last < maxLogin
}

// isEnd reports whether a name that has a value ends with one of the loginEndings at this offset.
func (f *loginFinder) isEnd(end int) bool {
	before := f.data[:end]
	endsWith := func(ending string) bool { return bytes.HasSuffix(before, []byte(ending)) }
	return slices.ContainsFunc(loginEndings, endsWith) && isNameEnd(f.data[end:min(len(f.data), end+maxLogin)])
}

// isNameEnd reports whether text starts with the rest of a name that has a value, or that is the value of
// name in {name: account, value: …}.
func isNameEnd(text []byte) bool {
	for len(text) > 0 && (isNameByte(text[0]) || text[0] == '"' || text[0] == '\'') {
		text = text[1:]
	}
	text = bytes.TrimLeft(text, " \r")
	return len(text) > 0 && (text[0] == ':' || text[0] == ',' || text[0] == '\n')
}
