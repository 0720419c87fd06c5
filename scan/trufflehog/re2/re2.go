// SPDX-License-Identifier: AGPL-3.0-or-later

// Package re2 has the names of github.com/wasilibs/go-re2 and the regular
// expressions of Go. See docs/adr/0005-regular-expressions.md.
package re2

import "regexp"

// Regexp is the compiled expression of Go's own engine.
type Regexp = regexp.Regexp

// Compile is [regexp.Compile].
func Compile(expr string) (*Regexp, error) { return regexp.Compile(expr) }

// MustCompile is [regexp.MustCompile].
func MustCompile(expr string) *Regexp { return regexp.MustCompile(expr) }

// MatchString is [regexp.MatchString].
func MatchString(pattern, s string) (bool, error) { return regexp.MatchString(pattern, s) }

// QuoteMeta is [regexp.QuoteMeta].
func QuoteMeta(s string) string { return regexp.QuoteMeta(s) }
