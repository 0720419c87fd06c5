// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDescribeCheckouts: the introduction has the numbers and the names of the run.
func TestDescribeCheckouts(t *testing.T) {
	random := example{secret: "Zk8Lq2Vn7Xw4Rt9Bp3Ys6Dm1Qa"}
	words := example{secret: "thisismypassword"}
	tests := map[string]struct {
		corpora []corpus
		want    string
	}{
		"one": {
			[]corpus{{name: "a", files: 1, examples: []example{random}}},
			"1 examples from 1 files with rules of a. 0 of the examples",
		},
		"three": {
			[]corpus{
				{name: "a", files: 2, examples: []example{random, words}},
				{name: "b", files: 3, examples: []example{words}},
				{name: "c", files: 4},
			},
			"3 examples from 9 files with rules of a, b and c. 2 of the examples",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := describeCheckouts(test.corpora); !strings.Contains(got, test.want) {
				t.Errorf("want %q in:\n%s", test.want, got)
			}
		})
	}
}

// TestYAMLExamples counts the files that have examples.
func TestYAMLExamples(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yml": "rules: [{id: a.1, pattern: '(x+)', examples: [yxxy, zxz]}, {id: a.2, pattern: y, examples: [y]}]",
		"b.yml": "rules: [{id: b.1, pattern: y}]",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, files, err := yamlExamples(dir, 1)
	if err != nil || len(list) != 2 || files != 1 || list[0].secret != "xx" {
		t.Errorf("%d examples of %d files, %v: %+v, want 2 of 1", len(list), files, err, list)
	}
}
