// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of js-yaml 4.3.2 on merge keys.
const (
	maxMerged  = 10_000
	maxSources = 100
)

// maxKeyNotes limits the number of notes on duplicate keys.
const maxKeyNotes = 100

// mappingKey is JavaScript's string for a mapping as a key.
const mappingKey = "[object Object]"

// storePair adds a pair to a mapping. tag is the tag of the key, or empty for an explicit key, which
// cannot be a merge key.
func (p *parser) storePair(m *yaml.Node, tag string, k, value *yaml.Node) {
	value = p.nodeOrNull(value)
	p.addContent(m, k, value)
	if tag == tagPrefix+"merge" {
		p.checkMerge(m, value)
		return
	}
	if k.Tag == tagMerge {
		k.Tag = tagString
	}
	name := p.propertyName(k)
	if k.Kind == yaml.ScalarNode && k.Style == 0 && hasFalseSpace(name) {
		p.addNote(InvisibleInKey, k, name, 0)
	}
	p.keys = append(p.keys, key{name, k})
}

// IsInvisible reports whether a character is a space or a format character that YAML treats as text.
func IsInvisible(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cf)
}

// hasFalseSpace reports whether a plain key has an invisible character where a writer expects a
// space: at its start or end, after a leading dash, or after a colon.
func hasFalseSpace(key string) bool {
	for i, r := range key {
		if !IsInvisible(r) {
			continue
		}
		before := key[:i]
		if before == "" || before == "-" || before[i-1] == ':' || i+utf8.RuneLen(r) == len(key) {
			return !strings.HasPrefix(key, byteOrderMark)
		}
	}
	return false
}

// propertyName returns the key as a JavaScript property name.
func (p *parser) propertyName(k *yaml.Node) string {
	switch n := Resolve(k); n.Kind {
	case yaml.MappingNode:
		p.addNote(MappingKey, k, mappingKey, 0)
		return mappingKey
	case yaml.SequenceNode:
		text := p.joinSequence(k, n)
		p.addNote(SequenceKey, k, text, 0)
		return text
	default:
		return formatScalar(n)
	}
}

