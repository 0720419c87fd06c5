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

// maxSecrets bounds how many secrets a [Redactor] looks for in every text.
const maxSecrets = 1000

// ErrTooManySecrets is returned by [Redactor.Learn]: none of the texts may be shown.
var ErrTooManySecrets = fmt.Errorf("more than %d different secrets", maxSecrets)

// ErrNotPlain is returned by [Redactor.Learn] for a file that holds a secret in another
// form than in plain text, such as encoded. It cannot be hidden in there: the file must
// not be shown.
var ErrNotPlain = errors.New("it holds a secret that is not in plain text")

// Redactor hides the secrets of files in texts that are shown. It first learns them
// from all files, because a secret may stand in one of them where it is recognised,
// and in another where it is not. It is for one goroutine.
type Redactor struct {
	scanner *Scanner
	numbers map[string]int
}

// NewRedactor returns a redactor that has learnt nothing. The paths that the policy
// excludes from the scan are not excluded here.
func (s *Scanner) NewRedactor() *Redactor {
	return &Redactor{scanner: s, numbers: map[string]int{}}
}

// Learn remembers the secrets of a file. With an error, the file must not be shown.
func (r *Redactor) Learn(ctx context.Context, f File) error {
	data, _ := blankChecksums(f)
	all, err := r.scanner.look(ctx, File{Path: f.Path, Data: data})
	if err != nil {
		return err
	}
	plain := true
	for _, s := range all.sightings {
		r.learn(s.Secret)
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

func (r *Redactor) learn(s secret.Value) {
	if _, known := r.numbers[s.Reveal()]; !known && !s.Empty() {
		r.numbers[s.Reveal()] = len(r.numbers) + 1
	}
}

// span is a part of a text that is a secret.
type span struct{ start, end, number int }

// Redact returns text with every secret that was learnt replaced by *** and a number.
// The same number is the same secret, so that a text shows whether it has changed.
func (r *Redactor) Redact(text string) string {
	spans := r.spans(text)
	if len(spans) == 0 {
		return text
	}
	var out strings.Builder
	end := 0
	for _, s := range spans {
		if s.start >= end {
			fmt.Fprintf(&out, "%s%s%d", text[end:s.start], secret.Mask, s.number)
		}
		end = max(end, s.end) // secrets may overlap: all of each is hidden
	}
	out.WriteString(text[end:])
	return out.String()
}

// spans returns where secrets stand, in order; of those with one start, the longest first.
func (r *Redactor) spans(text string) []span {
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

// WithoutChecksums returns the content of a file with spaces in the place of the checksums
// that the platform writes into .import.yml, which say nothing that other files do not.
func WithoutChecksums(f File) []byte {
	data, _ := blankChecksums(f)
	return data
}
