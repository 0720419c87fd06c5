// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// LimitError reports the limit that a file exceeds.
type LimitError = yamltree.LimitError

// syntaxError is a mistake at a position in a file, and the rule that reports it.
type syntaxError struct {
	rule         string
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return e.message }

// maxDuplicates bounds the number of notes of one kind reported per file.
const maxDuplicates = 10

// parseYAML parses one YAML document as the platform does. It returns nil and no error for an empty
// file. The errors are *LimitErrors or *syntaxErrors. The nodes share memory with a copy of data,
// so clone the strings that are kept.
func parseYAML(data []byte, limits Limits) (*yaml.Node, []error) {
	return parseWith(new(yamltree.Parser), data, limits)
}

// parseWith is like parseYAML, but the next call with the same parser overwrites the nodes.
func parseWith(p *yamltree.Parser, data []byte, limits Limits) (*yaml.Node, []error) {
	if len(data) > limits.FileSize {
		return nil, []error{&LimitError{What: "bytes", Max: limits.FileSize}}
	}
	if err := checkEncoding(data); err != nil {
		return nil, []error{err}
	}
	doc, err := p.Parse(data, yamltree.Limits{
		Nodes:  limits.Nodes,
		Depth:  limits.Depth,
		Scalar: limits.ScalarSize,
	})
	if err != nil {
		if line := findConflict(data); line > 0 {
			err = &yamltree.SyntaxError{Line: line, Column: 1, Message: "Git could not merge this part of the file " +
				"(<<<<<<<): resolve the conflict"}
		}
		return nil, []error{convertError(err)}
	}
	errs := noteErrors(doc.Notes)
	if err := doc.CheckExpansion(limits.Nodes, maxExpanded); err != nil {
		return nil, append(errs, convertError(err))
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

// findConflict returns the line of the first conflict that Git has marked in a text, or 0.
func findConflict(data []byte) int {
	start := 0
	line := 0
	for text := range bytes.Lines(data) {
		line++
		switch {
		case start == 0 && bytes.HasPrefix(text, []byte("<<<<<<< ")):
			start = line
		case start > 0 && bytes.HasPrefix(text, []byte(">>>>>>> ")):
			return start
		}
	}
	return 0
}

// convertError assigns a rule to an error of the YAML parser.
func convertError(err error) error {
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

// noteErrors converts the parser's notes, up to maxDuplicates of each kind.
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
				continue // {{x}}: is a mapping inside a mapping, so the outer one is a key, too
			}
			template = n.Line
		}
		rule, message := "", ""
		switch n.Kind {
		case yamltree.DuplicateKey:
			rule = ruleYAMLDuplicateKey
			message = fmt.Sprintf("key %s is already in line %d", quoteName(n.Key), n.First)
		case yamltree.MappingKey:
			rule = ruleYAMLMappingKey
			message = `{{…}} without quotes is a mapping as a key: the platform stores "[object Object]" in its place`
		case yamltree.SequenceKey:
			rule = ruleYAMLListKey
			message = "a list is a key: the platform stores " + quoteName(n.Key)
		case yamltree.PropertyBeforeKey:
			rule = ruleYAMLOldPlatform
			message = "an anchor or a tag is before the first key of a mapping: " +
				"versions of the platform with js-yaml 4.1 refuse the file"
		case yamltree.ByteOrderMark:
			rule = ruleYAMLMark
			message = "a byte order mark (U+FEFF) is part of this text"
		case yamltree.InvisibleInKey:
			rule = ruleYAMLInvisible
			at := strings.IndexFunc(n.Key, yamltree.IsInvisible)
			r, _ := utf8.DecodeRuneInString(n.Key[at:])
			message = fmt.Sprintf("a character that cannot be seen (U+%04X) is part of this key", r)
		}
		errs = append(errs, &syntaxError{rule, n.Line, n.Column, message})
	}
	return errs
}

// isUnreadable reports whether an error leaves no content to check. Notes of the parser do.
func isUnreadable(err error) bool {
	var mistake *syntaxError
	return !errors.As(err, &mistake) || mistake.rule == ruleYAMLInvalid || mistake.rule == ruleYAMLDocuments
}

// isAboutStorage reports whether an error is that the platform stores something else than the file
// says. It does not concern files that the platform reads but does not store.
func isAboutStorage(err error) bool {
	var mistake *syntaxError
	if !errors.As(err, &mistake) {
		return false
	}
	switch mistake.rule {
	case ruleYAMLMappingKey, ruleYAMLListKey, ruleYAMLMark, ruleYAMLInvisible:
		return true
	}
	return false
}

// maxExpanded is the maximum size in bytes of a file with its aliases expanded. The platform
// expands them when it writes the file.
const maxExpanded = 64 << 20
