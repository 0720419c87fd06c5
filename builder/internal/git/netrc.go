// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxNetrc is the size in bytes of the largest netrc that is read.
const maxNetrc = 1 << 20

// login is an entry of a netrc.
type login struct {
	// machine is a host without port; empty for the default entry, which is for any.
	machine  string
	username string
	password secret.Value
}

// readNetrc reads the file that curl and git also read: NETRC, else ~/.netrc, which
// need not exist and need not be ours to read.
func readNetrc(getenv func(string) string) ([]login, error) {
	path, named := getenv("NETRC"), true
	if path == "" {
		if getenv("HOME") == "" {
			return nil, nil // ".netrc" would be a file of the working directory
		}
		path, named = filepath.Join(getenv("HOME"), ".netrc"), false
	}
	data, err := limit.ReadFile(path, maxNetrc)
	if !named && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read netrc: %w", err)
	}
	return parseNetrc(string(data)), nil
}

// parseNetrc returns the entries in their order. It reads the file as curl does: white
// space separates words, words may be quoted, lines that start with # are comments, and
// unknown words are skipped.
func parseNetrc(text string) []login {
	var logins []login
	words := splitNetrc(netrcEntries(text))
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	var outside login // takes what is in front of the first entry
	current := &outside
	for len(words) > 0 {
		switch next() {
		case "machine":
			logins = append(logins, login{machine: next()})
			current = &logins[len(logins)-1]
		case "default":
			logins = append(logins, login{})
			current = &logins[len(logins)-1]
		case "login":
			current.username = next()
		case "password":
			current.password = secret.New(next())
		case "account":
			next()
		}
	}
	return logins
}

// splitNetrc splits a text into words. A word in double quotes may hold white space, and
// the escapes \n, \r, \t and \ before any other character.
func splitNetrc(text string) []string {
	var words []string
	for text = trimSpaceLeft(text); text != ""; text = trimSpaceLeft(text) {
		var word string
		if text[0] == '"' {
			word, text = cutQuoted(text[1:])
		} else {
			end := strings.IndexFunc(text, unicode.IsSpace)
			if end < 0 {
				end = len(text)
			}
			word = text[:end]
			text = text[end:]
		}
		words = append(words, word)
	}
	return words
}

func trimSpaceLeft(text string) string { return strings.TrimLeftFunc(text, unicode.IsSpace) }

// cutQuoted returns the text up to the closing quote, without escapes, and the rest.
func cutQuoted(text string) (word, rest string) {
	var unquoted strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return unquoted.String(), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			unquoted.WriteByte(unescape(text[i]))
		default:
			unquoted.WriteByte(c)
		}
	}
	return unquoted.String(), ""
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// netrcEntries cuts comments, and macros, which end at an empty line.
func netrcEntries(text string) string {
	var kept strings.Builder
	macro := false
	for line := range strings.Lines(text) {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "":
			macro = false
		case strings.HasPrefix(trimmed, "macdef"):
			macro = true
		case !macro && !strings.HasPrefix(trimmed, "#"):
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// findLogin returns the first entry with a password for a host, and for a user if one
// is given: the password of another user would not work.
func findLogin(logins []login, host, username string) (login, bool) {
	for _, l := range logins {
		forHost := l.machine == "" || strings.EqualFold(l.machine, host)
		forUser := username == "" || l.username == "" || l.username == username
		if forHost && forUser && !l.password.Empty() {
			return l, true
		}
	}
	return login{}, false
}
