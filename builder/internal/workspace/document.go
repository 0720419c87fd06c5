// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// LimitError says which limit a file exceeds.
type LimitError = yamltree.LimitError

// syntaxError is a mistake at a place of a file, under one of our rules.
type syntaxError struct {
	rule         string
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return e.message }

// maxDuplicates bounds how many notes of one kind are reported for a file.
const maxDuplicates = 10

// parseYAML reads one YAML document as the platform does. It returns nil and no
// error for an empty file. The errors are *LimitErrors or *syntaxErrors. The nodes
// share memory with a copy of data: what is kept of them must be cloned.
func parseYAML(data []byte, limits Limits) (*yaml.Node, []error) {
	if len(data) > limits.FileSize {
		return nil, []error{&LimitError{What: "bytes", Max: limits.FileSize}}
	}
	if err := checkEncoding(data); err != nil {
		return nil, []error{err}
	}
	doc, err := yamltree.Parse(data, yamltree.Limits{
		Nodes:  limits.Nodes,
		Depth:  limits.Depth,
		Scalar: limits.ScalarSize,
	})
	if err != nil {
		return nil, []error{syntax(err)}
	}
	errs := noteErrors(doc.Notes)
	if doc.Aliases > 0 {
		audit := auditor{limits: limits, sizes: map[*yaml.Node]size{}}
		audit.visit(doc.Root)
		if audit.err != nil {
			return nil, append(errs, audit.err)
		}
	}
	return doc.Root, errs
}

func checkEncoding(data []byte) error {
	switch {
	case len(data) >= 2 && (data[0] == 0xff && data[1] == 0xfe || data[0] == 0xfe && data[1] == 0xff):
		return &syntaxError{rule: ruleYAMLInvalid, message: "the file is UTF-16: save it as UTF-8"}
	case utf8.Valid(data):
		return nil
	}
	line, column := 1, 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			break
		}
		column++
		if r == '\n' {
			line++
			column = 1
		}
		data = data[n:]
	}
	return &syntaxError{ruleYAMLInvalid, line, column, fmt.Sprintf("the file is not UTF-8 (byte 0x%02X): save "+
		"it as UTF-8", data[0])}
}

// syntax puts an error of the reader under one of our rules.
func syntax(err error) error {
	var limit *yamltree.LimitError
	var documents *yamltree.DocumentsError
	var mistake *yamltree.SyntaxError
	switch {
	case errors.As(err, &limit):
		return limit
	case errors.As(err, &documents):
		return &syntaxError{ruleYAMLDocuments, documents.Line, 0, err.Error()}
	case errors.As(err, &mistake):
		return &syntaxError{ruleYAMLInvalid, mistake.Line, mistake.Column, "invalid YAML: " + err.Error()}
	}
	return &syntaxError{rule: ruleYAMLInvalid, message: err.Error()}
}

// noteErrors reports what the reader has noted, a few of each kind.
func noteErrors(notes []yamltree.Note) []error {
	var errs []error
	count := map[yamltree.NoteKind]int{}
	template := 0
	for _, n := range notes {
		if count[n.Kind]++; count[n.Kind] > maxDuplicates {
			continue
		}
		if n.Kind == yamltree.MappingKey {
			if n.Line == template {
				continue // {{x}}: is a mapping within a mapping, and the outer one is a key, too
			}
			template = n.Line
		}
		rule, message := "", ""
		switch n.Kind {
		case yamltree.DuplicateKey:
			rule, message = ruleYAMLDuplicateKey, fmt.Sprintf("key %s is already in line %d", show(n.Key), n.First)
		case yamltree.MappingKey:
			rule, message = ruleYAMLMappingKey, `{{…}} without quotes is a mapping as a key: the platform stores "[object Object]" in its place`
		case yamltree.SequenceKey:
			rule, message = ruleYAMLListKey, "a list is a key: the platform stores "+show(n.Key)
		case yamltree.PropertyBeforeKey:
			rule, message = ruleYAMLOldPlatform, "an anchor or a tag is before the first key of a mapping: "+
				"versions of the platform with js-yaml 4.1 refuse the file"
		case yamltree.ByteOrderMark:
			rule, message = ruleYAMLMark, "a byte order mark (U+FEFF) is a part of this text"
		}
		errs = append(errs, &syntaxError{rule, n.Line, n.Column, message})
	}
	return errs
}

// unreadable reports whether an error leaves nothing to look at, which what the
// reader has noted does not.
func unreadable(err error) bool {
	var mistake *syntaxError
	return !errors.As(err, &mistake) || mistake.rule == ruleYAMLInvalid || mistake.rule == ruleYAMLDocuments
}

// maxExpanded is the size in bytes that a file may have when its aliases are
// expanded, as they are when the platform writes what it has read.
const maxExpanded = 64 << 20

// size is what a node stands for, with its aliases expanded.
type size struct{ nodes, bytes int }

// auditor bounds what aliases make of a document. js-yaml has no such limit.
type auditor struct {
	limits Limits
	// sizes holds the nodes with an anchor; zero while one is being measured.
	sizes map[*yaml.Node]size
	// err is the first problem, at which the walk ends.
	err error
}

func (a *auditor) visit(n *yaml.Node) size {
	if a.err != nil {
		return size{}
	}
	if n.Kind == yaml.AliasNode {
		total := a.sizes[n.Alias]
		if total.nodes == 0 {
			a.err = &syntaxError{ruleYAMLInvalid, n.Line, n.Column, "invalid YAML: an alias within its own anchor"}
		}
		return total
	}
	if n.Anchor != "" {
		a.sizes[n] = size{}
	}
	total := size{nodes: 1, bytes: len(n.Value) + 1}
	for _, child := range n.Content {
		part := a.visit(child)
		total.nodes += part.nodes
		total.bytes += part.bytes
	}
	switch {
	case a.err != nil:
	case total.nodes > a.limits.Nodes:
		a.err = &LimitError{What: "YAML nodes, aliases expanded", Max: a.limits.Nodes, Line: n.Line, Column: n.Column}
	case total.bytes > maxExpanded:
		a.err = &LimitError{What: "bytes, aliases expanded", Max: maxExpanded, Line: n.Line, Column: n.Column}
	}
	if n.Anchor != "" {
		a.sizes[n] = total
	}
	return total
}
