// SPDX-License-Identifier: AGPL-3.0-or-later

package scan

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/secret"
)

func labels(values map[string]string) Metadata {
	return Metadata{Name: "image:labels", Content: values, Help: "do not"}
}

func mustScanMetadata(t *testing.T, s *Scanner, m Metadata) []Finding {
	t.Helper()
	found, err := s.ScanMetadata(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestScanMetadata(t *testing.T) {
	s := newScanner(t, Policy{}, words("words"), words("more"))
	found := mustScanMetadata(t, s, labels(map[string]string{"a": "harmless", "b/c <d>": "x " + canary + "abc y"}))
	if len(found) != 1 {
		t.Fatalf("findings %+v, want one", found)
	}
	f := found[0]
	if f.Position() != "image:labels" || f.Where != "b/c <d>" || f.Help != "do not" || f.Severity != Error ||
		len(f.Also) != 1 {
		t.Errorf("finding %+v", f)
	}
	foreign := labels(map[string]string{"a": canary + "abc y"})
	foreign.Foreign = true
	if found := mustScanMetadata(t, s, foreign); len(found) != 1 || found[0].Severity != Warning {
		t.Errorf("somebody else's: %+v, want a warning", found)
	}
	if found := mustScanMetadata(t, newScanner(t, Policy{Severities: map[string]Severity{"Word": Warning}},
		words("words")), labels(map[string]string{"a": canary + "abc y"})); found[0].Severity != Warning {
		t.Errorf("with a policy: %+v, want a warning", found)
	}
	for _, content := range []any{nil, map[string]string(nil), map[string]string{}, struct{ A []string }{}} {
		if found := mustScanMetadata(t, s, Metadata{Name: "image:none", Content: content}); len(found) > 0 {
			t.Errorf("%+v: findings %+v", content, found)
		}
	}
}

// TestMetadataIsShownAsItIs: detectors receive metadata without escapes, which would hide
// secrets.
func TestMetadataIsShownAsItIs(t *testing.T) {
	s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
		if want := "{\n  \"a\": \"x<&>\",\n  \"b\": \"y\"\n}\n"; string(f.Data) != want || f.Path != "image:labels.json" {
			t.Errorf("the detector sees %q of %s", f.Data, f.Path)
		}
		return clean(t.Context(), f)
	}})
	mustScanMetadata(t, s, labels(map[string]string{"b": "y", "a": "x<&>"}))
}

// TestMetadataKeysDoNotShowASecret: the name may be the secret.
func TestMetadataKeysDoNotShowASecret(t *testing.T) {
	const name = canary + "abc"
	s := newScanner(t, Policy{}, fakeDetector{name: "fake", scan: func(_ context.Context, f File) (Result, error) {
		return Result{Bytes: int64(len(f.Data)), Matches: []Match{{Rule: "Rule", Secret: secret.New(name), Line: 2},
			{Rule: "Rule", Secret: secret.New("other"), Line: 99}}}, nil
	}})
	for _, f := range mustScanMetadata(t, s, labels(map[string]string{name: "x"})) {
		if f.Where != "" {
			t.Errorf("a finding is in %q", f.Where)
		}
	}
}

func TestMetadataIsExcludedByName(t *testing.T) {
	s := newScanner(t, Policy{ExcludePaths: []string{"image:labels"}}, words("words"))
	if found := mustScanMetadata(t, s, labels(map[string]string{"a": canary + "abc"})); len(found) > 0 {
		t.Errorf("findings %+v", found)
	}
}

// TestMetadataFailsClosed: errors in metadata are errors of the scan, as for files.
func TestMetadataFailsClosed(t *testing.T) {
	own := errors.New("own error")
	s := newScanner(t, Policy{}, fakeDetector{name: "broken",
		scan: func(context.Context, File) (Result, error) { return Result{}, own }})
	var failed *FileError
	if _, err := s.ScanMetadata(t.Context(), labels(nil)); !errors.As(err, &failed) || !errors.Is(err, own) ||
		failed.Path != "image:labels" {
		t.Errorf("error %v, want that of the detector", err)
	}
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := s.ScanMetadata(ctx, labels(nil)); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	if _, err := s.ScanMetadata(t.Context(), Metadata{Name: "x", Content: func() {}}); err == nil ||
		!strings.Contains(err.Error(), "encode x") {
		t.Errorf("error %v", err)
	}
}

func TestAddedFindingsAreSorted(t *testing.T) {
	r := &Report{Findings: []Finding{{Path: "b"}, {Path: "d"}}}
	r.Add(Finding{Path: "c"}, Finding{Path: "a"})
	for i, want := range []string{"a", "b", "c", "d"} {
		if r.Findings[i].Path != want {
			t.Errorf("findings %+v", r.Findings)
		}
	}
}
