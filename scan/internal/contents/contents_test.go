// SPDX-License-Identifier: AGPL-3.0-or-later

package contents

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf16"
)

const (
	limit = 16 << 20
	// mark is the text that every part contains.
	mark = "smtpPassword: Qz7vLp2wRt"
)

// parts returns the parts from a walk and their texts.
func parts(t *testing.T, name string, data []byte) ([]Part, error) {
	t.Helper()
	var list []Part
	err := Walk(t.Context(), name, data, limit, func(p Part) error {
		p.Data = bytes.Clone(p.Data)
		list = append(list, p)
		return nil
	})
	return list, err
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)),
		Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func deflated(text string) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	fmt.Fprint(w, text)
	w.Close()
	return out.String()
}

func utf16Of(order binary.AppendByteOrder, text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func utf32Of(order binary.AppendByteOrder, text string) []byte {
	var out []byte
	for _, r := range text {
		out = order.AppendUint32(out, uint32(r))
	}
	return out
}

func pngOf(kind, chunk string) []byte {
	out := []byte(pngMagic)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)))
	out = append(out, kind+chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(kind+chunk)))
}

// TestWalk: the walk extracts the same text from every form.
func TestWalk(t *testing.T) {
	pdf := "%PDF-1.4\n1 0 obj\n<</Length 9 /Filter /FlateDecode>>\nstream\n" +
		deflated("BT (smtpPassword: ) Tj [(Qz7v) -20 (Lp2wRt)] TJ ET") + "\nendstream\nendobj\n"
	word := `<w:document><w:p><w:r><w:t>smtpPassword: </w:t></w:r><w:r><w:t>Qz7vLp2wRt</w:t></w:r></w:p></w:document>`
	tests := map[string]struct {
		name string
		data []byte
		kind Kind
	}{
		"UTF-16 with a mark":           {"a.env", append([]byte("\xff\xfe"), utf16Of(binary.LittleEndian, mark)...), Encoded},
		"UTF-16, big, with a mark":     {"a.env", append([]byte("\xfe\xff"), utf16Of(binary.BigEndian, mark)...), Encoded},
		"UTF-16 without a mark":        {"a.yml", utf16Of(binary.LittleEndian, mark), Encoded},
		"UTF-16, big, without mark":    {"a.yml", utf16Of(binary.BigEndian, mark), Encoded},
		"UTF-32 with a mark":           {"a.txt", append([]byte("\xff\xfe\x00\x00"), utf32Of(binary.LittleEndian, mark)...), Encoded},
		"UTF-32, big":                  {"a.txt", utf32Of(binary.BigEndian, mark), Encoded},
		"zip":                          {"a.zip", zipOf(t, map[string]string{"b/c.yml": mark}), Archive},
		"zip in a zip":                 {"a.zip", zipOf(t, map[string]string{"b.zip": string(zipOf(t, map[string]string{"c.yml": mark}))}), Archive},
		"UTF-16 in a zip":              {"a.zip", zipOf(t, map[string]string{"c.yml": "\xff\xfe" + string(utf16Of(binary.LittleEndian, mark))}), Archive},
		"gzip":                         {"a.yml.gz", gzipOf(t, []byte(mark)), Archive},
		"tar":                          {"a.tar", tarOf(t, "b.yml", mark), Archive},
		"tar, compressed":              {"a.tar.gz", gzipOf(t, tarOf(t, "b.yml", mark)), Archive},
		"document of a word processor": {"a.docx", zipOf(t, map[string]string{"word/document.xml": word}), Document},
		"spreadsheet":                  {"a.xlsx", zipOf(t, map[string]string{"xl/sharedStrings.xml": "<sst><si><t>" + mark + "</t></si></sst>"}), Document},
		"PDF":                          {"a.pdf", []byte(pdf), Document},
		"text of an image":             {"a.png", pngOf("zTXt", "Comment\x00\x00"+deflated(mark)), Document},
		"escapes":                      {"a.yml", []byte(`x: "smtpP\x61ssword: Qz7vLp2wRt"`), Scalar},
		"continued line":               {"a.yml", []byte("x: \"smtpPassword: Qz7v\\\n  Lp2wRt\""), Scalar},
		"entities":                     {"a.md", []byte("<b>smtpPassword: Qz7vLp2w&#82;t</b>"), Scalar},
		"base64 of URLs":               {"a.txt", []byte(base64.RawURLEncoding.EncodeToString([]byte("??>>" + mark))), Scalar},
		"data URI":                     {"a.yml", []byte("x: data:text/yaml;base64," + base64.StdEncoding.EncodeToString([]byte(mark))), Scalar},
		"archive in a data URI":        {"a.yml", []byte("x: data:application/zip;base64," + base64.StdEncoding.EncodeToString(zipOf(t, map[string]string{"b": mark}))), Archive},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := parts(t, test.name, test.data)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				if p.Kind == test.kind && strings.Contains(string(p.Data), mark) {
					return
				}
			}
			t.Errorf("not in %v", list)
		})
	}
}

