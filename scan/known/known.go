// SPDX-License-Identifier: AGPL-3.0-or-later

// Package known finds values that a target uses, such as those of its Secrets, in the files of
// a release.
//
// It compares digests with a random key that exists only in the process, and so does not store
// the values: a [Set] holds a keyed hash of the start of each value, and an HMAC-SHA-256 of the
// whole value. It finds a value in plain text, in base64, and with JSON or URL escapes, where
// no letter or digit adjoins it. The results of the package do not reveal any part of a value.
package known

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
)

const (
	// Name is the name of the detector and of its only rule.
	Name = "known-value"
	// MinLength is the minimum length of a value to compare, in bytes. Shorter values, such as
	// true, 1 and admin, occur in any file.
	MinLength = 8
	// MinDistinct is the minimum number of different bytes in a value that is compared.
	MinDistinct = 5

	// filterBits is the number of hash bits that the filter checks first.
	filterBits = 16

	// reach is the number of bytes to scan between two checks of the context.
	reach = 1 << 16
)

// valueDigest is the digest of a value.
type valueDigest [sha256.Size]byte

// form is an encoding of values.
type form struct {
	// encoding is the name of the encoding in findings; empty for plain text.
	encoding string
	encode   func(value string) string
}

var forms = []form{
	{"", func(v string) string { return v }},
	{"", escapedJSON},
	{"BASE64", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte(v)) }},
	{
		"BASE64",
		func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte(v + "\n")) },
	}, // as echo writes it
	{"BASE64", func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }},
	{"URL", url.QueryEscape},
	{"URL", url.PathEscape},
}

func escapedJSON(v string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return v
	}
	return strings.Trim(strings.TrimSuffix(out.String(), "\n"), `"`)
}

// Set is a set of values. It implements [scan.Detector].
type Set struct {
	key [sha256.Size]byte
	// base and top parameterize the hash of a window of MinLength bytes. starts maps the hash
	// of the start of each text to the lengths of the texts.
	base, top uint64
	starts    map[uint64][]int
	// filter contains the first bits of the hashes in starts. It rejects most windows.
	filter    [1 << filterBits]bool
	digests   map[valueDigest]string // their encodings
	weak, all int
}

var _ scan.Detector = (*Set)(nil)

// Read parses the values of a file: lines, NAME=value, or the JSON of a Kubernetes Secret or a
// list of Secrets. Errors do not contain any part of a value.
func Read(data []byte) (*Set, error) {
	list, err := parseValues(data)
	if err != nil {
		return nil, err
	}
	s := &Set{starts: map[uint64][]int{}, digests: map[valueDigest]string{}, all: len(list)}
	rand.Read(s.key[:]) // never fails
	var base [8]byte
	rand.Read(base[:])
	s.base = binary.LittleEndian.Uint64(base[:]) | 1
	s.top = 1
	for range MinLength - 1 {
		s.top *= s.base
	}
	for _, e := range list {
		if !s.addEntry(e) {
			s.weak++
		}
	}
	return s, nil
}

// Count returns the number of values, and how many of them are too short or too simple to
// compare.
func (s *Set) Count() (all, weak int) { return s.all, s.weak }

// addEntry adds a value. It returns false if the value is too short or too simple to compare.
func (s *Set) addEntry(texts entry) bool {
	strong := false
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if !isStrong(text) {
			continue
		}
		strong = true
		for _, f := range forms {
			s.addText(f.encode(text), f.encoding)
		}
	}
	return strong
}

func isStrong(text string) bool {
	distinct := map[byte]bool{}
	for _, c := range []byte(text) {
		distinct[c] = true
	}
	return len(text) >= MinLength && len(distinct) >= MinDistinct
}

func (s *Set) addText(text, encoding string) {
	sum := s.digestText([]byte(text))
	if _, known := s.digests[sum]; known {
		return
	}
	s.digests[sum] = encoding
	start := s.hashWindow([]byte(text)[:MinLength])
	s.filter[start>>(64-filterBits)] = true
	if !slices.Contains(s.starts[start], len(text)) {
		s.starts[start] = append(s.starts[start], len(text))
		slices.SortFunc(s.starts[start], func(a, b int) int { return b - a })
	}
}

func (s *Set) digestText(text []byte) (sum valueDigest) {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(text)
	mac.Sum(sum[:0])
	return sum
}

// hashWindow returns the polynomial hash of a window of MinLength bytes.
func (s *Set) hashWindow(window []byte) (h uint64) {
	for _, c := range window {
		h = h*s.base + uint64(c) + 1
	}
	return h
}

// Describe implements [scan.Detector]. The digest of the rules does not cover the values,
// because release manifests contain it.
func (s *Set) Describe() release.Scanner {
	return release.Scanner{Name: Name, Version: "1", Detectors: 1, Rules: digest.FromString(Name)}
}

// Scan implements [scan.Detector].
func (s *Set) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	result := scan.Result{Bytes: int64(len(f.Data))}
	if len(f.Data) < MinLength || len(s.digests) == 0 {
		return result, nil
	}
	line := 1
	lineStart := 0
	counted := 0
	h := s.hashWindow(f.Data[:MinLength])
	for at := 0; ; {
		if at%reach == 0 && ctx.Err() != nil {
			return scan.Result{}, context.Cause(ctx)
		}
		next := at + 1
		if length, encoding := s.valueAt(f.Data, at, h); length > 0 {
			line += bytes.Count(f.Data[counted:at], []byte("\n"))
			if i := bytes.LastIndexByte(f.Data[counted:at], '\n'); i >= 0 {
				lineStart = counted + i + 1
			}
			counted = at
			result.Matches = append(result.Matches, newMatch(string(f.Data[at:at+length]), encoding, line, at-lineStart+1))
			next = at + length
		}
		if next+MinLength > len(f.Data) {
			return result, nil
		}
		if next == at+1 {
			h = (h-(uint64(f.Data[at])+1)*s.top)*s.base + uint64(f.Data[at+MinLength]) + 1
		} else {
			h = s.hashWindow(f.Data[next : next+MinLength])
		}
		at = next
	}
}

// valueAt returns the length and encoding of the longest value at an offset, or 0 if there is none.
func (s *Set) valueAt(data []byte, offset int, h uint64) (length int, encoding string) {
	if !s.filter[h>>(64-filterBits)] {
		return 0, ""
	}
	for _, n := range s.starts[h] {
		end := offset + n
		if end > len(data) || continuesWord(data, offset) || continuesWord(data, end) {
			continue
		}
		if encoding, known := s.digests[s.digestText(data[offset:end])]; known {
			return n, encoding
		}
	}
	return 0, ""
}

// continuesWord reports whether the characters on both sides of an offset belong to one word.
func continuesWord(data []byte, offset int) bool {
	return offset > 0 && offset < len(data) && isWord(data[offset-1]) && isWord(data[offset])
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func newMatch(text, encoding string, line, column int) scan.Match {
	return scan.Match{
		Rule:         Name,
		Secret:       secret.New(text),
		Line:         line,
		Column:       column,
		Encoding:     encoding,
		Verification: scan.Live,
		Hidden:       true,
		Reason:       "value that the target uses",
		Help: "revoke it and give the target another one; declare a workspace secret in its place and reference it " +
			"as {{secret.name}}",
	}
}
