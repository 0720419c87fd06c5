// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
)

// stamped runs files through a stamper, in path order.
func stamped(t *testing.T, in map[string]string) (out, names map[string]string, found []diagnostic.Diagnostic) {
	t.Helper()
	out = map[string]string{}
	var order []string
	s := NewStamper(Rewrite{Stamp: true}, Limits{}, func(f source.File) error {
		out[f.Path] = string(f.Data)
		order = append(order, f.Path)
		return nil
	})
	var size int
	for _, name := range slices.Sorted(maps.Keys(in)) {
		size -= len(in[name])
		if err := s.Add(source.NewFile(name, []byte(in[name]))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, slices.Sorted(maps.Keys(in))) {
		t.Errorf("the files come in the order %v", order)
	}
	stamped := s.Finish()
	for _, data := range out {
		size += len(data)
	}
	if stamped.Bytes != int64(size) {
		t.Errorf("%d bytes were added, the stamper says %d", size, stamped.Bytes)
	}
	return out, stamped.Versions, stamped.Diagnostics
}

// one stamps a workspace with the given .import.yml, and returns the result.
func one(t *testing.T, metadata string) (string, []diagnostic.Diagnostic) {
	t.Helper()
	out, _, found := stamped(t, map[string]string{"mail/.import.yml": metadata, "mail/index.yml": "name: Mail\n"})
	return out["mail/.import.yml"], found
}

var stampAtEnd = regexp.MustCompile(`-[0-9a-f]{8}`)

// Only the stamp is inserted, at MARK.
func TestOnlyTheStampIsInserted(t *testing.T) {
	for _, want := range []string{
		"version: {name: v1MARK}",
		"version:\n  name: v1MARK\n",
		"# é\n\nversion: # the version\n    type:   export\n    name:   v1.0_aMARK   # written by hand\nextra: [1,  2]\n",
		"version:\r\n  name: 'v1MARK'\r\ngroups: [a]\r\n",
		"{\"version\": {\"é\": 1, \"name\": \"v1MARK\"}, \"name\": \"v1\"}",
		"name: v1\nversion: {type: export, name: \"v 1 éMARK\"}\n",
		"version: &v\n  name: '2.10MARK'\n",
		"version:\n  name: v1-0123abcdMARK\n", // the end of a commit, not a stamp
		"version:\n  name: v1MARK",
	} {
		got, found := one(t, strings.Replace(want, "MARK", "", 1))
		stamps := stampAtEnd.FindAllString(got, -1)
		if len(stamps) == 0 || len(found) > 0 {
			t.Errorf("%q has no stamp: %v", got, found)
			continue
		}
		if want := strings.Replace(want, "MARK", stamps[len(stamps)-1], 1); got != want {
			t.Errorf("stamped as %q instead of %q", got, want)
		}
	}
}

func TestFilesWithoutNameAreNotStamped(t *testing.T) {
	for _, metadata := range []string{
		"", "groups: [a]\n", "version: {type: export}\n", "version: {name: ''}\n", "version: {name: null}\n",
		"version: v1\n", "- version\n",
		"version: {name: 1.10}\n",                    // a number: reported by the validation
		"version: {name: latest}\n",                  // reserved: reported by the validation
		"version: {name: current}\n",                 //
		"version: {name: v1, name: v2}\n",            // duplicate
		"version: [name\n",                           // not YAML
		"a: {name: v1}\nb:\n  version: {name: v1}\n", // elsewhere
		"version: {name: v1}\n---\nversion: {name: v1}\n",
	} {
		if got, found := one(t, metadata); got != metadata || len(found) > 0 {
			t.Errorf("%q became %q: %v", metadata, got, found)
		}
	}
}

// A name that cannot be changed in place is reported.
func TestNameThatCannotBeStampedIsReported(t *testing.T) {
	for metadata, place := range map[string]string{
		"version: {name: \"v\\x31\"}\n":                      "mail/.import.yml:1:17",
		"version: {name: 'it''s'}\n":                         "mail/.import.yml:1:17",
		"version:\n  name: >-\n    v1\n":                     "mail/.import.yml:2:9",
		"version:\n  name: two\n    lines\n":                 "mail/.import.yml:2:9",
		"a: &a v1\nversion: {name: *a}\n":                    "mail/.import.yml:2:17",
		"a: &a '*a'\nversion: {name: *a}\n":                  "mail/.import.yml:2:17",
		"version: {name: &a v1}\nb: *a\n":                    "mail/.import.yml:1:20",
		"a: &a {name: v1}\nversion: {<<: *a}\n":              "mail/.import.yml:1:14",
		"a: &a {name: v1}\nversion: *a\n":                    "mail/.import.yml:1:14",
		"version: {name: !mine v1}\n":                        "",
		"version:\n  name: \"v1 \\\n    continued\"\nx: 1\n": "mail/.import.yml:2:9",
	} {
		got, found := one(t, metadata)
		if got != metadata {
			t.Errorf("%q became %q", metadata, got)
		}
		if place == "" {
			continue // the validation reports it
		}
		if len(found) != 1 || found[0].Rule != ruleVersionNameStamp || found[0].Severity != diagnostic.Error ||
			found[0].Position() != place {
			t.Errorf("%q: reported %+v instead of an error at %s", metadata, found, place)
		}
	}
}

const metadataOfMail = "version:\n  name: v1\nchecksums:\n  automations:\n    a: 900150983cd24fb0d6963f7d28e17f72\n"

func mail() map[string]string {
	return map[string]string{
		"mail/.import.yml": metadataOfMail, "mail/index.yml": "name: Mail\n", "mail/automations/a.yml": "abc",
		"mail/!first": "x", "mail-next/.import.yml": "version: {name: v2}", "README.md": "outside",
	}
}

// The stamp is the start of the digest of the release without stamps.
func TestStampIsDigestOfSource(t *testing.T) {
	out, names, _ := stamped(t, mail())
	var files []release.File
	for name, data := range mail() {
		if rel, ok := strings.CutPrefix(name, "mail/"); ok {
			files = append(files, release.File{Path: rel, Sum: sha256.Sum256([]byte(data))})
		}
	}
	want := "name: v1-" + release.ContentDigest(files).Encoded()[:8] + "\n"
	if got := out["mail/.import.yml"]; !strings.Contains(got, want) {
		t.Errorf("%q does not hold %q", got, want)
	}
	if diff := cmp.Diff(map[string]string{"mail": "v1", "mail-next": "v2"}, names); diff != "" {
		t.Error(diff)
	}
	delete(out, "mail/.import.yml")
	delete(out, "mail-next/.import.yml")
	rest := mail()
	delete(rest, "mail/.import.yml")
	delete(rest, "mail-next/.import.yml")
	if diff := cmp.Diff(rest, out); diff != "" {
		t.Errorf("other files changed: %s", diff)
	}
}

// Rebuilding a shipped release gives the same release.
func TestStampIsIdempotent(t *testing.T) {
	first, names, _ := stamped(t, mail())
	second, again, found := stamped(t, first)
	if diff := cmp.Diff(first, second); diff != "" || len(found) > 0 {
		t.Errorf("%v %s", found, diff)
	}
	if diff := cmp.Diff(names, again); diff != "" {
		t.Error(diff)
	}
}

func TestEveryChangeGivesAnotherStamp(t *testing.T) {
	name := func(files map[string]string) string {
		out, _, _ := stamped(t, files)
		return stampAtEnd.FindString(out["mail/.import.yml"])
	}
	seen := map[string]string{name(mail()): "nothing"}
	for what, change := range map[string]func(map[string]string){
		"a file":         func(f map[string]string) { f["mail/automations/a.yml"] = "abd" },
		"a new file":     func(f map[string]string) { f["mail/automations/b.yml"] = "" },
		"one file fewer": func(f map[string]string) { delete(f, "mail/!first") },
		"a file's name":  func(f map[string]string) { f["mail/second"] = f["mail/!first"]; delete(f, "mail/!first") },
		"the metadata":   func(f map[string]string) { f["mail/.import.yml"] += "groups: [a]\n" },
	} {
		files := mail()
		change(files)
		stamp := name(files)
		if same, ok := seen[stamp]; ok {
			t.Errorf("change of %s has the stamp of %s", what, same)
		}
		seen[stamp] = what
	}
	elsewhere := mail()
	elsewhere["mail-next/index.yml"] = "name: Next\n"
	if _, ok := seen[name(elsewhere)]; !ok {
		t.Error("a change of another workspace changes the stamp")
	}
}

func TestStamperReturnsEmitError(t *testing.T) {
	broken := errors.New("disk on fire")
	s := NewStamper(Rewrite{Stamp: true}, Limits{}, func(source.File) error { return broken })
	if err := s.Add(source.NewFile("a/x", nil)); err != nil {
		t.Errorf("held files: %v", err)
	}
	if err := s.Add(source.NewFile("b/x", nil)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := s.Add(source.NewFile("README.md", nil)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestWorkspaceThatIsTooLargeToHold(t *testing.T) {
	s := NewStamper(Rewrite{Stamp: true}, Limits{}, func(source.File) error { return nil })
	large := make([]byte, maxHeld/2)
	for _, name := range []string{"a/1", "a/2", "b/1", "b/2"} {
		if err := s.Add(source.File{Path: name, Data: large}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(source.NewFile("b/3", []byte("x"))); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("error %v does not name the workspace", err)
	}
}

// FuzzStamp checks that stamping changes only the name, and is idempotent.
func FuzzStamp(f *testing.F) {
	f.Add([]byte(metadataOfMail))
	f.Add([]byte("version: {name: 'v1-0123abcd'} # x"))
	f.Add([]byte("\"version\": {\"name\": \"é\"}\r\n"))
	f.Add([]byte("? version\n: name: - v\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, found := one(t, string(data))
		if out == string(data) {
			return
		}
		if len(found) > 0 || !bytes.Equal(data, stampAtEnd.ReplaceAll([]byte(out), nil)) && len(out) != len(data)+9 {
			t.Fatalf("%q became %q: %v", data, out, found)
		}
		var before, after map[string]any
		if err := errors.Join(yaml.Unmarshal(data, &before), yaml.Unmarshal([]byte(out), &after)); err != nil {
			t.Fatal(err)
		}
		was, is := before["version"].(map[string]any), after["version"].(map[string]any)
		if !stamp.MatchString(is["name"].(string)) ||
			!strings.HasPrefix(is["name"].(string), was["name"].(string)+"-") {
			t.Errorf("name %q became %q", was["name"], is["name"])
		}
		is["name"] = was["name"]
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q", data, out)
		}
		if again, _ := one(t, out); again != out {
			t.Errorf("%q became %q", out, again)
		}
	})
}
