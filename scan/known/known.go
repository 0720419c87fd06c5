// SPDX-License-Identifier: AGPL-3.0-or-later

// Package known finds the values that a target uses, such as those of its Secrets, in the
// files of a release.
//
// Values are compared by digests with a random key that lives as long as the process, so
// that they are kept nowhere: a [Set] holds a keyed hash of the start of each value, and an
// HMAC-SHA-256 of all of it. A value in a file is found in plain text, in base64 and with the
// escapes of JSON and URLs, wherever it stands between characters that are not letters or
// digits. Nothing that the package returns shows a part of a value.
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
	// Name is that of the detector and of its only rule.
	Name = "known-value"
	// MinLength is the length of the shortest value that is compared, in bytes. Shorter ones,
	// such as true, 1 and admin, are words of any file.
	MinLength = 8
	// MinDistinct is the minimum number of different bytes in a value that is compared.
	MinDistinct = 5

	// filterBits are the bits of a hash that are looked at first.
	filterBits = 16

	// reach is how many bytes are scanned between two looks at the context.
	reach = 1 << 16
)

// digestOf is the digest of a value.
type digestOf [sha256.Size]byte

// form is a way in which values are written.
type form struct {
	// encoding is what a finding says of it; empty for plain text.
	encoding string
	encode   func(value string) string
}

var forms = []form{
	{"", func(v string) string { return v }},
	{"", escapedJSON},
	{"BASE64", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte(v)) }},
	{"BASE64", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte(v + "\n")) }}, // of echo
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

// Set is a set of values. It is a detector.
type Set struct {
	key [sha256.Size]byte
	// base and top are those of the hash over a window of MinLength bytes, and starts are its
	// values for the starts of the texts, with the lengths of those.
	base, top uint64
	starts    map[uint64][]int
	// filter has the first bits of the hashes in starts: most windows are in none.
	filter    [1 << filterBits]bool
	digests   map[digestOf]string // and how they are encoded
	weak, all int
}

var _ scan.Detector = (*Set)(nil)

// Read reads the values of a file: lines, NAME=value, or the JSON of a Secret of Kubernetes
// or of a list of them. Errors have no part of a value in them.
func Read(data []byte) (*Set, error) {
	list, err := parse(data)
	if err != nil {
		return nil, err
	}
	s := &Set{starts: map[uint64][]int{}, digests: map[digestOf]string{}, all: len(list)}
	rand.Read(s.key[:]) // it never fails
	var base [8]byte
	rand.Read(base[:])
	s.base = binary.LittleEndian.Uint64(base[:]) | 1
	s.top = 1
	for range MinLength - 1 {
		s.top *= s.base
	}
	for _, e := range list {
		if !s.add(e) {
			s.weak++
		}
	}
	return s, nil
}

// Count returns how many values there are, and how many of them are too short or too simple
// to be compared.
func (s *Set) Count() (all, weak int) { return s.all, s.weak }

// add adds a value, unless it is a word of any file.
func (s *Set) add(texts entry) bool {
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
	sum := s.digest([]byte(text))
	if _, known := s.digests[sum]; known {
		return
	}
	s.digests[sum] = encoding
	start := s.hash([]byte(text)[:MinLength])
	s.filter[start>>(64-filterBits)] = true
	if !slices.Contains(s.starts[start], len(text)) {
		s.starts[start] = append(s.starts[start], len(text))
		slices.SortFunc(s.starts[start], func(a, b int) int { return b - a })
	}
}

func (s *Set) digest(text []byte) (sum digestOf) {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(text)
	mac.Sum(sum[:0])
	return sum
}

// hash is a polynomial in base of a window of MinLength bytes.
func (s *Set) hash(window []byte) (h uint64) {
	for _, c := range window {
		h = h*s.base + uint64(c) + 1
	}
	return h
}

// Describe names the detector. The values are not part of the digest of its rules: it stands
// in release manifests.
func (s *Set) Describe() release.Scanner {
	return release.Scanner{Name: Name, Version: "1", Detectors: 1, Rules: digest.FromString(Name)}
}

// Scan looks for the values in a file.
func (s *Set) Scan(ctx context.Context, f scan.File) (scan.Result, error) {
	result := scan.Result{Bytes: int64(len(f.Data))}
	if len(f.Data) < MinLength || len(s.digests) == 0 {
		return result, nil
	}
	line, lineStart, counted := 1, 0, 0
	h := s.hash(f.Data[:MinLength])
	for at := 0; ; {
		if at%reach == 0 && ctx.Err() != nil {
			return scan.Result{}, context.Cause(ctx)
		}
		next := at + 1
		if length, encoding := s.at(f.Data, at, h); length > 0 {
			line += bytes.Count(f.Data[counted:at], []byte("\n"))
			if i := bytes.LastIndexByte(f.Data[counted:at], '\n'); i >= 0 {
				lineStart = counted + i + 1
			}
			counted = at
			result.Matches = append(result.Matches, match(string(f.Data[at:at+length]), encoding, line, at-lineStart+1))
			next = at + length
		}
		if next+MinLength > len(f.Data) {
			return result, nil
		}
		if next == at+1 {
			h = (h-(uint64(f.Data[at])+1)*s.top)*s.base + uint64(f.Data[at+MinLength]) + 1
		} else {
			h = s.hash(f.Data[next : next+MinLength])
		}
		at = next
	}
}

// at returns the length of the longest value that stands at an offset, 0 if there is none.
func (s *Set) at(data []byte, offset int, h uint64) (length int, encoding string) {
	if !s.filter[h>>(64-filterBits)] {
		return 0, ""
	}
	for _, n := range s.starts[h] {
		end := offset + n
		if end > len(data) || continues(data, offset) || continues(data, end) {
			continue
		}
		if encoding, known := s.digests[s.digest(data[offset:end])]; known {
			return n, encoding
		}
	}
	return 0, ""
}

// continues reports whether a word goes on over an offset.
func continues(data []byte, offset int) bool {
	return offset > 0 && offset < len(data) && isWord(data[offset-1]) && isWord(data[offset])
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func match(text, encoding string, line, column int) scan.Match {
	return scan.Match{
		Rule: Name, Secret: secret.New(text), Line: line, Column: column, Encoding: encoding, Verification: scan.Live, Hidden: true,
		Reason: "a value that the target uses stands here",
		Help:   "revoke it and give the target another one; declare a workspace secret in its place and reference it as {{secret.name}}",
	}
}
