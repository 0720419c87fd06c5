// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

var (
	// insert matches an INSERT statement up to its values, and captures the column names.
	insert = lazyregexp.New(`(?i)\binsert\s+(?:ignore\s+)?into\s+[\w."\x60\[\]]+\s*\(([^()]{1,900})\)\s*values\s*`)
	// sqlValue matches one value of a row, the end of the row, or of the statement.
	sqlValue = lazyregexp.New(`N?'((?:[^'\\]|''|\\.)*)'|[^\s,()';]+|\)|;`)
)

// maxRows limits the number of values to scan in one statement.
const maxRows = 10_000

// scanInserts scans the values of columns with credential names.
func (s *fileScan) scanInserts(ctx context.Context, text string, at position) {
	if !strings.Contains(text, "'") {
		return
	}
	statements := insert.Get().FindAllStringSubmatchIndex(text, -1)
	for i, m := range statements {
		if ctx.Err() != nil {
			return
		}
		columns := strings.Split(text[m[2]:m[3]], ",")
		for j := range columns {
			columns[j] = strings.Trim(columns[j], " \t\r\n\"`[]")
		}
		end := len(text)
		if i+1 < len(statements) {
			end = statements[i+1][0]
		}
		s.scanRows(columns, text[:end], m[1], at)
	}
}

// scanRows scans the rows of a statement, whose first one starts at an offset.
func (s *fileScan) scanRows(columns []string, text string, start int, at position) {
	column := 0
	for _, v := range sqlValue.Get().FindAllStringSubmatchIndex(text[start:], maxRows) {
		switch text[start+v[0]] {
		case ';':
			return
		case ')':
			column = 0
			continue
		}
		if column < len(columns) && v[2] >= 0 {
			here := at
			if at.length == len(s.file.Data) {
				here.extent = extent{offset: start + v[2], length: v[3] - v[2]}
			}
			s.scanColumnValue(columns[column], text[start+v[2]:start+v[3]], here)
		}
		column++
	}
}

func (s *fileScan) scanColumnValue(name, value string, at position) {
	a := assignment{name: name, value: value, operator: '=', strength: s.strengthOf(name), quoted: true, nameQuoted: true}
	if a.strength >= credential && value != "" {
		s.reportAssigned(a, at)
	}
}
