// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// refreshed runs files through a refreshing stamper.
func refreshed(t *testing.T, rewrite Rewrite, in files) (files, []diagnostic.Diagnostic) {
	t.Helper()
	out := files{}
	s := NewStamper(rewrite, Limits{}, func(f source.File) error {
		out[f.Path] = string(f.Data)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if err := s.Add(source.NewFile(name, []byte(in[name]))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	found := s.Finish().Diagnostics
	return out, found
}

const mismatched = `# by hand
workspaceId: abc # stays
version: {type: export, name: "v1"}
checksums:
  pages: {gone: 900150983cd24fb0d6963f7d28e17f72}
  automations:
    # the first
    a: 'd41d8cd98f00b204e9800998ecf8427e' # old
    v1/b: "sha256:` + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" + `"
groups: [base1]
`

func edited() files {
	return files{
		"mail/.import.yml": mismatched, "mail/index.yml": "name: Mail\n", "mail/automations/a.yml": "a: 1",
		"mail/automations/v1/b.yml": "b: 1", "mail/imports/Custom Code.yml": "appSlug: Custom Code",
		"mail/README.md":         "x",
		"mail/pages/.hidden.yml": "x", "mail/pages/data.json": "{}",
	}
}

func TestChecksumsAreRefreshed(t *testing.T) {
	in := edited()
	out, found := refreshed(t, Rewrite{Refresh: true}, in)
	want := maps.Clone(in)
	want["mail/.import.yml"] = `# by hand
workspaceId: abc # stays
version: {type: export, name: "v1"}
checksums:
  pages: {}
  automations:
    # the first
    a: '` + hex128("a: 1") + `' # old
    v1/b: "sha256:` + hex256("b: 1") + `"
  imports:
    Custom Code: ` + hex128("appSlug: Custom Code") + `
groups: [base1]
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"info checksum-refreshed mail/.import.yml"}, brief(found)); diff != "" {
		t.Error(diff)
	}
	message := "the image has the checksums of the current files: 2 corrected, 1 added, 1 removed"
	if found[0].Message != message {
		t.Errorf("message %q instead of %q", found[0].Message, message)
	}
	again, found := refreshed(t, Rewrite{Refresh: true}, out)
	if diff := cmp.Diff(out, again); diff != "" || len(found) > 0 {
		t.Errorf("refreshed again: %v\n%s", found, diff)
	}
	ofChecksums := func(d diagnostic.Diagnostic) bool { return strings.HasPrefix(d.Rule, "checksum") }
	if _, _, ds := collect(Options{Checksums: ChecksumsVerify}, out); slices.ContainsFunc(ds, ofChecksums) {
		t.Errorf("the refreshed checksums do not verify: %v", brief(ds))
	}
}

// Files with correct checksums, and files that cannot be parsed, are not changed.
func TestCorrectChecksumsAreUnchanged(t *testing.T) {
	for _, metadata := range []string{
		"checksums:\r\n   automations:   { a:  " + hex128("a: 1") + " }\r\n",
		"checksums: [\n",
		"- a\n",
		"",
		"a: 1\n---\nb: 1\n",
	} {
		in := files{"mail/.import.yml": metadata, "mail/automations/a.yml": "a: 1"}
		out, found := refreshed(t, Rewrite{Refresh: true}, in)
		if diff := cmp.Diff(in, out); diff != "" || len(found) > 0 {
			t.Errorf("%q: %v\n%s", metadata, found, diff)
		}
	}
}

// Unusual notations are refreshed, too.
func TestChecksumsInUnusualFormsAreRefreshed(t *testing.T) {
	sum := hex128("a: 1")
	block := "checksums:\n  automations:\n    a: " + sum + "\n"
	for metadata, want := range map[string]string{
		"version: {name: v1}\n":                            "version: {name: v1}\n" + block,
		"checksums: none\n":                                block,
		"checksums:\n":                                     block,
		"checksums: {}\n":                                  "checksums: {automations: {a: " + sum + "}}\n",
		"checksums: {automations: text}\n":                 "checksums: {automations: {a: " + sum + "}}\n",
		"checksums:\n  automations:\n    a: x\n":           block,
		"checksums:\n  automations:\n    a: {b: c}\n":      block,
		"x: &x 1\nchecksums:\n  automations:\n    a: *x\n": "x: &x 1\n" + block,
		"x: 1\r\nchecksums: 1\r\n":                         strings.ReplaceAll("x: 1\n"+block, "\n", "\r\n"),
	} {
		out, _ := refreshed(t, Rewrite{Refresh: true}, files{
			"mail/.import.yml":       metadata,
			"mail/automations/a.yml": "a: 1",
		})
		if diff := cmp.Diff(want, out["mail/.import.yml"]); diff != "" {
			t.Errorf("%q (-want +got):\n%s", metadata, diff)
		}
	}
}

func TestChecksumWithAliasIsNotRefreshed(t *testing.T) {
	in := files{
		"mail/.import.yml":       "checksums: {pages: {gone: &x " + hex128("x") + "}}\ny: *x\n",
		"mail/automations/a.yml": "a: 1",
	}
	out, found := refreshed(t, Rewrite{Refresh: true}, in)
	if diff := cmp.Diff([]string{"error checksum-not-refreshed mail/.import.yml"}, brief(found)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Error(diff)
	}
}

// Stamping and refreshing are idempotent.
func TestRefreshAndStampAreIdempotent(t *testing.T) {
	out, _ := refreshed(t, Rewrite{Stamp: true, Refresh: true}, edited())
	if !stampAtEnd.MatchString(out["mail/.import.yml"]) {
		t.Errorf("no stamp: %s", out["mail/.import.yml"])
	}
	again, found := refreshed(t, Rewrite{Stamp: true, Refresh: true}, out)
	if diff := cmp.Diff(out, again); diff != "" || len(found) > 0 {
		t.Errorf("again: %v\n%s", found, diff)
	}
}

// One line names the file that differs, its sums, and the consequence.
func TestSummaryOfChecksums(t *testing.T) {
	fs := pair()
	name := "beta/automations/handle-request-0.yml"
	was := hex128(fs[name])
	fs[name] += "# later\n"
	fs["beta/automations/new.yml"] = "do: []"
	for stamped, follows := range map[bool]string{
		false: "where this version name is installed, the platform skips the workspace and the edit",
		true:  "the stamp in the version name makes the platform import the edit",
	} {
		_, _, ds := collect(Options{Stamped: stamped}, fs)
		want := "2 files differ from the checksums in .import.yml: \"automations/handle-request-0.yml\" (expected md5 " +
			was +
			", found " + hex128(fs[name]) + ") and 1 more; " + follows
		if len(ds) != 1 || ds[0].Message != want {
			t.Errorf("reported %+v instead of %q", ds, want)
		}
	}
}

func FuzzRefresh(f *testing.F) {
	f.Add([]byte(mismatched))
	f.Add([]byte("checksums: {automations: {a: &x y}, pages: *x}\n<<: {a: b}"))
	f.Fuzz(func(t *testing.T, metadata []byte) {
		in := files{"mail/.import.yml": string(metadata), "mail/automations/a.yml": "a: 1"}
		out, found := refreshed(t, Rewrite{Refresh: true}, in)
		again, _ := refreshed(t, Rewrite{Refresh: true}, out)
		if diff := cmp.Diff(out, again); diff != "" && len(found) > 0 && found[0].Severity != diagnostic.Error {
			t.Errorf("refreshed twice:\n%s", diff)
		}
	})
}
