// SPDX-License-Identifier: Apache-2.0

// Package jsyaml reads and writes YAML as js-yaml 4.1.0 does, the library with which
// the platform reads workspaces. It is a port of that library's loader and dumper with
// their default schema: it takes and refuses the same documents, with the same reasons,
// and makes the same values of them.
//
// Those values are JavaScript's. Keys are texts, so that 1 and 1.0 are the same key
// and an unquoted {{x}} is the key "[object Object]"; numbers are float64, and may be
// infinite; some unquoted texts are dates. Half of a surrogate pair, which Go's strings
// cannot hold, becomes U+FFFD.
//
// js-yaml is Copyright (C) 2011-2015 by Vitaly Puzrin and licensed under the MIT licence,
// which is in the file LICENSE beside this one.
//
// Memory and depth are bounded by [Limits]. Aliases share the value that they stand for,
// so that a value may be much larger when it is written out, and may contain itself.
package jsyaml

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits of a document.
type Limits struct {
	// Depth of nested values; 0 is [DefaultDepth].
	Depth int
	// Nodes is the number of values and keys, with aliases counted once; 0 is no limit.
	Nodes int
}

// DefaultDepth is the depth at which later versions of js-yaml (4.3) give up.
const DefaultDepth = 100

// Error says why a document is refused.
type Error struct {
	// Reason is js-yaml's. It may quote tags, and names of anchors.
	Reason string
	// Line and Column of the place count from 1, columns in characters. They are 0
	// where the document as a whole is refused.
	Line, Column int
	// Offset of the place in bytes, without a byte order mark at the beginning.
	Offset int
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s (%d:%d)", e.Reason, e.Line, e.Column)
}

// LimitError says which limit a document exceeds.
type LimitError struct {
	// What is counted, such as "levels of nesting".
	What string
	Max  int
	// Line and Column count from 1.
	Line, Column int
}

func (e *LimitError) Error() string { return fmt.Sprintf("more than %d %s", e.Max, e.What) }

// ReasonSeveral is the reason of a stream with more than one document.
const ReasonSeveral = "expected a single document in the stream, but found more"

// Load reads one document. An empty stream, or one of comments only, is nil. Errors are
// an [*Error] or a [*LimitError]. Bytes that are not UTF-8 become U+FFFD.
func Load(data []byte, limits Limits) (root *Value, err error) {
	p := newParser(data, limits)
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case *Error:
			root, err = nil, failure
		case *LimitError:
			root, err = nil, failure
		default:
			panic(failure)
		}
	}()
	documents := p.readStream()
	switch len(documents) {
	case 0:
		return nil, nil
	case 1:
		return documents[0], nil
	}
	return nil, &Error{Reason: ReasonSeveral}
}

// newParser prepares the text as js-yaml does: it ends with a line break, and has no
// byte order mark. A null byte ends it.
func newParser(data []byte, limits Limits) *parser {
	text := bytes.ToValidUTF8(data, []byte("\uFFFD"))
	if n := len(text); n > 0 && text[n-1] != '\n' && text[n-1] != '\r' {
		text = append(text[:n:n], '\n')
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if limits.Depth == 0 {
		limits.Depth = DefaultDepth
	}
	return &parser{text: append(text[:len(text):len(text)], 0), length: len(text), limits: limits, firstTab: -1, known: yamlTypes()}
}

// quote puts a text between double quotes, as JavaScript's messages have it.
func quote(text string) string { return `"` + text + `"` }

// repeated returns n line breaks.
func repeated(n int) string { return strings.Repeat("\n", max(n, 0)) }
