// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch/watchtest"
)

// write writes content in place, not atomically.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace replaces a file with a rename.
func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// age makes a file look unmodified for an hour.
func age(t *testing.T, path string) {
	t.Helper()
	date(t, path, time.Now().Add(-time.Hour))
}

func date(t *testing.T, path string, modified time.Time) {
	t.Helper()
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

// beside runs f in the bubble, and returns a function that stops it.
func beside(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	return func() { cancel(); <-done }
}

func TestReadWaitsForAFileThatIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "at:ha") // like a writer that stopped midway
		defer beside(func(context.Context) {
			time.Sleep(settleTime / 2)
			write(t, path, "at:half")
			time.Sleep(settleTime)
			write(t, path, "at:half-no-more")
		})()
		got, err := Read(t.Context(), path, 100)
		if err != nil || string(got) != "at:half-no-more" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestReadWaitsForAFileThatWasJustEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "")
		defer beside(func(context.Context) {
			time.Sleep(settleTime / 2)
			write(t, path, "at:new")
		})()
		got, err := Read(t.Context(), path, 100)
		if err != nil || string(got) != "at:new" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestReplacementsDoNotDelayReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "first")
		defer beside(func(ctx context.Context) {
			for ctx.Err() == nil {
				time.Sleep(settleTime / 10)
				replace(t, path, "another")
			}
		})()
		start := time.Now()
		got, err := Read(t.Context(), path, 100)
		if err != nil || string(got) != "first" || time.Since(start) > 2*settleTime {
			t.Errorf("%q, %v after %s", got, err, time.Since(start))
		}
	})
}

func TestReadOfAQuietFileDoesNotWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "at:old")
	age(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a wait would return now
	if got, err := Read(ctx, path, 6); err != nil || string(got) != "at:old" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadGivesUpOnAFileThatChangesAllTheTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "0")
		defer beside(func(ctx context.Context) {
			time.Sleep(settleTime / 4) // never at the time of a read
			for n := 1; ctx.Err() == nil; n++ {
				time.Sleep(settleTime / 2)
				write(t, path, strings.Repeat("x", n%50))
			}
		})()
		if got, err := Read(t.Context(), path, 100); err == nil || !strings.Contains(err.Error(), "keeps changing") {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	large, fresh := filepath.Join(dir, "large"), filepath.Join(dir, "fresh")
	write(t, large, "12345")
	age(t, large)
	write(t, fresh, "x")
	date(t, fresh, time.Now().Add(time.Hour)) // however long it takes until it is read
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		path string
		want error
	}{
		"missing":   {t.Context(), filepath.Join(dir, "none"), fs.ErrNotExist},
		"large":     {t.Context(), large, &limit.Error{Subject: "it", Max: 4}},
		"directory": {t.Context(), dir, nil},
		"ended":     {ended, fresh, context.Canceled},
	} {
		_, err := Read(c.ctx, c.path, 4)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "ended" {
			continue // SumOf does not wait
		}
		if _, err := SumOf(c.path, 4); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("sum of %s: %v", name, err)
		}
	}
}

// TestAFileIsFoundWhileItIsReplaced opens a file thousands of times while the target of its link is
// being removed.
func TestAFileIsFoundWhileItIsReplaced(t *testing.T) {
	m, err := watchtest.NewMount(t.TempDir(), map[string]string{"token": "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer beside(func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := m.Swap(map[string]string{"token": "t"}); err != nil {
				t.Error(err)
			}
		}
	})()
	for range 20_000 {
		if _, err := SumOf(m.Path("token"), 10); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSumOfContents(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "same")
	write(t, b, "same")
	first, err := SumOf(a, 4)
	second, err2 := SumOf(b, 4)
	if err != nil || err2 != nil || first != second || first == (Sum{}) {
		t.Errorf("%x, %v and %x, %v", first, err, second, err2)
	}
	write(t, b, "sane")
	if third, err := SumOf(b, 4); err != nil || third == first {
		t.Errorf("%x, %v", third, err)
	}
}
