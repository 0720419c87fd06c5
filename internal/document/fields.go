// SPDX-License-Identifier: Apache-2.0

package document

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Kind describes a kind of document for the reference.
type Kind struct {
	// Title is the heading.
	Title string
	// Text is a paragraph about the command that writes the document, and its content.
	Text string
	// Value has the type of the document, with or without a field schemaVersion.
	Value any
}

// WriteMarkdown writes a section with a second-level heading and all fields of the document.
func (k *Kind) WriteMarkdown(w io.Writer) error {
	r := reference{seen: map[reflect.Type]bool{}}
	r.writeRow("schemaVersion", "number", false)
	r.writeFields("", reflect.TypeOf(k.Value))
	_, err := fmt.Fprintf(w, "## %s\n\n%s\n\n| field | type | |\n|---|---|---|\n%s\n", k.Title, k.Text, r.out.String())
	return err
}

// reference collects the rows of a table.
type reference struct {
	out strings.Builder
	// seen holds the enclosing types, so that recursive types terminate.
	seen map[reflect.Type]bool
}

func (r *reference) writeRow(path, typ string, optional bool) {
	note := ""
	if optional {
		note = "optional"
	}
	fmt.Fprintf(&r.out, "| `%s` | %s | %s |\n", path, typ, note)
}

// writeFields writes the fields of a struct and of its nested structs.
func (r *reference) writeFields(prefix string, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || r.seen[t] {
		return
	}
	r.seen[t] = true
	defer delete(r.seen, t)
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous || name == "schemaVersion":
			continue
		case f.Anonymous && name == "":
			r.writeFields(prefix, f.Type)
			continue
		case name == "":
			name = f.Name
		}
		typ, inner, suffix := describeType(f.Type)
		path := prefix + name
		r.writeRow(path, typ, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"))
		if inner != nil {
			r.writeFields(path+suffix+".", inner)
		}
	}
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// describeType returns the JSON type of t. If t contains objects, inner is their type and suffix
// their path.
func describeType(t reflect.Type) (name string, inner reflect.Type, suffix string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch kind := t.Kind(); {
	case t == reflect.TypeFor[json.RawMessage]():
		return "any object", nil, ""
	case kind == reflect.String || t.Implements(textMarshaler) || t.String() == "time.Time":
		return "string", nil, ""
	case t.Implements(jsonMarshaler) || reflect.PointerTo(t).Implements(jsonMarshaler):
		return scalarName(t), nil, ""
	case kind == reflect.Bool:
		return "boolean", nil, ""
	case kind >= reflect.Int && kind <= reflect.Float64:
		return "number", nil, ""
	case kind == reflect.Slice || kind == reflect.Array:
		name, inner, suffix = describeType(t.Elem())
		return "list of " + pluralize(name), inner, "[]" + suffix
	case kind == reflect.Map:
		name, inner, suffix = describeType(t.Elem())
		return "object with values of type " + name, inner, ".*" + suffix
	case kind == reflect.Struct:
		return "object", t, ""
	}
	return "any value", nil, ""
}

// scalarName returns the JSON type of a type with a custom encoding.
func scalarName(t reflect.Type) string {
	data, err := json.Marshal(reflect.New(t).Interface())
	switch {
	case err != nil || len(data) == 0:
		return "any value"
	case data[0] == '"':
		return "string"
	case data[0] == '{':
		return "object"
	case data[0] == '[':
		return "list"
	case data[0] == 't' || data[0] == 'f':
		return "boolean"
	default:
		return "number"
	}
}

func pluralize(name string) string {
	before, after, ok := strings.Cut(name, " ")
	if ok {
		return before + "s " + after
	}
	return name + "s"
}
