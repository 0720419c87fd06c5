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
	// googleKey is an API key of Google.
	googleKey = lazyregexp.New(`AIza[\w-]{35}`)
	// firebaseFields stand beside the key of a web app of Firebase. Google documents that key as
	// public: rules on the server protect the data.
	firebaseFields = [][]byte{[]byte("authDomain"), []byte("messagingSenderId"), []byte("storageBucket"), []byte("databaseURL"), []byte("measurementId"), []byte(":web:")}
)

const (
	// firebaseReach is how far from the key these fields are looked for, in bytes.
	firebaseReach = 600
	// minFirebase is how many of them make a configuration of Firebase.
	minFirebase = 2
)

// publicKeys returns the keys in the file that everybody may know.
func (s *fileScan) publicKeys() []scan.Match {
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
			list = append(list, scan.Match{Rule: rulePublic, Secret: secret.New(string(data[m[0]:m[1]])), Line: line, Column: column, Verification: scan.NotChecked})
		}
	}
	return list
}

// rulePublic names what publicKeys lists. It is no rule: it has no findings.
const rulePublic = "dsul-public-key"
