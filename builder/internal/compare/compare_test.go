// SPDX-License-Identifier: AGPL-3.0-or-later

package compare_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/builder/internal/compare"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/scan"
)

// canary starts a secret, which the test detector reports up to the next space.
const canary = "canary-"

// detector finds canaries. It reports reversed canaries as encoded.
type detector struct{}

func (detector) Describe() release.Scanner { return release.Scanner{Name: "canaries"} }

func (detector) Scan(_ context.Context, f scan.File) (scan.Result, error) {
	result := scan.Result{Bytes: int64(len(f.Data))}
	if bytes.Contains(f.Data, []byte("unscannable")) {
		return result, errors.New("it broke")
	}
	for word := range strings.FieldsFuncSeq(string(f.Data),
		func(c rune) bool { return strings.ContainsRune(" \n\"{}", c) }) {
		if strings.HasPrefix(word, canary) {
			result.Matches = append(result.Matches, scan.Match{Rule: "Canary", Secret: secret.New(word), Line: 1})
		}
		if encoded, ok := strings.CutPrefix(word, "encoded-"); ok {
			result.Matches = append(result.Matches, scan.Match{
				Rule:     "Canary",
				Secret:   secret.New(encoded),
				Line:     1,
				Encoding: "BASE64",
			})
		}
	}
	return result, nil
}

// workspaces are files by path.
type workspaces map[string]string

// with returns a copy with changed files; an empty text removes a file.
func (w workspaces) with(change workspaces) workspaces {
	all := maps.Clone(w)
	maps.Copy(all, change)
	maps.DeleteFunc(all, func(_, text string) bool { return text == "" })
	return all
}

// source is a release that was never built. All workspaces are in group base1 at version v1, unless
// change modifies them.
func (w workspaces) source(change func(*release.Manifest)) *compare.Release {
	bySlug := map[string][]release.File{}
	for path, text := range w {
		slug, rel, _ := strings.Cut(path, "/")
		bySlug[slug] = append(bySlug[slug], release.File{Path: rel, Sum: sha256.Sum256([]byte(text))})
	}
	m := &release.Manifest{Groups: []release.Group{{Name: "base1"}}}
	for _, slug := range slices.Sorted(maps.Keys(bySlug)) {
		m.Workspaces = append(m.Workspaces, release.Workspace{
			Slug: slug, ID: "id-" + slug, Version: "v1", Files: len(bySlug[slug]),
			Digest: release.ContentDigest(bySlug[slug]),
		})
		m.Groups[0].Workspaces = append(m.Groups[0].Workspaces, slug)
	}
	if change != nil {
		change(m)
	}
	return &compare.Release{Name: "source", Manifest: m, Walk: w.walk}
}

func (w workspaces) walk(_ context.Context, wanted func(string) bool, fn compare.FileFunc) error {
	for _, path := range slices.Sorted(maps.Keys(w)) {
		if slug, _, _ := strings.Cut(path, "/"); wanted(slug) {
			if err := fn(path, int64(len(w[path])), strings.NewReader(w[path])); err != nil {
				return err
			}
		}
	}
	return nil
}

// image is a built release for some platforms.
func (w workspaces) image(change func(*release.Manifest), configs map[string]ocispec.ImageConfig) *compare.Release {
	r := w.source(change)
	r.Name, r.Digest, r.Images = "registry.example.com/release:v1", digest.FromString("image"), map[string]ocispec.Image{}
	for platform, config := range configs {
		r.Images[platform] = ocispec.Image{Config: config}
	}
	return r
}

