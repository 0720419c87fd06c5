// SPDX-License-Identifier: AGPL-3.0-or-later

// Package contents finds what a file holds in another form than text that scanners read:
// other encodings of text, archives and documents, and text that YAML writes with escapes.
// Nothing that it finds is larger than its limits, and what it cannot read is an error.
package contents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mholt/archives"
)

// Kind says how a part is held.
type Kind string

// The kinds of parts.
const (
	// Archive: the part is in an archive, or in a document that is one.
	Archive Kind = "archive"
	// Document: the part is the compressed text of a PDF or of an image.
	Document Kind = "document"
	// Encoded: the part is all of the file, in another encoding of text.
	Encoded Kind = "encoding"
	// Scalar: the part is a value of the file without its escapes, or what it encodes.
	Scalar Kind = "scalar"
)

// Part is text that a file holds.
type Part struct {
	Kind Kind
	// Name is that of the file in the archive, behind that of the archive.
	Name string
	Data []byte
	// Line of the file where the part starts, from 1; 0 where there is none.
	Line int
	// Encoding says how the part is encoded, such as UTF-16; empty in archives.
	Encoding string
}

// ErrUnreadable is the error for a file that looks like one that holds text, and cannot be
// read to its end.
var ErrUnreadable = errors.New("it holds text that cannot be read to its end (damaged, encrypted, too large or nested too deeply)")

const (
	// maxDepth is how deep archives are nested in each other.
	maxDepth = 6
	// maxPiece is the longest part, in bytes. A longer one is cut between two lines.
	maxPiece = 8 << 20
	// maxNested is the largest archive in another one.
	maxNested = 32 << 20
	// sniffed is how much of a file tells what it is.
	sniffed = 4096
)

// walk is one walk through a file.
type walk struct {
	ctx   context.Context //nolint:containedctx // a walk ends with it
	left  int64
	yield func(Part) error
}

// Walk yields the parts of a file. Limit bounds what all of them have together, in bytes.
func Walk(ctx context.Context, name string, data []byte, limit int64, yield func(Part) error) error {
	w := &walk{ctx: ctx, left: limit, yield: yield}
	if text, encoding, ok := decodeText(data); ok {
		return w.give(Part{Kind: Encoded, Name: name, Data: text, Line: 1, Encoding: encoding})
	}
	if err := w.binary(name, data, 0); err != nil {
		return err
	}
	if !isBinary(data) {
		return w.scalars(name, data)
	}
	return nil
}

// isBinary reports a file that does not start as text does.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), sniffed)], 0) >= 0 || hasMagic(data)
}

// give yields a part, in pieces if it is long.
func (w *walk) give(p Part) error {
	for first := true; first || len(p.Data) > 0; first = false {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		piece := p
		if len(p.Data) > maxPiece {
			end := bytes.LastIndexByte(p.Data[:maxPiece], '\n') + 1
			if end == 0 {
				end = maxPiece
			}
			piece.Data = p.Data[:end]
		}
		p.Data = p.Data[len(piece.Data):]
		if w.left -= int64(len(piece.Data)); w.left < 0 {
			return ErrUnreadable
		}
		if err := w.yield(piece); err != nil {
			return err
		}
		if p.Line > 0 {
			p.Line += bytes.Count(piece.Data, []byte("\n"))
		}
	}
	return nil
}

// binary looks into archives and documents.
func (w *walk) binary(name string, data []byte, depth int) error {
	switch {
	case depth > maxDepth:
		return ErrUnreadable
	case bytes.HasPrefix(data, []byte("%PDF-")):
		return w.pdf(name, data)
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return w.png(name, data)
	case !hasMagic(data):
		return nil
	}
	format, stream, err := archives.Identify(w.ctx, "", bytes.NewReader(data))
	if errors.Is(err, archives.NoMatch) {
		return nil
	}
	if err != nil {
		return w.failure(err)
	}
	switch f := format.(type) {
	case archives.Extractor:
		err = f.Extract(w.ctx, bytes.NewReader(data), func(_ context.Context, info archives.FileInfo) error { return w.member(name, info, depth) })
	case archives.Decompressor:
		var r io.ReadCloser
		if r, err = f.OpenReader(stream); err == nil {
			err = w.content(strings.TrimSuffix(name, path.Ext(name)), r, depth)
			r.Close()
		}
	}
	return w.failure(err)
}

