// SPDX-License-Identifier: AGPL-3.0-or-later

package contents

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/ascii85"
	"encoding/binary"
	"html"
	"io"
	"path"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// isOffice reports the files in an office document that contain its text.
func isOffice(name string) bool {
	dir := path.Base(path.Dir(name))
	return path.Ext(name) == ".xml" &&
		(dir == "word" || dir == "xl" || dir == "worksheets" || dir == "slides" || dir == "notesSlides" ||
			path.Base(name) == "content.xml")
}

var (
	// officeBreak matches the end of a paragraph, a row or a string.
	officeBreak = lazyregexp.New(
		`</(?:w:p|a:p|si|row|text:p|text:h|c|table:table-cell)>|<(?:w:br|w:tab|text:line-break)[^>]*>`,
	)
	officeTag = lazyregexp.New(`<[^<>]*>`)
)

// officeText returns the text of such a file with one line per paragraph. It removes tags
// without a space, because they may split words.
func officeText(data []byte) []byte {
	text := officeBreak.Get().ReplaceAll(data, []byte("\n"))
	return []byte(html.UnescapeString(string(officeTag.Get().ReplaceAll(text, nil))))
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// extractPNG extracts the compressed text chunks of an image.
func (w *walk) extractPNG(ctx context.Context, name string, data []byte) error {
	for rest := data[len(pngMagic):]; len(rest) >= 12; {
		size := int(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		if size < 0 || size > len(rest)-12 {
			return nil // no program reads past the end chunk
		}
		chunk := rest[8 : 8+size]
		rest = rest[12+size:]
		key, value, found := bytes.Cut(chunk, []byte{0})
		if !found || kind != "zTXt" && kind != "iTXt" {
			continue
		}
		if kind == "iTXt" {
			if len(value) < 2 || value[0] == 0 {
				continue // not compressed
			}
			value = value[1:]
			for range 2 { // skip the language and the translated keyword
				_, value, _ = bytes.Cut(value[1:], []byte{0})
				value = append([]byte{0}, value...)
			}
		}
		if len(value) == 0 {
			continue
		}
		text, err := w.inflateStream(value[1:])
		if err != nil {
			return err
		}
		if err := w.yieldPart(ctx,
			Part{Kind: Document, Name: name, Data: append(append(bytes.Clone(key), ": "...), text...)},
		); err != nil {
			return err
		}
	}
	return nil
}

// inflateStream decompresses a stream up to the limit.
func (w *walk) inflateStream(data []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, ErrUnreadable
	}
	limit := min(w.left, maxNested)
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(text)) > limit || err != nil && len(text) == 0 {
		return nil, ErrUnreadable
	}
	return text, nil
}

var (
	pdfStream = []byte("stream")
	pdfEnd    = []byte("endstream")
	pdfFilter = lazyregexp.New(`/Filter\s*(?:\[([^\]]*)\]|/(\w+))`)
	// pdfString matches a literal string, a hexadecimal string, or a text operator.
	pdfString = lazyregexp.New(`\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]+>|T\*|Td|TD|Tj|TJ|'|ET`)
)

// extractPDF extracts the compressed streams of a PDF, both raw and as the text that they draw. A
// stream that it cannot decompress is an error, unless it is an image, because it may contain a
// secret.
func (w *walk) extractPDF(ctx context.Context, name string, data []byte) error {
	if bytes.Contains(data, []byte("/Encrypt")) {
		return ErrUnreadable
	}
	for rest := data; ; {
		i := bytes.Index(rest, pdfStream)
		if i < 0 {
			return nil
		}
		dictionary := rest[bytes.LastIndex(rest[:i], []byte("obj"))+1 : i]
		body := bytes.TrimLeft(rest[i+len(pdfStream):], "\r\n")
		end := bytes.Index(body, pdfEnd)
		if end < 0 {
			return nil
		}
		rest = body[end+len(pdfEnd):]
		text, err := w.inflatePDFStream(string(dictionary), body[:end])
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		if err := w.yieldPart(ctx, Part{Kind: Document, Name: name, Data: text}); err != nil {
			return err
		}
		if drawn := drawnText(text); len(drawn) > 0 {
			if err := w.yieldPart(ctx, Part{Kind: Document, Name: name, Data: drawn}); err != nil {
				return err
			}
		}
	}
}

// inflatePDFStream decompresses a stream. It returns nil for images and uncompressed streams.
func (w *walk) inflatePDFStream(dictionary string, body []byte) ([]byte, error) {
	m := pdfFilter.FindStringSubmatch(dictionary)
	if m == nil {
		return nil, nil
	}
	for _, filter := range strings.Fields(strings.ReplaceAll(m[1]+m[2], "/", " ")) {
		switch filter {
		case "FlateDecode", "Fl":
			plain, err := w.inflateStream(body)
			if err != nil {
				return nil, err
			}
			body = plain
		case "ASCII85Decode", "A85":
			plain := make([]byte, len(body))
			n, _, err := ascii85.Decode(plain, bytes.TrimSuffix(bytes.TrimSpace(body), []byte("~>")), true)
			if err != nil {
				return nil, ErrUnreadable
			}
			body = plain[:n]
		case "DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode":
			return nil, nil
		default:
			return nil, ErrUnreadable
		}
	}
	return body, nil
}

// drawnText joins the strings that a page draws. Each change of position starts a new line.
func drawnText(stream []byte) []byte {
	var out bytes.Buffer
	for _, token := range pdfString.Get().FindAll(stream, -1) {
		switch {
		case token[0] == '(':
			out.WriteString(unescapePDF(string(token[1 : len(token)-1])))
		case token[0] == '<':
			var digits []byte
			for _, b := range token[1 : len(token)-1] {
				if b > ' ' {
					digits = append(digits, b)
				}
			}
			for i := 0; i+1 < len(digits); i += 2 {
				if b := parseHexDigit(digits[i])<<4 | parseHexDigit(digits[i+1]); b >= ' ' {
					out.WriteByte(b)
				}
			}
		case out.Len() > 0 && (token[0] == 'T' && token[1] != 'J' && token[1] != 'j' || token[0] == 'E'):
			out.WriteByte('\n')
		}
	}
	return bytes.TrimSpace(out.Bytes())
}

func parseHexDigit(b byte) byte {
	switch {
	case b >= 'a':
		return b - 'a' + 10
	case b >= 'A':
		return b - 'A' + 10
	}
	return b - '0'
}

var pdfEscapes = strings.NewReplacer(`\(`, "(", `\)`, ")", `\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t")

func unescapePDF(text string) string { return pdfEscapes.Replace(text) }
