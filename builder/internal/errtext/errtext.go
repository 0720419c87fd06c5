// SPDX-License-Identifier: AGPL-3.0-or-later

// Package errtext recognizes errors by their text, where nothing else distinguishes them: errors of
// libraries without a type, errors that lost their type on a connection, and answers of servers.
//
// A package that needs this has one table. Each entry says where its text was recorded, and a test
// of the package compares the table with that place: see package errtexttest.
package errtext

import "strings"

// Table lists phrases by what they mean.
type Table[T comparable] []Phrase[T]

// Phrase is a part of the text of an error.
type Phrase[T comparable] struct {
	Text string
	// From is where Text was recorded: a file of a module, with its version
	// (github.com/moby/buildkit@v0.34.2/solver/edge.go), of the standard library
	// (go1.26/crypto/tls/alert.go), or of this repository (./builder/internal/egress/egress.go). A
	// module without a file composes the text. Everything else is a program and its version.
	From string
	// Means is what the error means.
	Means T
}

// Find returns the meaning of the first phrase that the text of err contains, if there is one.
func (t Table[T]) Find(err error) (T, bool) {
	text := err.Error()
	for _, p := range t {
		if strings.Contains(text, p.Text) {
			return p.Means, true
		}
	}
	var none T
	return none, false
}

// Says reports whether the text of err contains a phrase with this meaning.
func (t Table[T]) Says(err error, means T) bool {
	text := err.Error()
	for _, p := range t {
		if p.Means == means && strings.Contains(text, p.Text) {
			return true
		}
	}
	return false
}
