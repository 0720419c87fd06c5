// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// insert matches an INSERT statement up to its values, and captures the column names.
	insert = lazyregexp.New(`(?i)\binsert\s+(?:ignore\s+)?into\s+[\w."\x60\[\]]+\s*\(([^()]{1,900})\)\s*values\s*`)
	// sqlValue matches one value of a row, or the end of the row.
	sqlValue = lazyregexp.New(`N?'((?:[^'\\]|''|\\.)*)'|[^\s,()']+|\)`)
)

// maxRows limits the number of values to scan in one statement.
const maxRows = 10_000

// inserted scans the values of columns with credential names.
func (s *fileScan) inserted(line string, at where) {
	if !strings.Contains(line, "'") {
		return
	}
	m := insert.Get().FindStringSubmatchIndex(line)
	if m == nil {
		return
	}
	columns := strings.Split(line[m[2]:m[3]], ",")
	for i := range columns {
		columns[i] = strings.Trim(columns[i], " \t\"`[]")
	}
	column := 0
	for _, v := range sqlValue.FindAllStringSubmatch(line[m[1]:], maxRows) {
		if v[0] == ")" {
			column = 0
			continue
		}
		if column < len(columns) {
			s.columnValue(columns[column], v[1], at)
		}
		column++
	}
}

func (s *fileScan) columnValue(name, value string, at where) {
	a := assignment{name: name, value: value, operator: '=', strength: s.strength(name), quoted: true, nameQuoted: true}
	if a.strength >= credential && value != "" {
		s.assigned(a, at)
	}
}
