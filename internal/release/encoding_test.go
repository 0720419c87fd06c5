// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/release"
)

func encode(t testing.TB, m *release.Manifest) []byte {
	t.Helper()
	data, err := release.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The golden files are the format that released programs read. They may gain fields; any other
// difference requires another schema version.
// loadUnsplit loads a manifest that is not split.
func loadUnsplit(data []byte) (*release.Manifest, error) {
	return release.Load(data, func(release.FileReference) ([]byte, error) { return nil, fs.ErrNotExist })
}

func TestEncodeIsCanonical(t *testing.T) {
	golden.Compare(t, "testdata/full.json", encode(t, full()))
	minimal := &release.Manifest{
		SchemaVersion: release.SchemaVersion, Name: "v1", Created: time.Unix(0, 0).UTC(),
		Repository: release.Repository{ID: "release", Name: "Release v1", Directory: "/www/workspaces"},
		Groups:     []release.Group{{Name: "base1"}},
	}
	golden.Compare(t, "testdata/minimal.json", encode(t, minimal))
	if minimal.Workspaces != nil || minimal.Groups[0].Workspaces != nil {
		t.Error("the manifest changed by being encoded")
	}
}

func TestEqualManifestsHaveEqualBytes(t *testing.T) {
	want := encode(t, full())
	for name, m := range map[string]*release.Manifest{
		"other location of the same offset": changed(func(m *release.Manifest) { m.Created = m.Created.In(time.FixedZone("", 0)) }),
		"empty optional list":               changed(func(m *release.Manifest) { m.Groups[1].Labels = []string{} }),
		"empty dependencies":                changed(func(m *release.Manifest) { m.Workspaces[1].DependsOn = []string{} }),
	} {
		if diff := cmp.Diff(string(want), string(encode(t, m))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	empty := changed(func(m *release.Manifest) {
		m.Groups, m.Workspaces, m.Scan.Scanners = nil, nil, nil
		m.Layers[0].Workspaces = nil
	})
	allocated := changed(func(m *release.Manifest) {
		m.Layers[0].Workspaces = []string{}
		m.Groups, m.Workspaces, m.Scan.Scanners = []release.Group{}, []release.Workspace{}, []release.Scanner{}
	})
	if !bytes.Equal(encode(t, empty), encode(t, allocated)) {
		t.Error("a nil list and an empty one are encoded differently")
	}
}

func TestRoundTrip(t *testing.T) {
	data := encode(t, full())
	got, err := loadUnsplit(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if again := encode(t, got); !bytes.Equal(data, again) {
		t.Errorf("encoded again:\n%s\nwant:\n%s", again, data)
	}
}

func TestDecodeIgnoresUnknownFields(t *testing.T) {
	data := bytes.Replace(encode(t, full()), []byte(`"name":`), []byte(`"later":{"a":[1]},"name":`), 1)
	got, err := loadUnsplit(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	valid := string(encode(t, full()))
	for name, c := range map[string]struct{ in, want string }{
		"nothing":            {"", "decode release manifest: unexpected end of JSON input"},
		"no JSON":            {"workspaces", "decode release manifest: invalid character"},
		"a list":             {"[]", "decode release manifest: json: cannot unmarshal array"},
		"cut off":            {valid[:len(valid)/2], "unexpected end of JSON input"},
		"something after it": {valid + valid, "invalid character '{' after top-level value"},
		"a wrong type":       {strings.Replace(valid, `"size":4242`, `"size":"4242"`, 1), "cannot unmarshal string"},
		"an inconsistency":   {strings.Replace(valid, `"slug":"mail"`, `"slug":"male"`, 1), `workspace "male" is in no group`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := loadUnsplit([]byte(c.in))
			if got != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("decoded %v, error %v; want the error %q", got, err, c.want)
			}
		})
	}
}

func TestDecodeRejectsOtherSchemas(t *testing.T) {
	for in, version := range map[string]int{
		`{"schemaVersion":3,"groups":"in a form of the future"}`: 3,
		`{}`:   0,
		`null`: 0,
	} {
		_, err := loadUnsplit([]byte(in))
		var schema *release.SchemaError
		if !errors.As(err, &schema) || schema.Version != version {
			t.Errorf("%s: error %v, want a SchemaError of version %d", in, err, version)
		}
	}
}

func TestDecodeIsBounded(t *testing.T) {
	padded := encode(t, full())
	padded = append(padded, bytes.Repeat([]byte{' '}, release.MaxSize-len(padded))...)
	if _, err := loadUnsplit(padded); err != nil {
		t.Errorf("a manifest of exactly MaxSize: %v", err)
	}
	if _, err := loadUnsplit(append(padded, ' ')); !errors.As(err, new(*limit.Error)) {
		t.Errorf("error %v, want a limit.Error", err)
	}
}

func TestEncodeRefusesAnInvalidManifest(t *testing.T) {
	if data, err := release.Encode(new(release.Manifest)); err == nil || data != nil {
		t.Errorf("encoded %s, error %v", data, err)
	}
	beyond := changed(func(m *release.Manifest) { m.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) })
	if data, err := release.Encode(beyond); err == nil || data != nil {
		t.Errorf("encoded the year 10000 as %s, error %v", data, err)
	}
}

// FuzzDecode checks that decoded manifests are valid, and that encoding them is a fixed point.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, full()))
	f.Add(encode(f, many(3)))
	f.Add([]byte(`{"schemaVersion":1,"created":"1970-01-01T00:00:00+00:00"}`))
	f.Add([]byte(`{"schemaVersion":1,"groups":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := loadUnsplit(data)
		if err != nil {
			return
		}
		first, err := release.Encode(m)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		again, err := loadUnsplit(first)
		if err != nil {
			t.Fatalf("decode what was encoded: %v\n%s", err, first)
		}
		if diff := cmp.Diff(m, again, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("decoded again (-first +again):\n%s", diff)
		}
		if second := encode(t, again); !bytes.Equal(first, second) {
			t.Errorf("encoded again:\n%s\nwant:\n%s", second, first)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, many(10_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := loadUnsplit(data); err != nil {
			b.Fatal(err)
		}
	}
}
