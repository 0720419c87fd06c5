// SPDX-License-Identifier: Apache-2.0

// Package sse reads a stream of server-sent events, as the HTML standard frames them
// (section 9.2.6), and does not mind what servers get wrong: the last event counts
// although no blank line ends it, as long as the stream itself ended in order.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// ErrTooLarge is an event over the limit of its [Reader].
var ErrTooLarge = errors.New("event of the stream is too large")

// Event is one event of a stream.
type Event struct {
	// Name is the type of the event; the standard's "message" is left empty.
	Name string
	// Data has the data lines, joined by line feeds.
	Data string
	// ID is the last one that the stream told, also before this event.
	ID string
}

// Reader reads events. It is not safe for concurrent use.
type Reader struct {
	in    *bufio.Reader
	limit int
	line  []byte
	size  int // of the lines of the event so far
	// afterCR tells that a line feed that comes next ends no line: it belongs to the last one.
	afterCR, begun bool
	id             string
}

// NewReader reads from r, and holds no more than limit bytes of one event.
func NewReader(r io.Reader, limit int) *Reader { return &Reader{in: bufio.NewReader(r), limit: limit} }

// Next returns the next event that has data. Comments keep a connection alive and are
// skipped. It returns io.EOF after the last event; the error of a stream that breaks
// drops the event that it broke in.
func (r *Reader) Next() (Event, error) {
	var e Event
	var data []string
	r.size = 0
	for {
		line, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return Event{}, err
		}
		if line == "" && (err == nil || len(data) == 0) {
			if len(data) > 0 {
				return r.finish(e, data), nil
			}
			if err != nil {
				return Event{}, err
			}
			e, r.size = Event{}, 0 // a name without data is no event
			continue
		}
		switch name, value := field(line); name {
		case "event":
			e.Name = value
		case "data":
			data = append(data, value)
		case "id":
			if !strings.Contains(value, "\x00") {
				r.id = value
			}
		}
		if err != nil && len(data) > 0 {
			return r.finish(e, data), nil
		}
		if err != nil {
			return Event{}, err
		}
	}
}

func (r *Reader) finish(e Event, data []string) Event {
	e.Data, e.ID = strings.Join(data, "\n"), r.id
	if e.Name == "message" {
		e.Name = ""
	}
	return e
}

// field splits a line. One space after the colon is not part of the value; a comment
// has the empty name.
func field(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ":")
	return name, strings.TrimPrefix(value, " ")
}

// readLine reads up to CR, LF or CRLF. It does not wait for what may follow a CR, so
// that an event is complete as soon as its bytes are.
func (r *Reader) readLine() (string, error) {
	r.line = r.line[:0]
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return r.text(), err
		}
		if b == '\n' && r.afterCR {
			r.afterCR = false
			continue
		}
		r.afterCR = b == '\r'
		if b == '\r' || b == '\n' {
			return r.text(), nil
		}
		if r.size++; r.size > r.limit {
			return "", ErrTooLarge
		}
		r.line = append(r.line, b)
	}
}

var byteOrderMark = []byte("\ufeff")

// text is the line, without the mark that a stream may begin with.
func (r *Reader) text() string {
	line := r.line
	if !r.begun {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	r.begun = true
	return string(line)
}