// TestNothing: plain files have no parts.
func TestNothing(t *testing.T) {
	for name, data := range map[string]string{
		"nothing": "", "text": "a: b\n", "quotes": "a: \"b\\\"c\"\n", "a slug": "my-workspace-of-claims-for-tests\n",
		"binary": "\x00\x01\x02\x03\x04\x05\x06\x07", "image": string(pngOf("IDAT", "x")), "short": "a\x00",
	} {
		list, err := parts(t, "a.yml", []byte(data))
		if err != nil || len(list) > 0 {
			t.Errorf("%s: %v, error %v", name, list, err)
		}
	}
}

// TestUnreadable: files that cannot be read completely are errors.
func TestUnreadable(t *testing.T) {
	archive := zipOf(t, map[string]string{"b": strings.Repeat(mark, 1000)})
	nested := archive
	for range maxDepth + 2 {
		nested = zipOf(t, map[string]string{"b.zip": string(nested)})
	}
	for name, data := range map[string]string{
		"half a zip":              string(archive[:len(archive)/2]),
		"half a gzip":             string(gzipOf(t, bytes.Repeat([]byte("abcdefgh"), 5000))[:60]),
		"archives without an end": string(nested),
		"a bomb":                  string(gzipOf(t, make([]byte, limit+1))),
		"an encrypted PDF":        "%PDF-1.4\ntrailer <</Encrypt 1 0 R>>",
		"a PDF of another filter": "%PDF-1.4\n1 0 obj<</Filter/LZWDecode>>stream\nx\nendstream",
		"half a stream":           "%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\nx\nendstream",
	} {
		if _, err := parts(t, "a", []byte(data)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestPieces: long text is split between lines without loss.
func TestPieces(t *testing.T) {
	text := strings.Repeat("0123456789abcde\n", maxPiece/16+10)
	list, err := parts(t, "a.gz", gzipOf(t, []byte(text)))
	if err != nil || len(list) != 2 {
		t.Fatalf("%d parts, error %v", len(list), err)
	}
	if string(list[0].Data)+string(list[1].Data) != text {
		t.Error("the pieces are not the whole")
	}
}

func TestErrorsOfTheCaller(t *testing.T) {
	stop := errors.New("stop")
	data := zipOf(t, map[string]string{"b": mark})
	if err := Walk(t.Context(), "a", data, limit, func(Part) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := Walk(ctx, "a", data, limit, func(Part) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("interrupted: error %v", err)
	}
}

// FuzzWalk: the walk respects its limits for any file.
func FuzzWalk(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\nx\nendstream"))
	f.Add(pngOf("iTXt", "a\x00\x01\x00b\x00c\x00x"))
	f.Add([]byte("x: \"\\x61\"\n? [a]\n: &a [*a]\n"))
	f.Add([]byte("\xff\xfe\x00\xd8"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const few = 1 << 20
		total := 0
		err := Walk(t.Context(), "a.yml", data, few, func(p Part) error {
			if total += len(p.Data); len(p.Data) > maxPiece {
				t.Errorf("a part has %d bytes", len(p.Data))
			}
			return nil
		})
		if total > few {
			t.Errorf("%d bytes are yielded", total)
		}
		if err != nil && !errors.Is(err, ErrUnreadable) {
			t.Error(err)
		}
	})
}
