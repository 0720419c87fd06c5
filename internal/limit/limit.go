// SPDX-License-Identifier: Apache-2.0

// Package limit bounds what a program reads. Every function fails with an [*Error] once
// there is more than its limit; none of them passes a cut-off beginning off as the whole,
// as an [io.LimitedReader] does.
package limit

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Error reports that something holds more than a limit.
type Error struct {
	// Subject is what is too large, such as the name of a file; it may be empty.
	Subject string
	// Unit is what is counted, such as "files"; empty for bytes.
	Unit string
	Max  int64
	// Advice says what to do; it may be empty.
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

// Is reports whether target is an [*Error] that says the same, for [errors.Is].
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && *other == *e
}

// Reader reads from R and returns Err, not [io.EOF], once R holds more than Left bytes.
// The bytes within the limit are all returned before.
type Reader struct {
	R io.Reader
	// Left counts the bytes that may still be read. It is negative after the limit was exceeded.
	Left int64
	Err  error
}

// NewReader returns a reader that fails with an [*Error] about subject after limit bytes.
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

// Exceeded reports whether there was more than the limit.
func (r *Reader) Exceeded() bool { return r.Left < 0 }

// ReadAll reads r to its end. More than limit bytes are an [*Error] about subject.
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

// ReadAndClose reads an open file of at most limit bytes and closes it. Errors name the
// file as name.
func ReadAndClose(file fs.File, name string, limit int64) ([]byte, error) {
	defer file.Close()
	return ReadAll(file, name, limit)
}

// Buffer is a writer that keeps at most Max bytes; a write over that fails with an
// [*Error] about Subject. It has no other method of [bytes.Buffer] to go around the limit.
type Buffer struct {
	Subject string
	Max     int64
	kept    bytes.Buffer
}

// Write implements [io.Writer]. It keeps nothing of a write that is over the limit.
func (b *Buffer) Write(p []byte) (int, error) {
	if int64(b.kept.Len()+len(p)) > b.Max {
		return 0, &Error{Subject: b.Subject, Max: b.Max}
	}
	return b.kept.Write(p)
}

// Bytes returns what was written.
func (b *Buffer) Bytes() []byte { return b.kept.Bytes() }
