// SPDX-License-Identifier: Apache-2.0

// Package limit bounds how much a program reads. Unlike an [io.LimitedReader], which ends with
// io.EOF and so makes truncated input look complete, everything in this package returns an
// [*Error] if the limit is exceeded.
package limit

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Error reports that a limit was exceeded.
type Error struct {
	// Subject names what is too large, such as a file; it may be empty.
	Subject string
	// Unit is the unit of Max, such as "files"; empty for bytes.
	Unit string
	Max  int64
	// Advice tells the user what to do; it may be empty.
	Advice string
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("larger than %d bytes", e.Max)
	verb := " is "
	if e.Unit != "" {
		text = fmt.Sprintf("more than %d %s", e.Max, e.Unit)
		verb = " has "
	}
	if e.Subject != "" {
		text = e.Subject + verb + text
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Is reports whether target is an equal [*Error], for [errors.Is].
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && *other == *e
}

// Reader reads up to Left bytes from R, and then returns Err, not [io.EOF], if R has more.
type Reader struct {
	R io.Reader
	// Left counts the bytes that may still be read. It is negative after the limit was exceeded.
	Left int64
	Err  error
}

// NewReader returns a reader that returns an [*Error] about subject after limit bytes.
func NewReader(r io.Reader, subject string, limit int64) *Reader {
	return &Reader{R: r, Left: limit, Err: &Error{Subject: subject, Max: limit}}
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if r.Left < 0 {
		return 0, r.Err
	}
	if int64(len(p))-1 > r.Left {
		p = p[:r.Left+1]
	}
	n, err := r.R.Read(p)
	within := int(min(int64(n), r.Left))
	if r.Left -= int64(n); r.Left < 0 {
		return within, r.Err
	}
	return n, err
}

// Exceeded reports whether the limit was exceeded.
func (r *Reader) Exceeded() bool { return r.Left < 0 }

// ReadAll reads all of r. It returns an [*Error] about subject if r has more than limit bytes.
func ReadAll(r io.Reader, subject string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(NewReader(r, subject, limit))
	if err != nil {
		return nil, err
	}
	return data, nil
}

// ReadFile reads a file of at most limit bytes. Errors name the file.
func ReadFile(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return ReadAndClose(file, name, limit)
}

// ReadAndClose reads an open file of at most limit bytes and closes it. Errors contain name.
func ReadAndClose(file fs.File, name string, limit int64) ([]byte, error) {
	defer file.Close()
	return ReadAll(file, name, limit)
}

// Buffer is a [bytes.Buffer] of at most Max bytes. It does not embed the buffer, whose other
// methods would bypass the limit.
type Buffer struct {
	Subject string
	Max     int64
	buf     bytes.Buffer
}

// Write implements [io.Writer]. It writes nothing and returns an [*Error] if p does not fit.
func (b *Buffer) Write(p []byte) (int, error) {
	if int64(b.buf.Len()+len(p)) > b.Max {
		return 0, &Error{Subject: b.Subject, Max: b.Max}
	}
	return b.buf.Write(p)
}

// Bytes returns the written bytes.
func (b *Buffer) Bytes() []byte { return b.buf.Bytes() }
