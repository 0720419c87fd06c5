// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/internal/lines"
)

var (
	// googleKey matches a Google API key.
	googleKey = lazyregexp.New(`AIza[\w-]{35}`)
	// firebaseFields accompany the key of a Firebase web app. Google documents that this key is
	// public: server-side rules protect the data.
	firebaseFields = [][]byte{
		[]byte("authDomain"),
		[]byte("messagingSenderId"),
		[]byte("storageBucket"),
		[]byte("databaseURL"),
		[]byte("measurementId"),
		[]byte(":web:"),
	}
)

const (
	// firebaseReach is the maximum distance of these fields from the key, in bytes.
	firebaseReach = 600
	// minFirebase is the number of these fields that identify a Firebase configuration.
	minFirebase = 2
)

// findPublicKeys returns the keys in the file that are public by design.
func (s *fileScan) findPublicKeys() []scan.Match {
	data := s.file.Data
	if !bytes.Contains(data, []byte("AIza")) {
		return nil
	}
	if s.lines == nil {
		s.lines = lines.New(data)
	}
	var list []scan.Match
	for _, m := range googleKey.Get().FindAllIndex(data, -1) {
		around := data[max(0, m[0]-firebaseReach):min(len(data), m[1]+firebaseReach)]
		fields := 0
		for _, field := range firebaseFields {
			if bytes.Contains(around, field) {
				fields++
			}
		}
		if fields >= minFirebase {
			line, column := s.lines.Position(m[0])
			list = append(list, scan.Match{
				Rule:         rulePublic,
				Secret:       secret.New(string(data[m[0]:m[1]])),
				Line:         line,
				Column:       column,
				Verification: scan.NotChecked,
			})
		}
	}
	return list
}

// rulePublic is the rule name of the matches from publicKeys. It never appears in findings.
const rulePublic = "dsul-public-key"
