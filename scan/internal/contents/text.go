// SPDX-License-Identifier: AGPL-3.0-or-later

package contents

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"html"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/scan/internal/runs"
)

// decodeText converts UTF-16 and UTF-32, with or without a byte order mark, to UTF-8.
func decodeText(data []byte) (text []byte, encoding string, ok bool) {
	zeros := bytes.IndexByte(data[:min(len(data), sniffed)], 0) >= 0
	for _, e := range encodings {
		if e.mark == "" && !zeros {
			break // the remaining encodings have a byte order mark
		}
		if len(data) < e.width || len(data)%e.width != 0 {
			continue
		}
		if e.mark != "" && bytes.HasPrefix(data, []byte(e.mark)) || e.mark == "" && e.fitsStart(data) {
			return e.decodeText(data), e.name, true
		}
	}
	return nil, "", false
}

// textEncoding describes a character encoding.
type textEncoding struct {
	name  string
	mark  string
	width int
	order binary.ByteOrder
}

// encodings with a byte order mark come first, and longer marks before their prefixes.
var encodings = []textEncoding{
	{"UTF-32", "\xff\xfe\x00\x00", 4, binary.LittleEndian}, {"UTF-32", "\x00\x00\xfe\xff", 4, binary.BigEndian},
	{"UTF-16", "\xff\xfe", 2, binary.LittleEndian}, {"UTF-16", "\xfe\xff", 2, binary.BigEndian},
	{"UTF-32", "", 4, binary.LittleEndian}, {"UTF-32", "", 4, binary.BigEndian},
	{"UTF-16", "", 2, binary.LittleEndian}, {"UTF-16", "", 2, binary.BigEndian},
}

func (e textEncoding) decodeUnit(data []byte) rune {
	if e.width == 4 {
		return rune(e.order.Uint32(data))
	}
	return rune(e.order.Uint16(data))
}

// fitsStart reports whether the start of a file is valid in this encoding and mostly ASCII.
func (e textEncoding) fitsStart(data []byte) bool {
	head := data[:min(len(data), sniffed)]
	units := 0
	ascii := 0
	for i := 0; i+e.width <= len(head); i += e.width {
		units++
		if r := e.decodeUnit(head[i:]); r == '\n' || r == '\r' || r == '\t' || r >= ' ' && r < 0x7f {
			ascii++
		} else if r < ' ' || r > unicode.MaxRune {
			return false
		}
	}
	return units >= 4 && ascii*10 >= units*7
}

func (e textEncoding) decodeText(data []byte) []byte {
	data = data[len(e.mark):]
	out := make([]byte, 0, len(data)/e.width+utf8.UTFMax)
	for i := 0; i+e.width <= len(data); i += e.width {
		r := e.decodeUnit(data[i:])
		if e.width == 2 && utf16.IsSurrogate(r) && i+4 <= len(data) {
			r = utf16.DecodeRune(r, e.decodeUnit(data[i+2:]))
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

const (
	// maxScalars limits the number of unescaped values per file.
	maxScalars = 10_000
	// maxYAML is the maximum size of a file whose values are unescaped, in bytes.
	maxYAML = 8 << 20
	// minRun is the minimum length of base64.
	minRun = 24
)

// extractScalars yields values that do not appear verbatim in the file: those with escapes, over
// several lines, with HTML entities, or in the URL alphabet of base64.
func (w *walk) extractScalars(ctx context.Context, name string, data []byte) error {
	if err := w.extractLines(ctx, name, data); err != nil {
		return err
	}
	if len(data) > maxYAML || !hasEscapes(data) {
		return nil
	}
	for _, doc := range parseYAML(data) {
		count := 0
		if err := w.extractNode(ctx, name, data, doc, &count, 0); err != nil {
			return err
		}
	}
	return nil
}

// hasEscapes reports whether the data may contain YAML escapes that hide a character.
func hasEscapes(data []byte) bool {
	for rest := data; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 == len(rest) {
			return false
		}
		if rest = rest[i+1:]; strings.IndexByte("xuU\n\r/", rest[0]) >= 0 {
			return true
		}
	}
}

func parseYAML(data []byte) (docs []*yaml.Node) {
	defer func() { recover() }() // the parser may panic; the file is scanned as text in any case
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := new(yaml.Node)
		if dec.Decode(doc) != nil {
			return docs
		}
		docs = append(docs, doc)
	}
}

func (w *walk) extractNode(ctx context.Context, name string, data []byte, n *yaml.Node, count *int, depth int) error {
	if n.Kind == yaml.AliasNode || depth > 10_000 {
		return nil
	}
	for i, child := range n.Content {
		key := ""
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			key = n.Content[i-1].Value + ": "
		}
		if child.Kind == yaml.ScalarNode && child.Style&yaml.DoubleQuotedStyle != 0 &&
			!bytes.Contains(data, []byte(child.Value)) {
			if *count++; *count > maxScalars {
				return ErrUnreadable
			}
			if err := w.yieldPart(ctx,
				Part{Kind: Scalar, Name: name, Data: []byte(key + child.Value), Line: child.Line, Encoding: "escapes"},
			); err != nil {
				return err
			}
		}
		if err := w.extractNode(ctx, name, data, child, count, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// extractLines yields the encoded content of lines: HTML entities, base64 in the URL alphabet, and the
// data of data URIs.
func (w *walk) extractLines(ctx context.Context, name string, data []byte) error {
	if bytes.Contains(data, []byte("&#")) {
		if err := w.extractEntities(ctx, name, data); err != nil {
			return err
		}
	}
	count := 0
	for start, end := range runs.In(data, minRun) {
		if count++; count%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run := data[start:end]
		if !bytes.ContainsAny(run, "-_") && !bytes.HasSuffix(data[:start], []byte(";base64,")) {
			continue
		}
		if plain, ok := decodeBase64(run); ok {
			if err := w.extractRun(ctx, name, plain, 1+bytes.Count(data[:start], []byte("\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) extractEntities(ctx context.Context, name string, data []byte) error {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if plain := html.UnescapeString(string(line)); bytes.Contains(line, []byte("&#")) && plain != string(line) {
			part := Part{Kind: Scalar, Name: name, Data: []byte(plain), Line: number, Encoding: "HTML"}
			if err := w.yieldPart(ctx, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// extractRun yields the decoded content of a run if it is text or contains text.
func (w *walk) extractRun(ctx context.Context, name string, plain []byte, number int) error {
	if hasMagic(plain) {
		return w.extractBinary(ctx, name, plain, 1)
	}
	if !utf8.Valid(plain) ||
		bytes.ContainsFunc(plain, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) {
		return nil
	}
	return w.yieldPart(ctx, Part{Kind: Scalar, Name: name, Data: plain, Line: number, Encoding: "BASE64"})
}

// standardAlphabet replaces the characters of the URL alphabet with those of the standard one.
var standardAlphabet = strings.NewReplacer("-", "+", "_", "/")

// decodeBase64 decodes base64 in either alphabet. It checks the start of a run first, because most
// runs are not base64.
func decodeBase64(run []byte) ([]byte, bool) {
	bare := standardAlphabet.Replace(string(run))
	head, err := base64.RawStdEncoding.DecodeString(bare[:16])
	if err != nil ||
		!hasMagic(head) &&
			bytes.ContainsFunc(
				head[:8],
				func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) },
			) {
		return nil, false
	}
	plain, err := base64.RawStdEncoding.DecodeString(bare)
	return plain, err == nil
}
