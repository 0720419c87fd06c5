// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/scan"
)

// TestPublicKeys: the key in a Firebase configuration is public, but the same key alone is not.
func TestPublicKeys(t *testing.T) {
	const key = "AIzaSyD3kq8Lq2Vn7Xw4Rt9Bp3Ys6Dm1QaXcVbN"
	tests := map[string]struct {
		path, text string
		want       int
	}{
		"YAML":          {"w/index.yml", inConfig("firebase:\n  apiKey: " + key + "\n  authDomain: a.firebaseapp.com\n  messagingSenderId: '123456789012'"), 1},
		"code":          {"w/a.js", "const c = { apiKey: \"" + key + "\", authDomain: \"a\", appId: \"1:1:web:0a1b\" };", 1},
		"alone":         {"w/index.yml", inConfig("apiKey: " + key), 0},
		"one field":     {"w/index.yml", inConfig("apiKey: " + key + "\nauthDomain: a.example.org"), 0},
		"another token": {"w/index.yml", inConfig("apiKey: " + opaque + "\nauthDomain: a\nmessagingSenderId: 1"), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			result, err := d.Scan(t.Context(), scan.File{Path: test.path, Data: []byte(test.text)})
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Public) != test.want {
				t.Fatalf("%d public keys, want %d", len(result.Public), test.want)
			}
			if test.want == 1 && result.Public[0].Secret.Reveal() != key {
				t.Error("another text is the key")
			}
		})
	}
}

// TestLongLine: each password in a line that is split into pieces is found once, in its column,
// also across the border of two pieces.
func TestLongLine(t *testing.T) {
	var line strings.Builder
	var columns []int
	for i := range 6 {
		line.WriteString(strings.Repeat("lorem ", (maxPiece/3)/6))
		columns = append(columns, line.Len()+len("password=")+1)
		fmt.Fprintf(&line, "password=Qz7vLp2wRt%d; ", i)
	}
	list := matches(t, "w/a.txt", line.String())
	var got []int
	for _, m := range list {
		got = append(got, m.Column)
	}
	if !slices.Equal(got, columns) {
		t.Errorf("passwords in the columns %v, want %v", got, columns)
	}
}
