// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// finds returns a detector that finds the given texts in every file.
func finds(texts ...string) Detector {
	return fakeDetector{name: "finds", scan: func(_ context.Context, f File) (Result, error) {
		result := Result{Bytes: int64(len(f.Data))}
		for _, text := range texts {
			if strings.Contains(string(f.Data), text) {
				result.Matches = append(result.Matches, Match{Rule: "Fake", Secret: secret.New(text), Line: 1})
			}
		}
		return result, nil
	}}
}

func TestRedactor(t *testing.T) {
	tests := map[string]struct {
		secrets             []string
		learnt, text, shown string
	}{
		"nothing learnt":       {[]string{"pass"}, "x", "the pass", "the pass"},
		"everywhere":           {[]string{"pass"}, "pass", "pass, apass\npassword", "***1, a***1\n***1word"},
		"several":              {[]string{"one", "two"}, "one two", "two one", "***2 ***1"},
		"one within another":   {[]string{"word", "password"}, "password", "password word", "***1 ***2"},
		"overlap":              {[]string{"abcd", "cdef"}, "abcd cdef", "xabcdefx", "x***1x"},
		"a chain of overlaps":  {[]string{"abc", "cde", "efg"}, "abc cde efg", "abcdefgh", "***1h"},
		"repeated":             {[]string{"aa"}, "aa", "aaaa", "***1***1"},
		"over several lines":   {[]string{"a\nb"}, "a\nb", "xa\nby", "x***1y"},
		"not ASCII":            {[]string{"clé"}, "clé", "la clé!", "la ***1!"},
		"numbers by the order": {[]string{"z", "a"}, "z a", "a z", "***1 ***2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newScanner(t, Policy{ExcludePaths: []string{"**"}}, finds(test.secrets...)).NewRedactor()
			if err := r.Learn(t.Context(), file("a/x.yml", test.learnt)); err != nil {
				t.Fatal(err)
			}
			if got := r.Redact(test.text); got != test.shown {
				t.Errorf("%q instead of %q", got, test.shown)
			}
		})
	}
}

func TestLearnRefusesWhatCannotBeHidden(t *testing.T) {
	match := func(m Match) Detector {
		return fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
			m.Secret = secret.New("pass")
			return Result{Bytes: int64(len(f.Data)), Matches: []Match{m}}, nil
		}}
	}
	broken := fakeDetector{name: "fake",
		scan: func(context.Context, File) (Result, error) { return Result{}, errors.New("broken") }}
	for name, test := range map[string]struct {
		detector Detector
		text     string
		want     error
	}{
		"encoded":    {match(Match{Encoding: "BASE64"}), "pass", ErrNotPlain},
		"in archive": {match(Match{Inside: true}), "pass", ErrNotPlain},
		"not there":  {match(Match{}), "p a s s", ErrNotPlain},
	} {
		r := newScanner(t, Policy{}, test.detector).NewRedactor()
		if err := r.Learn(t.Context(), file("a/x.yml", test.text)); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := r.Redact("a pass"); got != "a ***1" {
			t.Errorf("%s: the secret is not learnt: %q", name, got)
		}
	}
	var failure *FileError
	if err := newScanner(t, Policy{}, broken).NewRedactor().Learn(t.Context(), file("a/x.yml", "x")); !errors.As(err,
		&failure) || failure.Path != "a/x.yml" {
		t.Errorf("error %v of a scan that fails", err)
	}
	var many []string
	for i := range maxSecrets + 1 {
		many = append(many, fmt.Sprintf("secret-%04d", i))
	}
	r := newScanner(t, Policy{}, finds(many...)).NewRedactor()
	if err := r.Learn(t.Context(), file("a/x.yml", strings.Join(many[1:], " "))); err != nil {
		t.Errorf("error %v of as many secrets as there may be", err)
	}
	if err := r.Learn(t.Context(), file("a/x.yml", many[0])); !errors.Is(err, ErrTooManySecrets) {
		t.Errorf("error %v of too many secrets", err)
	}
}

func TestChecksumsAreNoSecrets(t *testing.T) {
	sums := file(metadata, "checksums:\n  a: "+md5Sum+"\n")
	r := newScanner(t, Policy{}, finds(md5Sum)).NewRedactor()
	if err := r.Learn(t.Context(), sums); err != nil || r.Redact(md5Sum) != md5Sum {
		t.Errorf("error %v, %s", err, r.Redact(md5Sum))
	}
	if got := string(WithoutChecksums(sums)); strings.Contains(got, md5Sum) || len(got) != len(sums.Data) {
		t.Errorf("%q", got)
	}
}
