// SPDX-License-Identifier: Apache-2.0

package jsvalue

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind is the JavaScript type of a [Value].
type Kind int

// Kinds of values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Date
	Binary
	Sequence
	Mapping
)

// Value is the value of a document or a part of it.
type Value struct {
	Kind Kind
	// Bool, Number, Text, Time and Bytes hold the value of the kinds Bool, Number, String, Date and
	// Binary. Time is in UTC.
	Bool   bool
	Number float64
	Text   string
	Time   time.Time
	Bytes  []byte
	// Items holds the items of a Sequence.
	Items []*Value
	// Pairs holds the pairs of a Mapping in document order. Keys are unique.
	Pairs []Pair

	index map[string]int // indices into Pairs by key, if there are many
}

// Pair is a pair of a mapping.
type Pair struct {
	Key   string
	Value *Value
}

// manyPairs is the number of pairs from which an index is faster than a linear search.
const manyPairs = 16

// IsNull reports whether there is no value.
func (v *Value) IsNull() bool { return v == nil || v.Kind == Null }

// Get returns the value of a key, or nil if v is not a mapping or lacks the key.
func (v *Value) Get(key string) *Value {
	if i := v.findPair(key); i >= 0 {
		return v.Pairs[i].Value
	}
	return nil
}

// Has reports whether v is a mapping with the key.
func (v *Value) Has(key string) bool { return v.findPair(key) >= 0 }

func (v *Value) findPair(key string) int {
	if v == nil {
		return -1
	}
	if v.index != nil {
		if i, ok := v.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range v.Pairs {
		if v.Pairs[i].Key == key {
			return i
		}
	}
	return -1
}

// Set adds a pair to a mapping, or replaces the value of the key.
func (v *Value) Set(key string, value *Value) {
	if i := v.findPair(key); i >= 0 {
		v.Pairs[i].Value = value
		return
	}
	v.Pairs = append(v.Pairs, Pair{key, value})
	switch n := len(v.Pairs); {
	case v.index != nil:
		v.index[key] = n - 1
	case n >= manyPairs:
		v.index = make(map[string]int, 2*n)
		for i := range v.Pairs {
			v.index[v.Pairs[i].Key] = i
		}
	}
}

// Delete removes a pair from a mapping.
func (v *Value) Delete(key string) {
	i := v.findPair(key)
	if i < 0 {
		return
	}
	v.Pairs = append(v.Pairs[:i:i], v.Pairs[i+1:]...)
	v.index = nil
}

// NewText returns a value of kind String.
func NewText(text string) *Value { return &Value{Kind: String, Text: text} }

// NewSequence returns a value of kind Sequence.
func NewSequence(items ...*Value) *Value { return &Value{Kind: Sequence, Items: items} }

// NewMapping returns a value of kind Mapping without pairs.
func NewMapping() *Value { return &Value{Kind: Mapping} }

// objectText is JavaScript's string for a mapping.
const objectText = "[object Object]"

// maxText limits [Value.String] for lists, in bytes.
const maxText = 1 << 16

// String returns JavaScript's String(v), which is also the property name for v as a key. Lists are
// truncated at 64 KiB or 100 levels.
func (v *Value) String() string { return string(v.appendText(nil, 0)) }

func (v *Value) appendText(out []byte, depth int) []byte {
	if v.IsNull() {
		return append(out, "null"...)
	}
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(out, v.Bool)
	case Number:
		return append(out, FormatNumber(v.Number)...)
	case Date:
		return v.Time.AppendFormat(out, dateText)
	case Mapping:
		return append(out, objectText...)
	case Binary:
		for i, b := range v.Bytes {
			out = strconv.AppendInt(appendComma(out, i), int64(b), 10)
		}
		return out
	case Sequence:
		return v.appendItems(out, depth)
	}
	return append(out, v.Text...)
}

// appendItems writes the items of a list with commas, and null as an empty string.
func (v *Value) appendItems(out []byte, depth int) []byte {
	for i, item := range v.Items {
		if depth >= maxDepth || len(out) > maxText {
			break
		}
		out = appendComma(out, i)
		if !item.IsNull() {
			out = item.appendText(out, depth+1)
		}
	}
	return out
}

func appendComma(out []byte, i int) []byte {
	if i > 0 {
		out = append(out, ',')
	}
	return out
}

// FormatNumber formats a number like JavaScript: 1, 0.5, 1e+21, Infinity.
func FormatNumber(n float64) string {
	switch {
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	case n == 0:
		return "0"
	}
	if size := math.Abs(n); size >= 1e-6 && size < 1e21 {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(n, 'e', -1, 64), "e")
	sign := exponent[:1]
	return digits + "e" + sign + strings.TrimLeft(exponent[1:], "0")
}
