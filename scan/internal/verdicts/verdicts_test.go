// SPDX-License-Identifier: AGPL-3.0-or-later

package verdicts

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/internal/secret"
)

func open(t testing.TB, dir, kind, seal string) *List {
	t.Helper()
	key := secret.Value{}
	if seal != "" {
		key = secret.New(seal)
	}
	l, err := Open(dir, kind, key)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func save(t testing.TB, l *List) {
	t.Helper()
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
}

func key(text string) Key { return sha256.Sum256([]byte(text)) }

func TestVerdictsOutliveTheRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "directory")
	first := open(t, dir, "kind", "")
	if _, known := first.Get(key("a")); known {
		t.Error("a verdict is known that nobody has given")
	}
	first.Put(key("a"), Verdict{Filtered: 7})
	save(t, first)
	second := open(t, dir, "kind", "")
	if v, known := second.Get(key("a")); !known || v.Filtered != 7 {
		t.Errorf("verdict %v, known %v", v, known)
	}
	if _, known := second.Get(key("b")); known || second.Len() != 1 {
		t.Errorf("%d verdicts are known", second.Len())
	}
}

// TestForeignListsAreIgnored: any foreign list is ignored and replaced.
func TestForeignListsAreIgnored(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(data []byte) []byte {
			data[(at+len(data))%len(data)] ^= 1
			return data
		}
	}
	tests := map[string]struct {
		kind, seal string
		damage     func([]byte) []byte
	}{
		"another kind":     {kind: "other", seal: "key"},
		"another key":      {kind: "kind", seal: "other"},
		"no key":           {kind: "kind"},
		"start":            {"kind", "key", flip(0)},
		"kind":             {"kind", "key", flip(len(magic))},
		"entry":            {"kind", "key", flip(headSize)},
		"seal":             {"kind", "key", flip(-1)},
		"cut":              {"kind", "key", func(data []byte) []byte { return data[:len(data)-1] }},
		"an entry missing": {"kind", "key", func(data []byte) []byte { return append(data[:headSize:headSize], data[headSize+entrySize:]...) }},
		"empty":            {"kind", "key", func([]byte) []byte { return nil }},
		"longer":           {"kind", "key", func(data []byte) []byte { return append(data, 0) }},
		"text":             {"kind", "key", func([]byte) []byte { return bytes.Repeat([]byte("no verdicts\n"), 50) }},
		"too long":         {"kind", "key", func([]byte) []byte { return make([]byte, maxSize+entrySize) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, "kind", "key")
			l.Put(key("a"), Verdict{})
			l.Put(key("b"), Verdict{})
			save(t, l)
			if test.damage != nil {
				data, err := os.ReadFile(l.path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(l.path, test.damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			other := open(t, dir, test.kind, test.seal)
			if other.Len() != 0 {
				t.Errorf("%d verdicts are believed", other.Len())
			}
			other.Put(key("c"), Verdict{})
			save(t, other)
			if again := open(t, dir, test.kind, test.seal); again.Len() != 1 {
				t.Errorf("%d verdicts are known after the next run, want 1", again.Len())
			}
		})
	}
}

// TestForgery: a list sealed without the key is rejected even if it is valid otherwise. Without
// a key it is accepted, as documented.
func TestForgery(t *testing.T) {
	for _, seal := range []string{"", "key"} {
		dir := t.TempDir()
		forger := open(t, dir, "kind", "")
		forger.Put(key("leak"), Verdict{})
		save(t, forger)
		if _, believed := open(t, dir, "kind", seal).Get(key("leak")); believed != (seal == "") {
			t.Errorf("with the key %q, a forged verdict is believed: %v", seal, believed)
		}
	}
}

// TestBuildersAtOnce: concurrent writes leave a valid list, and a single writer adds to the
// existing one.
func TestBuildersAtOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 10 {
				l, err := Open(dir, "kind", secret.Value{})
				if err != nil {
					t.Error(err)
					return
				}
				l.Put(key(fmt.Sprint(i, n)), Verdict{})
				if err := l.Save(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	before := open(t, dir, "kind", "").Len()
	if before == 0 {
		t.Error("nothing is left")
	}
	one, two := open(t, dir, "kind", ""), open(t, dir, "kind", "")
	one.Put(key("one"), Verdict{})
	two.Put(key("two"), Verdict{})
	save(t, one)
	save(t, two)
	if after := open(t, dir, "kind", "").Len(); after != before+2 {
		t.Errorf("%d verdicts of two builders and of %d before", after, before)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files %v, error %v; want the list alone", files, err)
	}
}

// TestNothingNewIsNotWritten: an unchanged cache is not written, so that a CI cache does not change needlessly.
func TestNothingNewIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "kind", "")
	l.Put(key("a"), Verdict{})
	save(t, l)
	if err := os.Chmod(l.path, 0o400); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, "kind", "")
	again.Get(key("a"))
	save(t, again)
	if info, err := os.Stat(l.path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the list is another file now: %v, error %v", info, err)
	}
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		stale := open(t, dir, "earlier detectors", "")
		stale.Put(key("a"), Verdict{})
		save(t, stale)
		old := time.Now().Add(-maxAge - time.Hour) // the file system does not use the fake clock of this test
		l := open(t, dir, "kind", "")
		l.Put(key("used"), Verdict{})
		l.Put(key("forgotten"), Verdict{})
		save(t, l)
		time.Sleep(maxAge - 24*time.Hour)
		l = open(t, dir, "kind", "")
		l.Get(key("used"))
		save(t, l)
		time.Sleep(48 * time.Hour)
		if err := os.Chtimes(stale.path, old, old); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir, "kind", "")
		l.Put(key("new"), Verdict{})
		save(t, l)
		for name, want := range map[string]bool{"used": true, "new": true, "forgotten": false} {
			if _, known := open(t, dir, "kind", "").Get(key(name)); known != want {
				t.Errorf("%s is known: %v, want %v", name, known, want)
			}
		}
		if _, err := os.Stat(stale.path); err == nil {
			t.Error("the list of a kind that nobody uses is still there")
		}
	})
}

