// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

// shuffled is a directory that lists its entries in another order every time.
type shuffled struct{ directory }

func (d shuffled) entries(limit int) ([]entry, error) {
	list, err := d.directory.entries(limit)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for i := range list {
		if inner := list[i].open; inner != nil {
			list[i].open = func() (directory, error) {
				below, err := inner()
				return shuffled{below}, err
			}
		}
	}
	return list, err
}

// Files come in the byte order of their paths, which is not the one of directories.
func TestOrder(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{
		"a/x": "", "a.b/x": "", "a-b/x": "", "B/x": "", "é/x": "", "a/y/z": "", "a/y.z": "", "a/y-z": "", ".b": "", ".a": "", "z/.DS_Store": "", "c/.wh.b": "", "c/.wh.a": "", "C/x": "",
	})
	want := []string{"B/x", "C/x", "a-b/x", "a.b/x", "a/x", "a/y-z", "a/y.z", "a/y/z", "é/x"}
	for range 20 {
		tree := open(t, dir, Options{})
		tree.root = shuffled{tree.root}
		var paths []string
		report, err := tree.Walk(t.Context(), func(f File) error { paths = append(paths, f.Path); return nil })
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "files", paths, want)
		equal(t, "dropped", dropped(t, report), []string{".a", ".b", "z/.DS_Store"})
		equal(t, "diagnostics", rules(t, report), []string{"c case-collision", "c/.wh.a name-whiteout",
			"c/.wh.b name-whiteout"})
	}
}

func TestWalkEndsEarly(t *testing.T) {
	stop := errors.New("stop")
	dir := gittest.WriteFiles(t, map[string]string{"a/1": "", "a/2": "", "b/1": ""})
	for at := 1; at <= 7; at++ { // before each of five entries, and before the first two files
		ctx, cancel := context.WithCancelCause(t.Context())
		files := 0
		report, err := open(t, dir, Options{}).Walk(&hookContext{Context: ctx, left: at, fn: func() { cancel(stop) }},
			func(File) error { files++; return nil })
		if !errors.Is(err, stop) || files != max(at-6, 0) || report.Files != 0 {
			t.Errorf("at %d: %d files, %+v, %v", at, files, report, err)
		}
	}
	_, err := open(t, dir, Options{}).Walk(t.Context(), func(f File) error {
		if f.Path == "a/2" {
			return stop
		}
		return nil
	})
	if err != stop {
		t.Errorf("error %v", err)
	}
}

// failing is a directory whose file cannot be read.
type failing struct{ err error }

func (d failing) entries(int) ([]entry, error) {
	return []entry{{name: "a", kind: folder, open: func() (directory, error) { return broken(d), nil }}}, nil
}

type broken struct{ err error }

func (d broken) entries(int) ([]entry, error) {
	return []entry{{name: "b", kind: regular, read: func() ([]byte, error) { return nil, d.err }}}, nil
}

// An error of the disk is none that a user of the source could mend: it ends the walk.
func TestReadErrors(t *testing.T) {
	disk := errors.New("input/output error")
	tree := &Tree{root: failing{disk}, limits: DefaultLimits()}
	if _, err := tree.Walk(t.Context(), func(File) error { return nil }); !errors.Is(err, disk) ||
		!strings.Contains(err.Error(), "a/b") {
		t.Errorf("error %v", err)
	}
}

// What is printed commands no terminal, and is valid UTF-8.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"a/b", "\xff", "\x1b[2J", "\u202etxt", "é\u0085\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := printableName(name)
		if strings.ContainsFunc(got, isUnprintable) || strings.ToValidUTF8(got, "") != got || printableName(got) != got {
			t.Fatalf("%q becomes %q", name, got)
		}
	})
}

// Whatever the names of a directory are, those that are accepted can be unpacked as
// they are, and side by side where case does not count.
func FuzzNames(f *testing.F) {
	f.Add("index.yml", "INDEX.yml")
	f.Add("..", ".wh.a")
	f.Add("a/b", "a\\b")
	f.Add("\xff", "\u212a")
	f.Fuzz(func(t *testing.T, first, second string) {
		w := newWalker(DefaultLimits())
		list := []entry{{name: first, kind: regular, path: "shop/" + first},
			{name: second, kind: regular, path: "shop/" + second}}
		slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		if err := w.visitAll(t.Context(), "shop", list); err != nil {
			t.Fatal(err)
		}
		for _, e := range w.files {
			rest, ok := strings.CutPrefix(e.path, "shop/")
			if !ok || rest == "" || rest == "." || rest == ".." || strings.ContainsAny(rest, "/\\\x00") ||
				strings.HasPrefix(rest, ".wh.") || len(rest) > maxName || printableName(rest) != rest {
				t.Fatalf("%q ships", e.path)
			}
		}
		if len(w.files) == 2 && len(w.report.Diagnostics) == 0 && strings.EqualFold(first, second) {
			t.Fatalf("%q and %q ship side by side", first, second)
		}
	})
}
