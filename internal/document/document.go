// SPDX-License-Identifier: Apache-2.0

// Package document writes the JSON documents of the commands. Each is an object that starts
// with schemaVersion. New fields do not change the version; incompatible changes increment it.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// SchemaVersion is the version of all documents that [Write] writes.
const SchemaVersion = 1

// errNoObject reports a programming error: only an object can hold the version.
var errNoObject = errors.New("a document must be encoded as a JSON object")

// Marshal encodes v as indented JSON with a trailing newline and schemaVersion as its first
// field. v must encode as an object. HTML characters are not escaped.
func Marshal(v any) ([]byte, error) {
	var encoded bytes.Buffer
	enc := json.NewEncoder(&encoded)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	fields, ok := bytes.CutPrefix(encoded.Bytes(), []byte("{"))
	if !ok {
		return nil, errNoObject
	}
	versioned := fmt.Appendf(nil, `{"schemaVersion":%d`, SchemaVersion)
	if !bytes.HasPrefix(fields, []byte("}")) {
		versioned = append(versioned, ',')
	}
	var out bytes.Buffer
	if err := json.Indent(&out, append(versioned, fields...), "", "  "); err != nil {
		return nil, fmt.Errorf("indent JSON: %w", err)
	}
	return out.Bytes(), nil
}

// Write writes the result of [Marshal].
func Write(w io.Writer, v any) error {
	data, err := Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