// TestSize: the oldest entries above the limit are removed.
func TestSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir(), "kind", "")
		l.room = 3
		for i := range 5 {
			l.Put(key(fmt.Sprint(i)), Verdict{})
			time.Sleep(24 * time.Hour)
		}
		l.Get(key("0"))
		save(t, l)
		again := open(t, filepath.Dir(l.path), "kind", "")
		for i, want := range []bool{true, false, false, true, true} {
			if _, known := again.Get(key(fmt.Sprint(i))); known != want {
				t.Errorf("verdict %d is known: %v, want %v", i, known, want)
			}
		}
		if most := open(t, t.TempDir(), "kind", "").room; maxSize < headSize+most*entrySize+sha256.Size {
			t.Errorf("a list of %d entries is too long to be read", most)
		}
	})
}

func TestDirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "below"), "kind", secret.Value{}); err == nil {
		t.Error("no error")
	}
	dir := t.TempDir()
	l := open(t, dir, "kind", "")
	l.Put(key("a"), Verdict{})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if l.Save() == nil {
		t.Error("what cannot be written is not told")
	}
}

// FuzzDecode: the reader accepts any file, and what it reads is written back identically.
func FuzzDecode(f *testing.F) {
	l := open(f, f.TempDir(), "kind", "")
	f.Add(l.encodeFile()[headSize:])
	l.Put(key("a"), Verdict{Filtered: 1})
	l.Put(key("b"), Verdict{})
	f.Add(l.encodeFile()[headSize:])
	f.Fuzz(func(t *testing.T, entries []byte) {
		data := append([]byte(magic), l.kind[:]...)
		data = append(data, entries...)
		for _, file := range [][]byte{entries, data, append(data[:len(data):len(data)], l.computeSeal(data)...)} {
			known, err := l.decodeFile(file)
			if err != nil {
				continue
			}
			again := List{kind: l.kind, known: known}
			if twice, err := l.decodeFile(again.encodeFile()); err != nil || len(twice) != len(known) {
				t.Errorf("%d entries become %d, error %v", len(known), len(twice), err)
			}
		}
	})
}
