// SPDX-License-Identifier: AGPL-3.0-or-later

// Package contents extracts the text that a file contains in a form other than plain text:
// other character encodings, archives and documents, and YAML scalars with escapes. It limits
// the size of everything that it extracts, and returns an error for content that it cannot
// read.
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

// Kind is the kind of container of a part.
type Kind string

// The kinds of parts.
const (
	// Archive: the part is in an archive, or in a document format based on one.
	Archive Kind = "archive"
	// Document: the part is compressed text in a PDF or an image.
	Document Kind = "document"
	// Encoded: the part is the complete file in another character encoding.
	Encoded Kind = "encoding"
	// Scalar: the part is a value of the file, unescaped or decoded.
	Scalar Kind = "scalar"
)

// Part is text extracted from a file.
type Part struct {
	Kind Kind
	// Name is the name of the archive followed by that of the file in it.
	Name string
	Data []byte
	// Line is the line of the file where the part starts, from 1; 0 if it is unknown.
	Line int
	// Encoding is the encoding of the part, such as UTF-16; empty in archives.
	Encoding string
}

// ErrUnreadable is returned for a file that appears to contain text but cannot be read
// completely.
var ErrUnreadable = errors.New(
	"it holds text that cannot be read to its end (damaged, encrypted, too large or nested too deeply)",
)

const (
	// maxDepth limits the nesting of archives.
	maxDepth = 6
	// maxPiece is the maximum size of a part, in bytes. Longer parts are split between two
	// lines.
	maxPiece = 8 << 20
	// maxNested is the maximum size of a nested archive, in bytes.
	maxNested = 32 << 20
	// sniffed is the number of leading bytes that determine the type of a file.
	sniffed = 4096
)

// walk is the state of one call to Walk.
type walk struct {
	left  int64
	yield func(Part) error
}

// Walk yields the parts of a file. Limit is the maximum total size of the parts, in bytes.
func Walk(ctx context.Context, name string, data []byte, limit int64, yield func(Part) error) error {
	w := &walk{left: limit, yield: yield}
	if text, encoding, ok := decodeText(data); ok {
		return w.yieldPart(ctx, Part{Kind: Encoded, Name: name, Data: text, Line: 1, Encoding: encoding})
	}
	if err := w.extractBinary(ctx, name, data, 0); err != nil {
		return err
	}
	if !isBinary(data) {
		return w.extractScalars(ctx, name, data)
	}
	return nil
}

// isBinary reports a file that does not start like text.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), sniffed)], 0) >= 0 || hasMagic(data)
}

// yieldPart yields a part, and splits it if it is long.
func (w *walk) yieldPart(ctx context.Context, p Part) error {
	for first := true; first || len(p.Data) > 0; first = false {
		if ctx.Err() != nil {
			return context.Cause(ctx)
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

// extractBinary extracts the parts of archives and documents.
func (w *walk) extractBinary(ctx context.Context, name string, data []byte, depth int) error {
	switch {
	case depth > maxDepth:
		return ErrUnreadable
	case bytes.HasPrefix(data, []byte("%PDF-")):
		return w.extractPDF(ctx, name, data)
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return w.extractPNG(ctx, name, data)
	case !hasMagic(data):
		return nil
	}
	format, stream, err := archives.Identify(ctx, "", bytes.NewReader(data))
	if errors.Is(err, archives.NoMatch) {
		return nil
	}
	if err != nil {
		return w.explainFailure(ctx, err)
	}
	switch f := format.(type) {
	case archives.Extractor:
		err = f.Extract(
			ctx,
			bytes.NewReader(data),
			func(ctx context.Context, info archives.FileInfo) error {
				return w.extractMember(ctx, name, info, depth)
			},
		)
	case archives.Decompressor:
		var r io.ReadCloser
		if r, err = f.OpenReader(stream); err == nil {
			err = w.extractContent(ctx, strings.TrimSuffix(name, path.Ext(name)), r, depth)
			r.Close()
		}
	}
	return w.explainFailure(ctx, err)
}

// magics are the signatures of the supported archives. Only TruffleHog has rules for other
// archives, and unpacks those itself.
var magics = []string{
	"PK\x03\x04",
	"\x1f\x8b",
	"BZh",
	"\xfd7zXZ\x00",
	"\x28\xb5\x2f\xfd",
	"7z\xbc\xaf\x27\x1c",
	"Rar!\x1a\x07",
	"%PDF-",
	pngMagic,
}

// tarMagic is the signature of a tar, at this offset.
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

// explainFailure replaces the errors of libraries, which may quote the file.
func (w *walk) explainFailure(ctx context.Context, err error) error {
	var own *yieldError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &own):
		return own
	default:
		return ErrUnreadable
	}
}

// yieldError marks an error from the caller's yield function while it passes through a library.
type yieldError struct{ error }

func (e *yieldError) Unwrap() error { return e.error }

// extractMember extracts the parts of a file in an archive.
func (w *walk) extractMember(ctx context.Context, name string, info archives.FileInfo, depth int) error {
	if info.IsDir() || !info.Mode().IsRegular() {
		return nil
	}
	r, err := info.Open()
	if err != nil {
		return ErrUnreadable
	}
	defer r.Close()
	return w.extractContent(ctx, name+"/"+info.NameInArchive, r, depth)
}

// extractContent reads a file in pieces, or completely if it is an archive itself.
func (w *walk) extractContent(ctx context.Context, name string, r io.Reader, depth int) error {
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
			return w.extractNested(ctx, name, buffer, depth)
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
		if err := w.yieldPart(ctx, Part{Kind: Archive, Name: name, Data: text}); err != nil {
			return &yieldError{err}
		}
		if last {
			return nil
		}
		buffer = append(buffer[:0], buffer[end:]...)
	}
}

// extractNested extracts the parts of a nested archive, or the text of an office document.
func (w *walk) extractNested(ctx context.Context, name string, data []byte, depth int) error {
	if isOffice(name) {
		if err := w.yieldPart(ctx, Part{Kind: Document, Name: name, Data: officeText(data)}); err != nil {
			return &yieldError{err}
		}
		return nil
	}
	if err := w.yieldPart(ctx, Part{Kind: Archive, Name: name, Data: data}); err != nil {
		return &yieldError{err}
	}
	if err := w.extractBinary(ctx, name, data, depth+1); err != nil {
		return &yieldError{err}
	}
	return nil
}

// String formats the part for test messages.
func (p Part) String() string { return fmt.Sprintf("%s %s %d %s", p.Kind, p.Name, p.Line, p.Encoding) }
