// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// LimitError says which limit a file exceeds.
type LimitError struct {
	// What is counted, such as "bytes".
	What string
	Max  int
	// Line and Column are 0 when the file as a whole exceeds the limit.
	Line, Column int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s", e.Max, e.What)
}

// syntaxError is a mistake at a place of a file, under one of our rules.
type syntaxError struct {
	rule         string
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return e.message }

// maxDuplicates bounds how many duplicate keys are reported for a file.
const maxDuplicates = 10

// parseYAML reads one YAML document. It returns nil and no error for an empty
// file. The errors are a *LimitError or *syntaxErrors.
//
// Limits come first: the library builds the tree before anybody can count it,
// so what could become too large a tree is refused by its bytes. The library
// itself ends at 10,000 levels. Aliases are followed by nobody.
func parseYAML(data []byte, limits Limits) (*yaml.Node, []error) {
	if len(data) > limits.FileSize {
		return nil, []error{&LimitError{What: "bytes", Max: limits.FileSize}}
	}
	if mayHaveNodes(data) > limits.Nodes {
		return nil, []error{&LimitError{What: "YAML nodes", Max: limits.Nodes}}
	}
	if !utf8.Valid(data) {
		return nil, []error{&syntaxError{rule: ruleYAMLInvalid, message: "the file is not UTF-8"}}
	}
	root, err := decodeYAML(data)
	if root == nil || err != nil {
		return nil, asErrors(err)
	}
	audit := auditor{limits: limits, sizes: map[*yaml.Node]int{}}
	audit.visit(root, 0)
	return root, audit.errs
}

func asErrors(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}

// decodeYAML turns a panic of the library into an error: its input is hostile.
func decodeYAML(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			root, err = nil, &syntaxError{rule: ruleYAMLInvalid, message: "the YAML parser gave up on the file"}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, yamlError(err, data)
	}
	switch err := dec.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, yamlError(err, data)
	default:
		return nil, &syntaxError{rule: ruleYAMLDocuments, line: next.Line, column: next.Column, message: "the file holds more than one YAML document"}
	}
	return content(&doc), nil
}

// content returns the node within a document; nil for a document without one.
func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

var (
	yamlProblem = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)
	// yamlGrammar matches what the library's parser says. Its lines count from
	// 0, those of its scanner from 1; both leave out the first line.
	yamlGrammar = regexp.MustCompile(`^did not find expected (node content|key|',' or|'-' indicator|<)|^found (duplicate|undefined|incompatible)`)
	yamlReader  = regexp.MustCompile(`control characters|UTF-|input`)
	yamlAnchor  = regexp.MustCompile(`anchor '(.*)'`)
)

// yamlError keeps the place and the reason of the library's error, but not
// the names of anchors in it: "*hunter2" is an alias to the parser.
func yamlError(err error, data []byte) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	m := yamlProblem.FindStringSubmatch(err.Error())
	if anchor := yamlAnchor.FindStringSubmatch(m[2]); anchor != nil {
		line, column := findOnly(data, "*"+anchor[1])
		return &syntaxError{ruleYAMLInvalid, line, column, "invalid YAML: an alias (*name) without an anchor (&name) before it; quote text that starts with *"}
	}
	line, _ := strconv.Atoi(m[1]) // 0 if there is none
	if yamlGrammar.MatchString(m[2]) {
		line++
	} else if line == 0 && !yamlReader.MatchString(m[2]) {
		line = 1
	}
	return &syntaxError{rule: ruleYAMLInvalid, line: line, message: "invalid YAML: " + m[2]}
}

// findOnly returns the line and the column of a text that occurs once; else 0.
func findOnly(data []byte, text string) (line, column int) {
	if bytes.Count(data, []byte(text)) != 1 {
		return 0, 0
	}
	before := data[:bytes.Index(data, []byte(text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// mayHaveNodes returns how many nodes the bytes can make at most, within a
// small factor: each takes a line, an indicator or an anchor.
func mayHaveNodes(data []byte) int {
	n := 0
	for i, b := range data {
		switch b {
		case '\n', ',', '[', '{':
			n++
		case '-', '?', ':':
			if i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

// auditor checks the tree of a document against the limits and against what
// the platform's parser (js-yaml 4) refuses and ours does not.
type auditor struct {
	limits Limits
	nodes  int
	// sizes holds the nodes below an anchor; 0 while that is being counted.
	sizes      map[*yaml.Node]int
	duplicates int
	errs       []error
	// full is set at the first limit, at which the walk ends.
	full bool
}

// visit returns how many nodes n stands for, with its aliases expanded.
func (a *auditor) visit(n *yaml.Node, depth int) int {
	if a.full {
		return 0
	}
	if depth > a.limits.Depth {
		return a.stop(n, "levels of YAML nesting", a.limits.Depth)
	}
	if len(n.Value) > a.limits.ScalarSize {
		return a.stop(n, "bytes in one YAML scalar", a.limits.ScalarSize)
	}
	if n.Kind == yaml.AliasNode {
		return a.alias(n)
	}
	if n.Anchor != "" {
		a.sizes[n] = 0
	}
	if n.Kind == yaml.MappingNode {
		a.keys(n)
	}
	size := 1
	for _, child := range n.Content {
		size += a.visit(child, depth+1)
	}
	if size > a.limits.Nodes {
		return a.stop(n, "YAML nodes, aliases expanded", a.limits.Nodes)
	}
	if n.Anchor != "" {
		a.sizes[n] = size
	}
	return size
}

func (a *auditor) alias(n *yaml.Node) int {
	size := a.sizes[n.Alias]
	if size == 0 {
		a.full = true
		a.errs = append(a.errs, &syntaxError{ruleYAMLInvalid, n.Line, n.Column, "invalid YAML: an alias within its own anchor"})
	}
	return size
}

func (a *auditor) stop(n *yaml.Node, what string, limit int) int {
	if !a.full {
		a.full = true
		a.errs = append(a.errs, &LimitError{What: what, Max: limit, Line: n.Line, Column: n.Column})
	}
	return 0
}

// keys reports keys that a mapping has twice. The merge key may repeat.
func (a *auditor) keys(mapping *yaml.Node) {
	if len(mapping.Content) == 2 {
		return
	}
	lines := make(map[string]int, len(mapping.Content)/2)
	for i := 0; i < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			continue
		}
		if first, twice := lines[key.Value]; twice && a.duplicates < maxDuplicates {
			a.duplicates++
			a.errs = append(a.errs, &syntaxError{ruleYAMLDuplicateKey, key.Line, key.Column, fmt.Sprintf("key %s is already in line %d", show(key.Value), first)})
			continue
		}
		lines[key.Value] = key.Line
	}
}
