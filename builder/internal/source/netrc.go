// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	f, err := os.Open(path)
	if !named && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("open netrc: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxNetrc+1))
	if err != nil {
		return nil, fmt.Errorf("read netrc: %w", err)
	}
	if len(data) > maxNetrc {
		return nil, fmt.Errorf("netrc %s is larger than %d bytes", path, maxNetrc)
	}
	return parseNetrc(string(data)), nil
}

// parseNetrc returns the entries in their order. As for curl, words are separated by
// white space, lines that start with # are comments, and what it does not know is
// passed over.
func parseNetrc(text string) []login {
	var logins []login
	words := strings.Fields(netrcEntries(text))
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
// is given: a password of somebody else is of no use.
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
