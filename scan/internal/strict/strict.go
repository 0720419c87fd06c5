// SPDX-License-Identifier: AGPL-3.0-or-later

// Package strict decodes hand-written YAML files into structs. Unknown keys, duplicate keys and
// values of the wrong type are errors with a position. A file consists of one document without
// aliases.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the maximum size of a file, in bytes.
const MaxSize = 4 << 20

// Position is a position in a file. Decode fills it in structs that embed it.
type Position struct {
	// Line and Column are 1-based.
	Line, Column int
}

// positionedError is an error with a position.
type positionedError struct {
	Position
	error
}

// Errorf returns an error with this position, for [In].
func (p Position) Errorf(format string, args ...any) error {
	return positionedError{p, fmt.Errorf(format, args...)}
}

func (p positionedError) Unwrap() error { return p.error }

// In prefixes an error with its file and position: file:line:column.
func In(file string, err error) error {
	var at positionedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &at):
		return fmt.Errorf("%s:%d:%d: %w", file, at.Line, at.Column, at.error)
	default:
		return fmt.Errorf("%s: %w", file, err)
	}
}

// Value is a scalar with its position.
type Value[T any] struct {
	Position
	Value T
}

// Any is a value of any type, such as map[string]any, with its position.
type Any struct {
	Position
	Value any
}

// Decode decodes a file into a struct. The yaml tags of the fields name the keys; fields
// without a tag, or with -, are ignored. Errors contain the file name and the position.
func Decode(file string, data []byte, into any) (err error) {
	defer func() {
		if recover() != nil { // the parser may panic
			err = errors.New("it cannot be parsed")
		}
		err = In(file, err)
	}()
	if len(data) > MaxSize {
		return fmt.Errorf("it is larger than %d bytes", MaxSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file sets nothing
	} else if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("it holds more than one YAML document")
	}
	return decodeNode(doc.Content[0], reflect.ValueOf(into).Elem())
}

var positionType = reflect.TypeFor[Position]()

func decodeNode(n *yaml.Node, v reflect.Value) error {
	at := Position{n.Line, n.Column}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return at.Errorf("anchors and aliases are not allowed here")
	}
	switch {
	case v.Type() == reflect.TypeFor[Any]():
		return decodeAny(n, v.Addr().Interface().(*Any))
	case v.Kind() == reflect.Struct && v.NumField() == 2 && v.Field(0).Type() == positionType &&
		v.Type().Field(1).Name == "Value":
		v.Field(0).Set(reflect.ValueOf(at))
		return decodeNode(n, v.Field(1))
	case n.ShortTag() == "!!null":
		return nil // a key without a value is not set
	case v.Kind() == reflect.Struct:
		return decodeStruct(n, v)
	case v.Kind() == reflect.Map:
		return decodeMap(n, v)
	case v.Kind() == reflect.Slice:
		return decodeSlice(n, v)
	}
	if n.Kind != yaml.ScalarNode || n.Decode(v.Addr().Interface()) != nil {
		return at.Errorf("want %s", kindName(v.Kind()))
	}
	return nil
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	default:
		return "a number"
	}
}

func decodeAny(n *yaml.Node, v *Any) error {
	v.Position = Position{n.Line, n.Column}
	if hasAlias(n) {
		return v.Errorf("anchors and aliases are not allowed here")
	}
	if err := n.Decode(&v.Value); err != nil {
		return v.Errorf("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return nil
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || slices.ContainsFunc(n.Content, hasAlias)
}

// eachPair calls fn for each key of a mapping and its value.
func eachPair(n *yaml.Node, fn func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return Position{n.Line, n.Column}.Errorf("want keys and values")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := Position{key.Line, key.Column}
		if key.Kind != yaml.ScalarNode {
			return at.Errorf("a key is text")
		}
		if seen[key.Value] {
			return at.Errorf("key %q is there twice", key.Value)
		}
		seen[key.Value] = true
		if err := fn(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func decodeStruct(n *yaml.Node, v reflect.Value) error {
	fields := map[string]int{}
	var known []string
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Type == positionType {
			v.Field(i).Set(reflect.ValueOf(Position{n.Line, n.Column}))
		}
		if key, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); key != "" && key != "-" {
			fields[key] = i
			known = append(known, key)
		}
	}
	return eachPair(n, func(key, value *yaml.Node) error {
		i, ok := fields[key.Value]
		if !ok {
			return Position{key.Line, key.Column}.Errorf("unknown key %q, want one of %s", key.Value, strings.Join(known, ", "))
		}
		return decodeNode(value, v.Field(i))
	})
}

func decodeMap(n *yaml.Node, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return eachPair(n, func(key, value *yaml.Node) error {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := decodeNode(value, item); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
		return nil
	})
}

func decodeSlice(n *yaml.Node, v reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return Position{n.Line, n.Column}.Errorf("want a list")
	}
	for _, child := range n.Content {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := decodeNode(child, item); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	return nil
}