// magics start the archives that are looked into. Others, which no rule but TruffleHog's
// looks into, are left to it.
var magics = []string{"PK\x03\x04", "\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "%PDF-", pngMagic}

// tarMagic is at this offset of a tar.
const (
	tarMagic  = "ustar"
	tarOffset = 257
)

func hasMagic(data []byte) bool {
	for _, magic := range magics {
		if bytes.HasPrefix(data, []byte(magic)) {
			return true
		}
	}
	return len(data) > tarOffset+len(tarMagic) && string(data[tarOffset:tarOffset+len(tarMagic)]) == tarMagic
}

// failure hides what libraries say, which may quote the file.
func (w *walk) failure(err error) error {
	var own *yieldError
	switch {
	case err == nil:
		return nil
	case w.ctx.Err() != nil:
		return context.Cause(w.ctx)
	case errors.As(err, &own):
		return own
	default:
		return ErrUnreadable
	}
}

// yieldError is an error of the caller's on its way through a library.
type yieldError struct{ error }

func (e *yieldError) Unwrap() error { return e.error }

// member looks into a file of an archive.
func (w *walk) member(name string, info archives.FileInfo, depth int) error {
	if info.IsDir() || !info.Mode().IsRegular() {
		return nil
	}
	r, err := info.Open()
	if err != nil {
		return ErrUnreadable
	}
	defer r.Close()
	return w.content(name+"/"+info.NameInArchive, r, depth)
}

// content reads a file in pieces, or as a whole if it is an archive itself.
func (w *walk) content(name string, r io.Reader, depth int) error {
	buffer := make([]byte, 0, sniffed)
	head, err := io.ReadAll(io.LimitReader(r, sniffed))
	if err != nil {
		return ErrUnreadable
	}
	whole := hasMagic(head) || isOffice(name)
	size := maxPiece
	if whole {
		size = maxNested
	}
	buffer = append(buffer, head...)
	for {
		more, err := io.ReadAll(io.LimitReader(r, int64(size-len(buffer))+1))
		if err != nil {
			return ErrUnreadable
		}
		buffer = append(buffer, more...)
		last := len(buffer) <= size
		if whole {
			if !last {
				return ErrUnreadable
			}
			return w.whole(name, buffer, depth)
		}
		end := len(buffer)
		if !last {
			if end = bytes.LastIndexByte(buffer, '\n') + 1; end == 0 {
				end = len(buffer)
			}
		}
		text, _, ok := decodeText(buffer[:end])
		if !ok {
			text = buffer[:end]
		}
		if err := w.give(Part{Kind: Archive, Name: name, Data: text}); err != nil {
			return &yieldError{err}
		}
		if last {
			return nil
		}
		buffer = append(buffer[:0], buffer[end:]...)
	}
}

// whole looks into an archive in an archive, and into the text of an office document.
func (w *walk) whole(name string, data []byte, depth int) error {
	if isOffice(name) {
		if err := w.give(Part{Kind: Document, Name: name, Data: officeText(data)}); err != nil {
			return &yieldError{err}
		}
		return nil
	}
	if err := w.give(Part{Kind: Archive, Name: name, Data: data}); err != nil {
		return &yieldError{err}
	}
	if err := w.binary(name, data, depth+1); err != nil {
		return &yieldError{err}
	}
	return nil
}

// String is for messages of tests.
func (p Part) String() string { return fmt.Sprintf("%s %s %d %s", p.Kind, p.Name, p.Line, p.Encoding) }
