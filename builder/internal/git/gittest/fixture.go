// SPDX-License-Identifier: AGPL-3.0-or-later

package gittest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Shop returns a repository with one file, shop/index.yml.
func Shop(t testing.TB) *Repository {
	t.Helper()
	r := NewRepository(t)
	r.Commit(t, "main", Index("name: Shop\n"))
	return r
}

// Index returns the file shop/index.yml.
func Index(data string) File { return File{Path: "shop/index.yml", Data: data} }

// WithUser adds user-info to a URL.
func WithUser(url, userinfo string) string { return strings.Replace(url, "://", "://"+userinfo+"@", 1) }

// PktLine encodes a text as a pkt-line of Git's protocol.
func PktLine(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// Answer returns a handler that always sends the given body.
func Answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

// Environment returns a getenv function for alternating names and values.
func Environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// WriteFiles creates a temporary directory with the given files.
func WriteFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
