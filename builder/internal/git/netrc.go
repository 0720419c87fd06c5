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

// maxNetrc is the maximum size of a netrc file in bytes.
const maxNetrc = 1 << 20

// login is an entry of a netrc file.
type login struct {
	// machine is a host without port; empty for the default entry, which matches any host.
	machine  string
	username string
	password secret.Value
}

// readNetrc reads the file that curl and git also read: NETRC, else ~/.netrc, which may be missing
// or unreadable.
func readNetrc(getenv func(string) string) ([]login, error) {
	path := getenv("NETRC")
	named := true
	if path == "" {
		if getenv("HOME") == "" {
			return nil, nil // a relative .netrc would be in the working directory
		}
		path = filepath.Join(getenv("HOME"), ".netrc")
		named = false
	}
	data, err := limit.ReadFile(path, maxNetrc)
	if !named && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read netrc: %w", err)
	}
	return parseNetrc(string(data)), nil
}

// parseNetrc returns the entries in file order. Like curl, it splits words at white space, accepts
// quoted words, treats lines that start with # as comments, and skips unknown words.
func parseNetrc(text string) []login {
	var logins []login
	words := splitNetrc(netrcEntries(text))
	next := func() (word string) {
		if len(words) > 0 {
			word = words[0]
			words = words[1:]
		}
		return word
	}
	var outside login // receives the words before the first entry
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

// splitNetrc splits a text into words. A word in double quotes may contain white space, the escapes
// \n, \r and \t, and any other character after a backslash.
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

// cutQuoted returns the unescaped text before the closing quote, and the text after it.
func cutQuoted(text string) (word, rest string) {
	var unquoted strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return unquoted.String(), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			unquoted.WriteByte(unescapeByte(text[i]))
		default:
			unquoted.WriteByte(c)
		}
	}
	return unquoted.String(), ""
}

func unescapeByte(c byte) byte {
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

// netrcEntries removes comments and macros. A macro ends at an empty line.
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

// findLogin returns the first entry with a password for a host and, unless username is empty, for
// that user: the password of another user would not work.
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
