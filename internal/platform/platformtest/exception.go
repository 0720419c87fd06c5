// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// exception is an error of the service, as in a report.
type exception struct {
	// class and message are set for the service's own errors. Others only have fields.
	class, message string
	fields         object
}

func (e *exception) Error() string { return strings.TrimPrefix(e.class+": "+e.message, ": ") }

// encodeObject returns the JSON.stringify of the error.
func (e *exception) encodeObject() object {
	if e.fields != nil {
		return e.fields
	}
	return object{"error": e.class, "message": e.message, "details": object{}}
}

// newException returns an error that the service's own code throws.
func newException(class, format string, args ...any) error {
	return &exception{class: class, message: fmt.Sprintf(format, args...)}
}

// newTypeError returns an exception of the service's code, whose JSON is an empty object.
func newTypeError() error { return &exception{fields: object{}} }

func newSlugError(slug string) error {
	return newException("InvalidSlugError",
		"Invalid slug '%s' : only allowed characters are letters, numbers, whitespaces, _ and -'", slug)
}

func newNotStoredError(folder, slug string) error {
	return newException("ObjectNotFoundError", "Could not find DSUL object '%s' '%s'", folder, slug)
}

// newCastError returns an error of the database.
func newCastError(model, path, kind, value, reason string) error {
	message := fmt.Sprintf("%s validation failed: %s: Cast to %s failed for value %q %s", model, path, kind, value, reason)
	message = strings.Replace(message, fmt.Sprintf("%q", value), `"`+value+`"`, 1)
	return &exception{class: "ValidationError", message: message,
		fields: object{"errors": object{path: object{"name": "CastError", "kind": kind, "path": path}},
			"_message": model + " validation failed",
			"name":     "ValidationError", "message": message}}
}

// asException returns the error as it appears in a report.
func asException(err error) *exception {
	if e, ok := errors.AsType[*exception](err); ok {
		return e
	}
	return &exception{class: "Internal", message: err.Error()}
}

// loadYAML parses a file like the service. Like js-yaml's, the error contains the whole file.
func loadYAML(text string) (*jsvalue.Value, error) {
	root, err := jsvalue.Load(text)
	if err == nil {
		return root, nil
	}
	refused, ok := errors.AsType[*jsvalue.Error](err)
	if !ok {
		return nil, newTypeError() // JavaScript's stack overflows
	}
	fields := object{"name": "YAMLException", "reason": refused.Reason, "message": refused.Reason}
	if refused.Line > 0 {
		m := newMark(text, refused)
		fields["mark"] = m.encodeMark()
		fields["message"] = fmt.Sprintf("%s (%d:%d)\n\n%s", refused.Reason, m.line+1, m.column+1, m.quoteLines())
	}
	return nil, &exception{class: "YAMLException", message: fields["message"].(string), fields: fields}
}

// mark is a position in a text, in JavaScript's units.
type mark struct {
	text                   []uint16
	position, line, column int
}

func newMark(text string, at *jsvalue.Error) mark {
	text = strings.TrimPrefix(strings.ToValidUTF8(text, "\uFFFD"), "\uFEFF")
	if !strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\r") {
		text += "\n"
	}
	m := mark{text: utf16.Encode([]rune(text)), line: at.Line - 1}
	starts, ends := m.splitLines()
	start := starts[min(m.line, len(starts)-1)]
	end := len(m.text)
	if m.line < len(ends) {
		end = ends[m.line]
	}
	line := []rune(string(utf16.Decode(m.text[start:max(start, end)])))
	m.column = len(utf16.Encode(line[:min(at.Column-1, len(line))]))
	m.position = start + m.column
	return m
}

func (m mark) encodeMark() object {
	return object{"name": nil, "buffer": string(utf16.Decode(m.text)), "position": m.position, "line": m.line,
		"column": m.column, "snippet": m.quoteLines()}
}

// snippetWidth is the line width of js-yaml's excerpts, in characters.
const snippetWidth = 79

// quoteLines returns the line of the position with three lines before it and two after it.
func (m mark) quoteLines() string {
	starts, ends := m.splitLines()
	found := slices.IndexFunc(ends, func(end int) bool { return m.position <= end })
	if found < 0 {
		found = len(starts) - 1
	}
	digits := len(fmt.Sprint(min(m.line+2, len(ends))))
	width := snippetWidth - (1 + digits + 3)
	var out strings.Builder
	for i := max(0, found-3); i <= found+2 && (i <= found || i < len(ends)); i++ {
		end := len(m.text)
		if i < len(ends) {
			end = ends[i]
		}
		line, at := m.cutLine(starts[i], end, m.position-(starts[found]-starts[i]), width)
		fmt.Fprintf(&out, " %*d | %s\n", digits, m.line+1+i-found, line)
		if i == found {
			out.WriteString(strings.Repeat("-", 1+digits+3+at) + "^\n")
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// splitLines returns the start of each line and its end before the line break.
func (m mark) splitLines() (starts, ends []int) {
	starts = []int{0}
	for i := 0; i < len(m.text); i++ {
		switch m.text[i] {
		case '\r':
			ends = append(ends, i)
			if i+1 < len(m.text) && m.text[i+1] == '\n' {
				i++
			}
		case '\n', 0:
			ends = append(ends, i)
		default:
			continue
		}
		starts = append(starts, i+1)
	}
	return starts, ends
}

// cutLine cuts a line around a position, and returns the position within the excerpt.
func (m mark) cutLine(start, end, position, width int) (text string, at int) {
	head, tail, half := "", "", width/2-1
	if position-start > half {
		head = " ... "
		start = position - half + len(head)
	}
	if end-position > half {
		tail = " ..."
		end = position + half - len(tail)
	}
	start = max(0, min(start, len(m.text)))
	end = max(start, min(end, len(m.text)))
	line := strings.ReplaceAll(string(utf16.Decode(m.text[start:end])), "\t", "→")
	return head + line + tail, position - start + len(head)
}
