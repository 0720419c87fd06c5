// SPDX-License-Identifier: Apache-2.0

package spdx

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
)

// fileSize is the approximate size of an encoded file with a path of typical length, in bytes.
const fileSize = 512

// Encode returns the document as JSON without white space.
func (d *Document) Encode() ([]byte, error) {
	e := new(encoder)
	e.json = json.NewEncoder(&e.buf)
	e.buf.Grow(d.count * fileSize) // growing in steps would take twice the memory
	e.encodeValue(d.head)
	e.buf.Truncate(e.buf.Len() - len("}"))
	encodeList(e, "packages", slices.Values(d.packages))
	if len(d.files) > 0 {
		encodeList(e, "files", concatSequences(d.files))
	}
	encodeList(e, "relationships", concatSequences(d.relationships))
	e.buf.WriteByte('}')
	return e.buf.Bytes(), e.err
}

// encoder writes values one by one, so that only one is in memory besides the output.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
	err  error // the first one
}

func (e *encoder) encodeValue(v any) {
	if e.err == nil {
		e.err = e.json.Encode(v)
		e.buf.Truncate(max(e.buf.Len()-len("\n"), 0))
	}
}

// encodeList writes a list field of the document.
func encodeList[T any](e *encoder, name string, values iter.Seq[T]) {
	e.buf.WriteString(`,"` + name + `":[`)
	separator := ""
	for v := range values {
		e.buf.WriteString(separator)
		e.encodeValue(v)
		separator = ","
	}
	e.buf.WriteByte(']')
}

// concatSequences concatenates sequences.
func concatSequences[T any](sequences []iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, values := range sequences {
			for v := range values {
				if !yield(v) {
					return
				}
			}
		}
	}
}
