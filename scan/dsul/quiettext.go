// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "bytes"

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

// quietLogins reports whether no name of a user or an account has a value with a colon.
func quietLogins(data []byte) bool {
	for _, name := range []string{"ser", "ogin", "uth", "nfo", "ount", "asic"} {
		for rest := data; ; {
			i := bytes.Index(rest, []byte(name))
			if i < 0 {
				break
			}
			rest = rest[i+len(name):]
			line, _, _ := bytes.Cut(rest, []byte("\n"))
			value, isNamed := bytes.CutPrefix(bytes.TrimLeft(line[:min(len(line), maxLogin)], "name\"'"), []byte(":"))
			if isNamed && hasLogin(value) {
				return false
			}
		}
	}
	return true
}

// maxLogin is the maximum distance of the end of a user and a password from their name, in bytes.
const maxLogin = 256

// hasLogin reports a colon between two characters of a user and a password.
func hasLogin(value []byte) bool {
	for i := 1; i+1 < len(value); i++ {
		if value[i] == ':' && isNameByte(value[i-1]) && value[i+1] > ' ' && value[i+1] != '/' {
			return true
		}
	}
	return false
}

// quietURLs reports whether no URL has an @ after its host, or a sign of an access token.
func quietURLs(data []byte) bool {
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
