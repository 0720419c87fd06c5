// SPDX-License-Identifier: Apache-2.0

// Package jsvalue holds JavaScript values of the platform, and converts them from and to YAML.
// [Load] reads like the platform's js-yaml, with package yamltree, and [Dump] writes like js-yaml
// 4.1.0 for exports.
//
// Dump is a port of js-yaml's dumper with its default options. js-yaml is Copyright (C) 2011-2015
// by Vitaly Puzrin and licensed under the MIT licence, which is in the file LICENSE.
package jsvalue

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Error is the reason why js-yaml rejects a document.
type Error struct {
	Reason string
	// Line and Column count from 1, columns in characters. They are 0 if the document as a whole is
	// rejected.
	Line, Column int
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s (%d:%d)", e.Reason, e.Line, e.Column)
}

// maxDepth is the maximum nesting depth.
const maxDepth = 100

// testLimits returns the limits of a document, so that tests terminate.
func testLimits() yamltree.Limits {
	return yamltree.Limits{Nodes: 1_000_000, Depth: maxDepth, Scalar: 16 << 20}
}

// Load parses one document. It returns nil for an empty one. The error is an [*Error] or a
// [*yamltree.LimitError].
func Load(text string) (*Value, error) {
	doc, err := yamltree.Parse([]byte(strings.ToValidUTF8(text, "\uFFFD")), testLimits())
	if syntax, ok := errors.AsType[*yamltree.SyntaxError](err); ok {
		return nil, &Error{syntax.Message, syntax.Line, syntax.Column}
	}
	if _, ok := errors.AsType[*yamltree.DocumentsError](err); ok {
		return nil, &Error{Reason: "expected a single document in the stream, but found more"}
	}
	if err != nil {
		return nil, err
	}
	for _, note := range doc.Notes {
		if note.Kind == yamltree.DuplicateKey {
			return nil, &Error{"duplicated mapping key", note.Line, note.Column}
		}
	}
	if doc.Root == nil {
		return nil, nil
	}
	return converter{}.convertNode(doc.Root), nil
}

// converter converts nodes to values. All aliases of a node share one value.
type converter map[*yaml.Node]*Value

func (c converter) convertNode(n *yaml.Node) *Value {
	n = yamltree.Resolve(n)
	if v := c[n]; v != nil {
		return v
	}
	v := &Value{}
	c[n] = v
	switch n.Kind {
	case yaml.MappingNode:
		v.Kind = Mapping
		c.fillMapping(v, n)
	case yaml.SequenceNode:
		v.Kind = Sequence
		for _, item := range n.Content {
			v.Items = append(v.Items, c.convertNode(item))
		}
		if n.Tag == "!!pairs" {
			v.splitPairs()
		}
	default:
		v.setScalar(n)
	}
	return v
}

// splitPairs replaces each mapping of one pair with a list of its key and value.
func (v *Value) splitPairs() {
	for i, item := range v.Items {
		if len(item.Pairs) == 1 {
			v.Items[i] = NewSequence(NewText(item.Pairs[0].Key), item.Pairs[0].Value)
		}
	}
}

// fillMapping sets the pairs of a mapping. Its own keys take precedence over those of merge keys.
func (c converter) fillMapping(v *Value, n *yaml.Node) {
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], c.convertNode(n.Content[i+1])
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			v.mergePairs(value)
			continue
		}
		name := c.convertNode(key).String()
		if own[name] {
			continue
		}
		own[name] = true
		v.Set(name, value)
	}
}

// mergePairs adds the pairs of a mapping, or of the mappings in a list, whose keys are new.
func (v *Value) mergePairs(source *Value) {
	sources := []*Value{source}
	if source.Kind == Sequence {
		sources = source.Items
	}
	for _, s := range sources {
		for i, item := range s.Items {
			v.addPair(strconv.Itoa(i), item)
		}
		for _, pair := range s.Pairs {
			v.addPair(pair.Key, pair.Value)
		}
	}
}

func (v *Value) addPair(key string, value *Value) {
	if !v.Has(key) {
		v.Set(key, value)
	}
}

// dateText is the layout of JavaScript's Date strings.
const dateText = "Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"

func (v *Value) setScalar(n *yaml.Node) {
	v.Text = n.Value
	v.Kind = String
	switch n.Tag {
	case "!!null":
		v.Kind = Null
	case "!!bool":
		v.Kind = Bool
		v.Bool = strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		v.Kind = Number
		v.Number, _ = strconv.ParseFloat(yamltree.KeyText(n), 64) // including Infinity and NaN
	case "!!timestamp":
		v.Kind = Date
		v.Time, _ = time.Parse(dateText, yamltree.KeyText(n)) // without fractions of a second
	case "!!binary":
		v.Kind = Binary
		clean := strings.NewReplacer("\n", "", "\r", "", "=", "").Replace(n.Value)
		v.Bytes, _ = base64.RawStdEncoding.DecodeString(clean) // the parser has validated it
	}
}