// joinSequence returns the text of a list as a key.
func (p *parser) joinSequence(k, list *yaml.Node) string {
	if list.Tag == tagPairs && len(list.Content) > 0 {
		p.failWith(&SyntaxError{k.Line, k.Column, "a list of pairs cannot be a key"})
	}
	var parts []string
	size := 0
	for _, item := range list.Content {
		item = Resolve(item)
		part := ""
		switch {
		case item.Kind == yaml.SequenceNode:
			p.failWith(&SyntaxError{k.Line, k.Column, "a list within a list cannot be a key"})
		case item.Kind == yaml.MappingNode:
			part = mappingKey
		case item.Tag != tagNull:
			part = formatScalar(item)
		}
		size += len(part) + 1
		if size > p.limits.Scalar {
			p.failWith(&LimitError{What: "bytes in one YAML scalar", Max: p.limits.Scalar, Line: k.Line, Column: k.Column})
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// Resolve returns the target of an alias, or n itself.
func Resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// KeyText returns a scalar key as a JavaScript property name: 0x10 is "16". For a collection it returns
// "".
func KeyText(k *yaml.Node) string { return formatScalar(Resolve(k)) }

func formatScalar(n *yaml.Node) string {
	switch n.Tag {
	case tagNull:
		return "null"
	case tagBool:
		return strings.ToLower(n.Value)
	case tagInt, tagFloat:
		return formatNumber(n.Tag, n.Value)
	case tagTime:
		return formatTimestamp(n.Value)
	case tagBinary:
		data, _ := base64.RawStdEncoding.DecodeString(
			strings.TrimRight(strings.NewReplacer("\n", "", "\r", "").Replace(n.Value), "="),
		)
		parts := make([]string, len(data))
		for i, b := range data {
			parts[i] = strconv.Itoa(int(b))
		}
		return strings.Join(parts, ",")
	}
	return n.Value
}

// formatNumber formats a number like JavaScript.
func formatNumber(tag, value string) string {
	number := parseNumber(tag, strings.ReplaceAll(value, "_", ""))
	switch {
	case math.IsNaN(number):
		return "NaN"
	case math.IsInf(number, 1):
		return "Infinity"
	case math.IsInf(number, -1):
		return "-Infinity"
	case number == 0:
		return "0"
	case math.Abs(number) >= 1e21 || math.Abs(number) < 1e-6:
		text := strconv.FormatFloat(number, 'e', -1, 64)
		return strings.NewReplacer("e+0", "e+", "e-0", "e-").Replace(text)
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func parseNumber(tag, value string) float64 {
	digits := strings.TrimLeft(value, "+-")
	sign := 1.0
	if strings.HasPrefix(value, "-") {
		sign = -1
	}
	switch strings.ToLower(digits) {
	case ".inf":
		return math.Inf(int(sign))
	case ".nan":
		return math.NaN()
	}
	if tag == tagInt && len(digits) > 2 && strings.IndexByte("box", digits[1]) >= 0 {
		base := map[byte]int{'b': 2, 'o': 8, 'x': 16}[digits[1]]
		whole, _ := new(big.Int).SetString(digits[2:], base)
		number, _ := new(big.Float).SetInt(whole).Float64()
		return sign * number
	}
	number, _ := strconv.ParseFloat(digits, 64) // infinite beyond the range, as in JavaScript
	return sign * number
}

// checkKeys adds notes for the keys of a mapping that are equal in JavaScript, and removes the
// keys. start is the index of the first key.
func (p *parser) checkKeys(start int) {
	keys := p.keys[start:]
	p.keys = p.keys[:start]
	if len(keys) > 32 {
		seen := make(map[string]int, len(keys))
		for _, k := range keys {
			if first, twice := seen[k.text]; twice {
				p.noteDuplicate(k, first)
				continue
			}
			seen[k.text] = k.node.Line
		}
		return
	}
	for i, k := range keys {
		for _, other := range keys[:i] {
			if other.text == k.text {
				p.noteDuplicate(k, other.node.Line)
				break
			}
		}
	}
}

func (p *parser) noteDuplicate(k key, first int) {
	if len(p.notes) < maxKeyNotes {
		p.addNote(DuplicateKey, k.node, k.text, first)
	}
}

// checkMerge checks the value of a merge key (<<): a mapping or a list of mappings.
func (p *parser) checkMerge(m, value *yaml.Node) {
	source := Resolve(value)
	if source.Kind != yaml.SequenceNode {
		p.checkMergeSource(m, source, value)
		return
	}
	if len(source.Content) > maxSources {
		p.failWith(
			&LimitError{What: "mappings in one merge key (<<)", Max: maxSources, Line: value.Line, Column: value.Column},
		)
	}
	for _, item := range source.Content {
		p.checkMergeSource(m, Resolve(item), item)
	}
}

// checkMergeSource checks one source. Lists and dates are allowed, because they are objects in JavaScript.
func (p *parser) checkMergeSource(m, source, at *yaml.Node) {
	if source.Kind == yaml.ScalarNode && source.Tag != tagTime && source.Tag != tagBinary {
		p.failWith(
			&SyntaxError{
				at.Line,
				at.Column,
				"a merge key (<<) needs a mapping or a list of mappings; quote \"<<\" if it is meant as text",
			},
		)
	}
	size := len(source.Content)/2 + p.sizes[source]
	p.merged += size + 1
	if p.merged > maxMerged {
		p.failWith(&LimitError{What: "keys copied by merge keys (<<)", Max: maxMerged, Line: at.Line, Column: at.Column})
	}
	if p.sizes == nil {
		p.sizes = map[*yaml.Node]int{}
	}
	p.sizes[m] += size
}
