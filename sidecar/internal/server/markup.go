// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

// markup is trusted HTML. A parameter of this type accepts untyped constants, but the compiler
// rejects variables of type string, so untrusted text cannot become markup by mistake.
//
// Package html/template offers the same safety, but looks up fields and methods by name. The linker
// then keeps every method of every type, which costs a fifth of the binary's size and memory.
type markup string

// document is a page under construction.
type document struct{ bytes.Buffer }

// writeHTML writes format with each %s replaced by one of texts. It escapes texts for elements and for
// attributes in double quotes. It does not validate URLs: pass only trusted ones.
func (d *document) writeHTML(format markup, texts ...any) {
	rest := string(format)
	for _, text := range texts {
		before, after, _ := strings.Cut(rest, "%s")
		d.WriteString(before)
		d.WriteString(html.EscapeString(fmt.Sprint(text)))
		rest = after
	}
	d.WriteString(rest)
}
