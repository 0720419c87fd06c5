// SPDX-License-Identifier: AGPL-3.0-or-later

package layer_test

import (
	"bytes"
	"path"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
)

// FuzzAdd checks that, for any names, an error is final, and that the layer stays below its
// directory, deletes nothing and unpacks to the files that were added.
func FuzzAdd(f *testing.F) {
	f.Add("hr/index.yml\nhr/automations/a.yml")
	f.Add("a\na-b\na/b")
	f.Add("../a\n/b\n.wh.c\n\n")
	f.Add("a/b\na/b/c\n" + strings.Repeat("é/", 200) + "d")
	f.Fuzz(func(t *testing.T, names string) {
		var blob bytes.Buffer
		w, err := layer.NewWriter(&blob, options)
		if err != nil {
			t.Fatal(err)
		}
		var added []string
		for name := range strings.SplitSeq(names, "\n") {
			if err = w.Add(name, []byte(name)); err != nil {
				break
			}
			added = append(added, name)
		}
		l, closed := w.Close()
		if err != nil {
			if closed != err || l != (layer.Layer{}) {
				t.Fatalf("layer %+v and error %v after error %v", l, closed, err)
			}
			return
		}
		if closed != nil {
			t.Fatal(closed)
		}
		if l.Files != len(added) {
			t.Errorf("%d files, added %d", l.Files, len(added))
		}
		checkSafe(t, entries(t, blob.Bytes()), added)
	})
}

// checkSafe requires that each entry occurs once, in a directory that has an entry, and that the
// added files have their content.
func checkSafe(t *testing.T, list []entry, added []string) {
	const prefix = "www/workspaces/"
	kinds := map[string]byte{prefix: 'd'}
	for _, e := range list[2:] {
		name := strings.TrimSuffix(e.Header.Name, "/")
		if !strings.HasPrefix(name, prefix) || path.Clean(name) != name || strings.Contains(name, "/.wh.") {
			t.Errorf("entry %q", e.Header.Name)
		}
		if kinds[name] != 0 {
			t.Errorf("entry %q comes twice", e.Header.Name)
		}
		if parent := path.Dir(name); parent+"/" != prefix && kinds[parent] != 'd' {
			t.Errorf("entry %q has no directory", e.Header.Name)
		}
		kinds[name] = 'f'
		if strings.HasSuffix(e.Header.Name, "/") {
			kinds[name] = 'd'
			continue
		}
		if len(added) == 0 || name != prefix+added[0] || e.Data != added[0] {
			t.Fatalf("file %q with content %q, want the files %q", name, e.Data, added)
		}
		added = added[1:]
	}
	if len(added) > 0 {
		t.Errorf("files %q are missing", added)
	}
}
