// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxSecrets is the maximum number of secrets that a [Redactor] searches for.
const maxSecrets = 1000

// ErrTooManySecrets is returned by [Redactor.Learn]. The caller must not show any of the texts.
var ErrTooManySecrets = fmt.Errorf("more than %d different secrets", maxSecrets)

// ErrNotPlain is returned by [Redactor.Learn] for a file with a secret that is not in plain
// text, such as an encoded one. Redact cannot hide it, so the caller must not show the file.
var ErrNotPlain = errors.New("it holds a secret that is not in plain text")

// Redactor hides the secrets of files in displayed texts. The caller passes all files to Learn
// first, because a secret may be recognizable in only one of the files that contain it. A
// Redactor is not safe for concurrent use.
type Redactor struct {
	scanner *Scanner
	numbers map[string]int
}

// NewRedactor returns a redactor without secrets. It ignores the exclusions of the policy.
func (s *Scanner) NewRedactor() *Redactor {
	return &Redactor{scanner: s, numbers: map[string]int{}}
}

// Learn collects the secrets of a file. If it returns an error, the caller must not show the
// file.
func (r *Redactor) Learn(ctx context.Context, f File) error {
	data, _ := blankChecksums(f)
	all, err := r.scanner.runDetectors(ctx, File{Path: f.Path, Data: data})
	if err != nil {
		return err
	}
	plain := true
	for _, s := range all.sightings {
		r.addSecret(s.Secret)
		plain = plain && s.Encoding == "" && !s.Inside && strings.Contains(string(data), s.Secret.Reveal())
	}
	switch {
	case len(r.numbers) > maxSecrets:
		return ErrTooManySecrets
	case !plain:
		return ErrNotPlain
	}
	return nil
}

func (r *Redactor) addSecret(s secret.Value) {
	if _, known := r.numbers[s.Reveal()]; !known && !s.Empty() {
		r.numbers[s.Reveal()] = len(r.numbers) + 1
	}
}

// span is the position of a secret in a text.
type span struct{ start, end, number int }

// Redact returns text with every known secret replaced by *** and a number. A secret keeps its
// number, so that readers can see whether it has changed.
func (r *Redactor) Redact(text string) string {
	spans := r.findSpans(text)
	if len(spans) == 0 {
		return text
	}
	var out strings.Builder
	end := 0
	for _, s := range spans {
		if s.start >= end {
			fmt.Fprintf(&out, "%s%s%d", text[end:s.start], secret.Mask, s.number)
		}
		end = max(end, s.end) // merge overlapping secrets, so that each is hidden completely
	}
	out.WriteString(text[end:])
	return out.String()
}

// findSpans returns the positions of secrets in order. Of those with the same start, the longest
// comes first.
func (r *Redactor) findSpans(text string) []span {
	var list []span
	for plain, number := range r.numbers {
		for from := 0; ; {
			i := strings.Index(text[from:], plain)
			if i < 0 {
				break
			}
			from += i
			list = append(list, span{from, from + len(plain), number})
			from += len(plain)
		}
	}
	slices.SortFunc(list, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	return list
}

// WithoutChecksums returns the content of a file in which spaces replace the checksums that the
// platform writes into .import.yml. They are redundant, because they follow from other files.
func WithoutChecksums(f File) []byte {
	data, _ := blankChecksums(f)
	return data
}