func diff(t testing.TB, older, newer *compare.Release, maxLines int) *compare.Report {
	t.Helper()
	scanner, err := scan.New(scan.Policy{}, detector{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := compare.Compare(t.Context(), older, newer, compare.Options{
		Redactor: scanner.NewRedactor(),
		MaxLines: maxLines,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// written returns the report in every format.
func written(t testing.TB, r *compare.Report) (text, markdown, json string) {
	t.Helper()
	var a, b, c strings.Builder
	_, err := r.WriteMarkdown(&b, compare.FitsComment)
	if err := errors.Join(r.WriteText(&a, false), err, r.WriteJSON(&c)); err != nil {
		t.Fatal(err)
	}
	return a.String(), b.String(), c.String()
}

var some = workspaces{
	"crm/index.yml":           "name: CRM\nlabels: [a]\n",
	"crm/automations/ask.yml": "do:\n  - set:\n      name: a\n      value: 1\n",
	"mail/index.yml":          "name: Mail\n", "mail/logo.png": "\x89PNG\x00",
}

func TestNoDifference(t *testing.T) {
	unread := some.source(nil)
	unread.Walk = nil // equal manifests: no file may be read
	for name, newer := range map[string]*compare.Release{"source": unread, "image": some.image(nil, nil)} {
		r := diff(t, some.source(nil), newer, 100)
		if r.Differ || r.Unchanged != 2 || len(r.Warnings)+len(r.Workspaces)+len(r.Groups)+len(r.Settings) != 0 ||
			r.Images {
			t.Errorf("%s: %+v", name, r)
		}
		text, markdown, json := written(t, r)
		if !strings.Contains(text, "no difference: 2 workspaces unchanged") ||
			!strings.Contains(markdown, "no difference") || strings.Contains(json, "null") {
			t.Errorf("%s:\n%s\n%s\n%s", name, text, markdown, json)
		}
	}
}

// of returns the only workspace of a report.
func of(t *testing.T, r *compare.Report) compare.Workspace {
	t.Helper()
	if len(r.Workspaces) != 1 {
		t.Fatalf("workspaces: %+v", r.Workspaces)
	}
	return r.Workspaces[0]
}

func rules(r *compare.Report) []compare.Rule {
	var list []compare.Rule
	for _, w := range r.Warnings {
		list = append(list, w.Rule)
	}
	return list
}

func TestWorkspaces(t *testing.T) {
	on := func(slug string, change func(*release.Workspace)) func(*release.Manifest) {
		return func(m *release.Manifest) {
			i := slices.IndexFunc(m.Workspaces, func(w release.Workspace) bool { return w.Slug == slug })
			change(&m.Workspaces[i])
		}
	}
	edit := workspaces{"crm/index.yml": "name: Customers\n"}
	tests := map[string]struct {
		files    workspaces
		older    func(*release.Manifest)
		newer    func(*release.Manifest)
		text     string
		warnings []compare.Rule
	}{
		"added": {files: workspaces{"new/index.yml": "name: New\n"}, text: "+ new  version v1; group base1; 1 file"},
		"removed": {
			files:    workspaces{"mail/index.yml": "", "mail/logo.png": ""},
			text:     "- mail  version v1; group base1; 2 files",
			warnings: []compare.Rule{compare.StaysInstalled},
		},
		"same version": {
			files: edit, text: "~ crm  version v1; 1 file (+1 −2 lines)",
			warnings: []compare.Rule{compare.SameVersion},
		},
		"new version": {
			files: edit,
			newer: on("crm", func(w *release.Workspace) { w.Version = "v2" }),
			text:  "~ crm  version v1 → v2; 1 file",
		},
		"no version": {
			files: edit, older: on("crm", func(w *release.Workspace) { w.Version = "" }),
			newer: on("crm", func(w *release.Workspace) { w.Version = "" }),
			text:  "~ crm  version (none); 1 file", warnings: []compare.Rule{compare.NoVersion},
		},
		"other groups": {
			newer: func(m *release.Manifest) {
				m.Groups[0].Workspaces = []string{"mail"}
				m.Groups = append(m.Groups, release.Group{Name: "base2", Workspaces: []string{"crm"}})
			},
			text: "~ crm  version v1; group base1 → base2",
		},
		"another id": {
			files: edit, newer: on("crm", func(w *release.Workspace) { w.ID, w.Version = "other", "v2" }),
			text: "id id-crm → other", warnings: []compare.Rule{compare.NewIdentity},
		},
		"name and app": {
			files: edit, newer: on("crm", func(w *release.Workspace) { w.Name, w.App, w.Version = "New", "Crm", "v2" }),
			text: "name (none) → New; app (none) → Crm",
		},
		"dependencies": {
			files: edit, older: on("crm", func(w *release.Workspace) { w.DependsOn = []string{"A", "B"} }),
			newer: on("crm", func(w *release.Workspace) { w.DependsOn, w.Version = []string{"B", "C"}, "v2" }),
			text:  "now depends on C; no longer depends on A",
		},
		"values": {
			files: edit,
			older: on("crm",
				func(w *release.Workspace) { w.Requires.Secrets, w.Requires.Config = []string{"a", "b"}, []string{"x"} }),
			newer:    on("crm", func(w *release.Workspace) { w.Requires.Secrets, w.Version = []string{"b", "c"}, "v2" }),
			text:     "now needs secret c; no longer needs secret a; no longer needs setting x; 1 file",
			warnings: []compare.Rule{compare.NeedsValues},
		},
		"added with values": {
			files: workspaces{"new/index.yml": "name: New\n"},
			newer: on("new", func(w *release.Workspace) { w.Requires.Config = []string{"x"} }),
			text:  "1 file, 0B; now needs setting x", warnings: []compare.Rule{compare.NeedsValues},
		},
		"renamed": {
			files: workspaces{
				"crm/index.yml":           "",
				"crm/automations/ask.yml": "",
				"customers/index.yml":     "name: CRM\nlabels: [a]\n",
			},
			newer: on("customers", func(w *release.Workspace) { w.ID, w.Version = "id-crm", "v2" }),
			text:  "~ customers  renamed from crm; version v1 → v2; 1 file (+0 −4 lines)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := diff(t, some.source(test.older), some.with(test.files).source(test.newer), 100)
			of(t, r)
			text, _, _ := written(t, r)
			if !r.Differ || !strings.Contains(text, test.text) {
				t.Errorf("%q is not in:\n%s", test.text, text)
			}
			if diff := cmp.Diff(test.warnings, rules(r)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvalidSourceIsReportedFirst(t *testing.T) {
	older, newer := some.source(nil), some.with(workspaces{"crm/index.yml": "name: [\n"}).source(nil)
	newer.Errors = 2
	r := diff(t, older, newer, 100)
	if diff := cmp.Diff([]compare.Rule{compare.InvalidSource, compare.SameVersion}, rules(r)); diff != "" ||
		!strings.Contains(r.Warnings[0].Message, "new release are invalid (errors: 2)") {
		t.Errorf("%s\n%+v", diff, r.Warnings)
	}
}

func TestGroups(t *testing.T) {
	groups := func(list ...release.Group) func(*release.Manifest) {
		return func(m *release.Manifest) { m.Groups = list }
	}
	g := func(name, labels, members string) release.Group {
		return release.Group{Name: name, Labels: strings.Fields(labels), Workspaces: strings.Fields(members)}
	}
	tests := map[string]struct {
		older, newer func(*release.Manifest)
		want         []string
	}{
		"order of workspaces": {groups(g("a", "", "crm mail")), groups(g("a", "", "mail crm")),
			[]string{"~ a  import order crm, mail → mail, crm; behaviour"}},
		"labels": {groups(g("a", "x y", "crm mail")), groups(g("a", "x z", "crm mail")),
			[]string{"~ a  labels x, y → x, z; metadata"}},
		"order of groups": {
			groups(g("a", "", "crm"), g("b", "", "mail")), groups(g("b", "", "mail"), g("a", "", "crm")),
			[]string{"~ b  is imported as number 1 instead of 2; behaviour",
				"~ a  is imported as number 2 instead of 1; behaviour"},
		},
		"added": {groups(g("a", "", "crm mail")), groups(g("z", "", ""), g("a", "", "crm mail")),
			[]string{"+ z  number 1 of the import; behaviour"}},
		"removed": {groups(g("a", "", "crm mail"), g("b", "", "")), groups(g("a", "", "crm mail")),
			[]string{"- b  was number 2 of the import; behaviour"}},
		"none at all": {groups(g("a", "x", "crm mail")), groups(g("a", "x", "crm mail")), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := diff(t, some.source(test.older), some.source(test.newer), 100)
			text, _, _ := written(t, r)
			var got []string
			if _, part, ok := strings.Cut(text, "\ngroups\n"); ok {
				for line := range strings.Lines(part) {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" || r.Differ != (test.want != nil) {
				t.Errorf("differ %v, groups (-want +got):\n%s", r.Differ, diff)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	manifest := func(base, repository string, accepted ...string) func(*release.Manifest) {
		return func(m *release.Manifest) {
			m.Base = &release.Base{Name: base, Digest: digest.FromString(base)}
			m.Repository = release.Repository{ID: "release", Name: repository, Directory: "/www/workspaces"}
			m.Scan.Accepted = accepted
			m.Name = repository
		}
	}
	config := func(user string, env ...string) ocispec.ImageConfig {
		return ocispec.ImageConfig{
			User:   user,
			Env:    env,
			Labels: map[string]string{"org.opencontainers.image.version": user, "team": "a"},
		}
	}
	older := some.image(manifest("base:1", "One", "f1", "f2"), map[string]ocispec.ImageConfig{
		"linux/amd64": config("1", "A=1", "GONE=x", "WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=One"),
		"linux/arm64": config("1", "A=1", "GONE=x", "WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=One"),
		"linux/s390x": config("1"),
	})
	newer := some.image(manifest("base:2", "Two", "f2", "f3"), map[string]ocispec.ImageConfig{
		"linux/amd64": config("2", "A=2", "TOKEN="+canary+"in-a-variable",
			"WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=Two"),
		"linux/arm64": config("2", "A=1", "TOKEN="+canary+"in-a-variable",
			"WORKSPACES_STORAGE_GIT_PLATFORM_release_NAME=Two"),
		"linux/ppc64": config("1"),
	})
	r := diff(t, older, newer, 100)
	text, markdown, json := written(t, r)
	_, got, _ := strings.Cut(text, "\nimage\n")
	want := fmt.Sprintf(`    base: changed; behaviour
      - base:1@%s
      + base:2@%s
    platform linux/ppc64: added; behaviour
    platform linux/s390x: removed; behaviour
    user: changed; behaviour
      - 1
      + 2
    variable A (linux/amd64): changed; behaviour
      - 1
      + 2
    variable GONE: removed; behaviour
      - x
    variable TOKEN: added; behaviour
      + ***1
  - accepted finding f1
  + accepted finding f3
`, digest.FromString("base:1"), digest.FromString("base:2"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !r.Images || !r.Differ || r.New.Release != "Two" || strings.Contains(text+markdown+json, canary) {
		t.Errorf("%+v\n%s", r, json)
	}
	if r := diff(t, some.source(nil), newer, 100); r.Images || r.Differ || r.Old.Release != "" {
		t.Errorf("a source has settings: %+v", r)
	}
}

// A secret is hidden even if its JSON encoding, in which detectors see it, differs.
func TestSecretsInSettingsAreHidden(t *testing.T) {
	for value, want := range map[string]string{
		canary + "a&b<c>":    "***1",
		canary + `a\b`:       "(not shown: it contains a probable secret that is not in plain text)",
		canary + "a\tb":      "(not shown: it contains a probable secret that is not in plain text)",
		`no \ secret & such`: `no \ secret & such`,
	} {
		config := map[string]ocispec.ImageConfig{"linux/amd64": {Env: []string{"TOKEN=" + value}}}
		r := diff(t, some.image(nil, map[string]ocispec.ImageConfig{"linux/amd64": {}}), some.image(nil, config), 100)
		if len(r.Settings) != 1 || r.Settings[0].New == nil || *r.Settings[0].New != want {
			t.Errorf("%q: %q", value, *r.Settings[0].New)
		}
	}
}

func TestFiles(t *testing.T) {
	tests := map[string]struct {
		path, older, newer string
		// note and hunks are those of the file; places are those of the hunks.
		note, hunks, places string
		status              compare.Status
	}{
		"added":   {path: "crm/a.md", newer: "a\n", hunks: "@@ -0,0 +1,1 @@|+a", status: compare.Added},
		"removed": {path: "crm/a.md", older: "a\n", hunks: "@@ -1,1 +0,0 @@|-a", status: compare.Removed},
		"changed": {
			path:   "crm/a.md",
			older:  "a\n",
			newer:  "b",
			hunks:  `@@ -1,1 +1,1 @@|-a|+b|\ No newline at end of file`,
			status: compare.Changed,
		},
		"place": {
			path: "crm/a.yml", older: "do:\n  - set:\n      name: a\n  - fetch:\n      url: b\n",
			newer:  "do:\n  - set:\n      name: a\n  - fetch:\n      url: c\n",
			hunks:  "@@ -2,4 +2,4 @@|   - set:|       name: a|   - fetch:|-      url: b|+      url: c",
			places: "do[1].fetch.url", status: compare.Changed,
		},
		"place in a file with a secret": {
			path: "crm/a.yml", older: "a:\n  key: " + canary + "1\n", newer: "a:\n  key: " + canary + "2\n",
			hunks: "@@ -1,2 +1,2 @@| a:|-  key: ***1|+  key: ***2", places: "a.key", status: compare.Changed,
		},
		"JSON": {
			path: "crm/a.json", older: "{\"a\":\n1}\n", newer: "{\"a\":\n2}\n",
			hunks: "@@ -1,2 +1,2 @@| {\"a\":|-1}|+2}", places: "a", status: compare.Changed,
		},
		"formatting": {
			path: "crm/a.yml", older: "a: 1\nb: [x, y]\n", newer: "# why\nb:\n  - x\n  - \"y\"\na: 1\n",
			hunks: "*", places: "*", status: compare.Changed,
			note: "same values: only comments, formatting or the order of keys differ",
		},
		"another document": {
			path: "crm/a.yml", older: "a: 1\n---\nb: 1\n", newer: "a: 1\n---\nb: 2\n",
			hunks: "@@ -1,3 +1,3 @@| a: 1| ---|-b: 1|+b: 2", status: compare.Changed,
		},
		"a key twice": {
			path:   "crm/a.yml",
			older:  "a: 1\nb: 2\n",
			newer:  "a: 1\na: 1\n",
			hunks:  "*",
			places: "b",
			status: compare.Changed,
		},
		"the same key twice": {
			path:   "crm/a.yml",
			older:  "a: 1\na: 1\n",
			newer:  "a: 1\nb: 2\n",
			hunks:  "*",
			places: "a",
			status: compare.Changed,
		},
		"a string is no number": {
			path:   "crm/a.yml",
			older:  "a: 1\n",
			newer:  "a: '1'\n",
			hunks:  "*",
			places: "a",
			status: compare.Changed,
		},
		"the order of a list": {
			path:   "crm/a.yml",
			older:  "a: [1, 2]\n",
			newer:  "a: [2, 1]\n",
			hunks:  "*",
			places: "a[1]",
			status: compare.Changed,
		},
		"binary":    {path: "crm/a.bin", older: "\x00a", newer: "\x00b", note: "not text", status: compare.Changed},
		"not UTF-8": {path: "crm/a.bin", older: "a", newer: "\xff", note: "not text", status: compare.Changed},
		"large": {
			path: "crm/a.md", older: "a\n", newer: strings.Repeat("b", 1<<20+1), note: "too large to show",
			status: compare.Changed,
		},
		"only the secret": {
			path: "crm/a.md", older: "key " + canary + "x\n", newer: "key " + canary + "y\n",
			hunks: "@@ -1,1 +1,1 @@|-key ***1|+key ***2", status: compare.Changed,
		},
		"encoded secret": {
			path: "crm/a.md", older: "a\n", newer: "encoded-secret\n",
			note: "not shown: it contains a probable secret that is not in plain text", status: compare.Changed,
		},
		"unscannable": {
			path:   "crm/a.md",
			older:  "unscannable\n",
			newer:  "a\n",
			note:   "not shown: it could not be scanned for secrets",
			status: compare.Changed,
		},
		"checksums": {
			path: "crm/.import.yml", older: "checksums: {a: 0123456789abcdef0123456789abcdef}\n",
			newer: "checksums: {a: 1123456789abcdef0123456789abcdef}\n",
			note:  "only what the platform writes with each push differs", status: compare.Changed,
		},
		"line ends": {
			path:   "crm/a.md",
			older:  "a\n",
			newer:  "a\r\n",
			hunks:  "@@ -1,1 +1,1 @@|-a|+a\r",
			status: compare.Changed,
		},
		"empty": {path: "crm/a.md", older: "a\n", newer: " ", hunks: "*", status: compare.Changed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := diff(t, some.with(workspaces{test.path: test.older}).source(nil), some.with(workspaces{
				test.path: test.newer,
			}).source(nil), 100)
			w := of(t, r)
			if len(w.Files) != 1 {
				t.Fatalf("files: %+v", w.Files)
			}
			f := w.Files[0]
			var hunks, places []string
			for _, h := range f.Hunks {
				hunks = append(hunks, h.Header+"|"+strings.Join(h.Lines, "|"))
				places = append(places, h.Where)
			}
			got := []string{"crm/" + f.Path, string(f.Status), f.Note, strings.Join(hunks, "|"),
				strings.Join(places, "|")}
			if test.hunks == "*" && len(hunks) > 0 {
				got[3] = "*"
			}
			if test.places == "*" {
				got[4] = "*"
			}
			if diff := cmp.Diff([]string{test.path, string(test.status), test.note, test.hunks, test.places}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			text, markdown, json := written(t, r)
			if strings.Contains(text+markdown+json, canary) {
				t.Errorf("a secret is shown:\n%s\n%s\n%s", text, markdown, json)
			}
			if _, body, _ := strings.Cut(text, test.path); test.note != "" && !strings.Contains(body, test.note) {
				t.Errorf("%q is not told:\n%s", test.note, text)
			}
		})
	}
}

// TestSecretsOfAllFilesAreHiddenEverywhere checks that a secret found in one file is also hidden in
// others, where no detector would find it.
func TestSecretsOfAllFilesAreHiddenEverywhere(t *testing.T) {
	leak := canary + "leaked"
	older := some.with(workspaces{"mail/z.md": leak + "\n", "crm/" + leak + ".md": "x"})
	newer := some.with(workspaces{"crm/index.yml": "name: x" + leak + "x\n"})
	r := diff(t, older.source(nil), newer.source(func(m *release.Manifest) {
		m.Workspaces[0].Version, m.Workspaces[0].DependsOn = leak, []string{leak}
		m.Groups[0].Labels = []string{leak}
	}), 100)
	text, markdown, json := written(t, r)
	if strings.Contains(text+markdown+json, canary) {
		t.Errorf("a secret is shown:\n%s\n%s\n%s", text, markdown, json)
	}
	if !strings.Contains(text, "name: x***1x") || !strings.Contains(text, "version v1 → ***1") {
		t.Errorf("what surrounds the secret is not shown:\n%s", text)
	}
}

func TestTooManySecretsHideContent(t *testing.T) {
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, "%s%d\n", canary, i)
	}
	r := diff(t, some.source(nil), some.with(workspaces{
		"crm/a.md":       many.String(),
		"mail/index.yml": "name: M\n",
	}).source(nil), 1000)
	for _, w := range r.Workspaces {
		for _, f := range w.Files {
			if len(f.Hunks) > 0 || !strings.Contains(f.Note, "too many secrets") {
				t.Errorf("%s/%s is shown: %+v", w.Slug, f.Path, f)
			}
		}
	}
}

func TestConcurrentChangeIsAnError(t *testing.T) {
	edited := some.with(workspaces{"crm/index.yml": "name: Customers\n"})
	newer := edited.source(nil)
	newer.Walk = edited.with(workspaces{"crm/index.yml": "name: Changed again\n"}).walk
	scanner, err := scan.New(scan.Policy{}, detector{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = compare.Compare(t.Context(), some.source(nil), newer, compare.Options{
		Redactor: scanner.NewRedactor(),
		MaxLines: 1,
	})
	var content *compare.ContentError
	if !errors.As(err, &content) || content.Slug != "crm" {
		t.Errorf("error %v", err)
	}
}

func TestLinesAreBoundedAndCounted(t *testing.T) {
	long := strings.Repeat("line\n", 300)
	newer := some.with(workspaces{
		"crm/a.md": long,
		"crm/b.md": long,
		"crm/c.md": long,
		"crm/d.md": long,
		"crm/e.md": long,
	})
	for maxLines, want := range map[int][]int{
		400:  {100, 100, 100, 100, 0},
		2000: {300, 300, 300, 300, 300},
		0:    {0, 0, 0, 0, 0},
		1:    {1, 0, 0, 0, 0},
	} {
		r := diff(t, some.source(nil), newer.source(nil), maxLines)
		var got []int
		shown, hidden := 0, 0
		for _, f := range of(t, r).Files {
			lines := 0
			for _, h := range f.Hunks {
				lines += len(h.Lines)
			}
			got = append(got, lines)
			shown += lines
			if lines == 0 {
				hidden++
			}
			if f.Added != 300 || lines+f.Cut != 300 {
				t.Errorf("%s: %d lines, %d shown, %d cut", f.Path, f.Added, lines, f.Cut)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with %d lines (-want +got):\n%s", maxLines, diff)
		}
		if cut := (compare.Cut{Files: hidden, Lines: 1500 - shown}); r.Cut != cut {
			t.Errorf("with %d lines: cut %+v instead of %+v", maxLines, r.Cut, cut)
		}
		text, _, _ := written(t, r)
		if told := fmt.Sprintf("%d lines left out", 1500-shown); (shown < 1500) != strings.Contains(text, told) {
			t.Errorf("with %d lines, %q:\n%s", maxLines, told, text[max(0, len(text)-300):])
		}
	}
}
