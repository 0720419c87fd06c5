// SPDX-License-Identifier: Apache-2.0

// Package sse reads a stream of server-sent events (HTML standard, section 9.2.6). It tolerates
// servers that do not end the last event with a blank line, provided that the stream ends with
// io.EOF.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
)

// Event is one event of a stream.
type Event struct {
	// Name is the type of the event. It is empty for the default type, "message".
	Name string
	// Data holds the data lines, joined by line feeds.
	Data string
	// ID is the last ID in the stream so far.
	ID string
}

// Reader reads events. It is not safe for concurrent use.
type Reader struct {
	in   *bufio.Reader
	max  int
	line []byte
	size int // length of the event's lines so far, in bytes
	// afterCR is true if the next line feed belongs to the preceding carriage return.
	afterCR, begun bool
	id             string
}

// NewReader returns a reader of r that buffers at most max bytes of an event. More
// are a [*limit.Error].
func NewReader(r io.Reader, max int) *Reader { return &Reader{in: bufio.NewReader(r), max: max} }

// Next returns the next event with data and skips comments, which servers send to keep the
// connection alive. It returns io.EOF after the last event. If the stream breaks, it drops the
// incomplete event and returns the error.
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
				return r.finishEvent(e, data), nil
			}
			if err != nil {
				return Event{}, err
			}
			e = Event{} // an event without data is ignored
			r.size = 0
			continue
		}
		switch name, value := splitField(line); name {
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
			return r.finishEvent(e, data), nil
		}
		if err != nil {
			return Event{}, err
		}
	}
}

func (r *Reader) finishEvent(e Event, data []string) Event {
	e.Data = strings.Join(data, "\n")
	e.ID = r.id
	if e.Name == "message" {
		e.Name = ""
	}
	return e
}

// splitField splits a line into name and value, and removes one space after the colon. The name of a
// comment is empty.
func splitField(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ":")
	return name, strings.TrimPrefix(value, " ")
}

// readLine reads up to CR, LF or CRLF. It does not wait for a byte after CR, so that an event is
// returned as soon as it is complete.
func (r *Reader) readLine() (string, error) {
	r.line = r.line[:0]
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return r.lineText(), err
		}
		if b == '\n' && r.afterCR {
			r.afterCR = false
			continue
		}
		r.afterCR = b == '\r'
		if b == '\r' || b == '\n' {
			return r.lineText(), nil
		}
		if r.size++; r.size > r.max {
			return "", &limit.Error{Subject: "an event of the stream", Max: int64(r.max)}
		}
		r.line = append(r.line, b)
	}
}

var byteOrderMark = []byte("\ufeff")

// lineText returns the line without a byte order mark at the start of the stream.
func (r *Reader) lineText() string {
	line := r.line
	if !r.begun {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	r.begun = true
	return string(line)
}
