// SPDX-License-Identifier: Apache-2.0

package yamltree

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Short tags of nodes.
const (
	tagString   = "!!str"
	tagNull     = "!!null"
	tagBool     = "!!bool"
	tagInt      = "!!int"
	tagFloat    = "!!float"
	tagTime     = "!!timestamp"
	tagMerge    = "!!merge"
	tagBinary   = "!!binary"
	tagSequence = "!!seq"
	tagMapping  = "!!map"
	tagOrdered  = "!!omap"
	tagPairs    = "!!pairs"
	tagSet      = "!!set"
)

// implicit is the tag of a plain scalar before it is resolved.
const implicit = "?"

// maxOrdered limits the pairs of an !!omap, because js-yaml 4.1.0 takes quadratic time: 88 s for
// 50,000.
const maxOrdered = 1000

// resolveNode completes a node with the tag that js-yaml assigns.
func (p *parser) resolveNode() {
	switch p.tag {
	case "", "!":
	case implicit:
		if p.node != nil && p.kind != yaml.ScalarNode {
			p.failSyntax("the tag !<?> is for text only")
		}
		if p.node != nil {
			p.node.Tag = implicitTag(p.node.Value)
			p.tag = fullTag(p.node.Tag)
		}
	default:
		p.resolveExplicit()
	}
	if p.anchor != "" && (p.node == nil || p.anchors[p.anchor] != p.node) {
		p.node = p.nodeOrNull(p.node)
		p.setAnchor(p.anchor, p.node)
	}
}

// fullTag returns the full name of a tag that implicitTag returns.
func fullTag(tag string) string {
	switch tag {
	case tagString:
		return tagPrefix + "str"
	case tagNull:
		return tagPrefix + "null"
	case tagBool:
		return tagPrefix + "bool"
	case tagMerge:
		return tagPrefix + "merge"
	}
	return tagPrefix + tag[len("!!"):]
}

// tagKind returns the kind of nodes for the tags that js-yaml supports, or 0.
func tagKind(tag string) yaml.Kind {
	switch tag {
	case tagString, tagNull, tagBool, tagInt, tagFloat, tagTime, tagMerge, tagBinary:
		return yaml.ScalarNode
	case tagSequence, tagOrdered, tagPairs:
		return yaml.SequenceNode
	case tagMapping, tagSet:
		return yaml.MappingNode
	}
	return 0
}

func (p *parser) resolveExplicit() {
	name, known := strings.CutPrefix(p.tag, tagPrefix)
	tag := "!!" + name
	kind := tagKind(tag)
	switch {
	case !known || kind == 0:
		p.failSyntax(
			"the platform does not know the tag %s: it refuses the file; quote text that starts with !",
			describeTag(p.tag),
		)
	case p.node == nil:
		p.node = p.newEmptyNode(tag, kind)
	case kind != p.kind:
		p.failSyntax("the tag %s does not fit this value: the platform refuses the file", tag)
	case !p.acceptsTag(tag, p.node):
		p.failSyntax("the value does not fit its tag %s: the platform refuses the file", tag)
	default:
		p.node.Tag = tag
	}
}

// describeTag returns a tag for an error message. It hides text that does not look like a name, which
// may be a secret.
func describeTag(tag string) string {
	short := strings.Replace(tag, tagPrefix, "!!", 1)
	if shownTag.MatchString(short) {
		return short
	}
	return "here"
}

var shownTag = regexp.MustCompile(`^!{0,2}[A-Za-z][A-Za-z0-9_./:-]{0,31}$`)

// newEmptyNode returns the node for a tag without a value.
func (p *parser) newEmptyNode(tag string, kind yaml.Kind) *yaml.Node {
	switch tag {
	case tagBool, tagInt, tagFloat, tagTime, tagBinary:
		p.failSyntax("the tag %s has no value: the platform refuses the file", tag)
	}
	line, column := p.computePosition(p.pos)
	return p.newNode(kind, tag, line, column)
}

// acceptsTag reports whether js-yaml accepts a tag of the right kind for a node.
func (p *parser) acceptsTag(tag string, n *yaml.Node) bool {
	switch tag {
	case tagNull:
		return isNull(n.Value)
	case tagBool:
		return isBool(n.Value)
	case tagInt:
		return isInt(n.Value)
	case tagFloat:
		return isFloat(n.Value)
	case tagTime:
		return isTime(n.Value)
	case tagMerge:
		return n.Value == "<<"
	case tagBinary:
		return isBinary(n.Value)
	case tagOrdered:
		return p.isOrdered(n, true)
	case tagPairs:
		return p.isOrdered(n, false)
	case tagSet:
		for i := 1; i < len(n.Content); i += 2 {
			if v := Resolve(n.Content[i]); v.Kind != yaml.ScalarNode || v.Tag != tagNull {
				return false
			}
		}
	}
	return true
}

