// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// markup is HTML of our own. A text from elsewhere does not become one by
// mistake: where markup is wanted, the compiler takes a constant, but no string.
//
// Package html/template would do the same, and more than this page needs. It finds
// fields and methods by name, for which the linker has to keep every method of
// every type: a fifth of the program and of the memory that it takes.
type markup string

// document is a page that is being written.
type document struct{ bytes.Buffer }

// put writes format with a text in the place of each %s. Texts are escaped for
// elements and for attributes in double quotes; a URL has to be our own.
func (d *document) put(format markup, texts ...any) {
	rest := string(format)
	for _, text := range texts {
		before, after, _ := strings.Cut(rest, "%s")
		d.WriteString(before)
		d.WriteString(html.EscapeString(fmt.Sprint(text)))
		rest = after
	}
	d.WriteString(rest)
}