// isOrdered reports whether a list consists of mappings with one key each. If unique is true the
// keys must differ.
func (p *parser) isOrdered(list *yaml.Node, unique bool) bool {
	if unique && len(list.Content) > maxOrdered {
		p.failWith(&LimitError{What: "pairs of an !!omap", Max: maxOrdered, Line: list.Line, Column: list.Column})
	}
	seen := map[string]bool{}
	for _, item := range list.Content {
		m := Resolve(item)
		if m.Kind != yaml.MappingNode || len(m.Content) != 2 || m.Content[0].Tag == tagMerge {
			return false
		}
		k := Resolve(m.Content[0])
		text := mappingKey
		if k.Kind == yaml.ScalarNode {
			text = formatScalar(k)
		}
		if unique && seen[text] {
			return false
		}
		seen[text] = true
	}
	return true
}

// implicitTag returns the tag of a plain scalar.
func implicitTag(s string) string {
	switch c := s[0]; {
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		switch {
		case isInt(s):
			return tagInt
		case isFloat(s):
			return tagFloat
		case isTime(s):
			return tagTime
		}
	case c == '<' && s == "<<":
		return tagMerge
	case isNull(s):
		return tagNull
	case isBool(s):
		return tagBool
	}
	return tagString
}

func isNull(s string) bool { return s == "~" || s == "null" || s == "Null" || s == "NULL" }

func isBool(s string) bool {
	switch s {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return true
	}
	return false
}

// Patterns of js-yaml 4.1.0. Version 4.3.2 reads numbers with _ as text.
var (
	intPattern = regexp.MustCompile(
		`^[-+]?(?:0b[01_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|0o[0-7_]*[0-7]|[0-9](?:[0-9_]*[0-9])?)$`,
	)
	floats = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?` +
		`|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	times = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$|^[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)` +
		`[0-9][0-9]?:[0-9][0-9]:[0-9][0-9](?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9][0-9])?))?$`)
)

// maxNumber is the length above which a cheap check of the characters precedes the patterns. Real
// numbers and dates are shorter.
const maxNumber = 64

func isInt(s string) bool {
	return (len(s) <= maxNumber || strings.Trim(s, "+-_0123456789abcdefABCDEFxo") == "") && intPattern.MatchString(s)
}

func isFloat(s string) bool {
	return (len(s) <= maxNumber || strings.Trim(s, "+-_.0123456789eE") == "") && floats.MatchString(s) &&
		!strings.HasSuffix(s, "_")
}

func isTime(s string) bool { return len(s) >= 10 && s[4] == '-' && times.MatchString(s) }

const base64Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

func isBinary(s string) bool {
	count := 0
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r':
		case strings.ContainsRune(base64Characters, r):
			count++
		default:
			return false
		}
	}
	return count%4 == 0
}

// timeParts captures year, month, day, hour, minute, second, and the sign, hours and minutes of the
// time zone.
var timeParts = regexp.MustCompile(`^(\d+)-(\d+)-(\d+)(?:[Tt \t]+(\d+):(\d+):(\d+)[.\d]*[ \t]*(?:Z|([-+])(\d+)(?::(\d+))?)?)?$`)

// formatTimestamp returns a date like JavaScript does in the time zone UTC. It has no fractions of
// a second, and days and months that do not exist continue into the next month or year.
func formatTimestamp(s string) string {
	groups := timeParts.FindStringSubmatch(s)
	if groups == nil {
		return s
	}
	var parts [10]int
	for i, text := range groups {
		parts[i], _ = strconv.Atoi(text) // digits, or empty for a part without a value
	}
	year := parts[1]
	if year < 100 {
		year += 1900
	}
	zone := time.Duration(parts[8])*time.Hour + time.Duration(parts[9])*time.Minute
	if groups[7] == "-" {
		zone = -zone
	}
	t := time.Date(year, time.Month(parts[2]), parts[3], parts[4], parts[5], parts[6], 0, time.UTC).Add(-zone)
	return t.Format("Mon Jan 02 2006 15:04:05") + " GMT+0000 (Coordinated Universal Time)"
}
