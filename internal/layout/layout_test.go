// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/prismeai/workspaces-release"
	root   = "../.."
	// maxLines of code bounds a file, tests apart: beyond it, a file holds more than one thing.
	maxLines = 500
)

// goPackage is what we need of go list's output.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// under reports whether a package is path or below it.
func under(pkg, path string) bool { return pkg == path || strings.HasPrefix(pkg, path+"/") }

func TestImports(t *testing.T) {
	ours := func(dir string) string { return module + "/" + dir }
	direct := []struct {
		what, pkg string
		allowed   []string
	}{
		{"BuildKit", "github.com/moby/buildkit", []string{ours("builder/internal/engine")}},
		{"TruffleHog", "github.com/trufflesecurity/trufflehog", []string{ours("scan/trufflehog")}},
		{"go-git", "github.com/go-git/go-git", []string{ours("builder/internal/source")}},
	}
	indirect := []struct {
		tree      string
		forbidden []string
	}{
		{ours("internal"), []string{ours("builder"), ours("scan"), ours("sidecar")}},
		{ours("scan"), []string{ours("builder"), ours("sidecar"), "github.com/moby/buildkit"}},
		{ours("sidecar"), []string{
			ours("builder"), ours("scan"), "github.com/moby/buildkit", "github.com/trufflesecurity",
			"github.com/containerd", "google.golang.org/grpc", "k8s.io",
		}},
	}
	for _, p := range packages(t) {
		for _, rule := range direct {
			if slices.ContainsFunc(rule.allowed, func(dir string) bool { return under(p.ImportPath, dir) }) {
				continue
			}
			for _, imported := range p.Imports {
				if under(imported, rule.pkg) {
					t.Errorf("%s imports %s: only %v may import %s", p.ImportPath, imported, rule.allowed, rule.what)
				}
			}
		}
		for _, rule := range indirect {
			if !under(p.ImportPath, rule.tree) {
				continue
			}
			for _, dep := range p.Deps {
				if slices.ContainsFunc(rule.forbidden, func(tree string) bool { return under(dep, tree) }) {
					t.Errorf("%s depends on %s", p.ImportPath, dep)
				}
			}
		}
	}
}

// sources calls fn for every file that git would track.
func sources(t *testing.T, fn func(path string, data []byte)) {
	t.Helper()
	skip := []string{".git", ".tools/bin", "bin", "node_modules"}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skip, path):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, path))
		if err == nil {
			fn(path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEverySourceFileNamesItsLicence(t *testing.T) {
	checked := 0
	sources(t, func(path string, data []byte) {
		if ext := filepath.Ext(path); ext != ".go" && ext != ".sh" && path != "Makefile" && path != ".ci/run" {
			return
		}
		checked++
		want := "Apache-2.0"
		if under(path, "builder") || under(path, "scan") {
			want = "AGPL-3.0-or-later"
		}
		head, _, _ := bytes.Cut(data, []byte("\n\n"))
		if !bytes.Contains(head, []byte("SPDX-License-Identifier: "+want+"\n")) && !bytes.HasSuffix(head, []byte("SPDX-License-Identifier: "+want)) {
			t.Errorf("%s does not start with SPDX-License-Identifier: %s", path, want)
		}
	})
	if checked < 20 {
		t.Errorf("only %d files were looked at", checked)
	}
	for _, text := range []string{"AGPL-3.0-or-later", "Apache-2.0"} {
		if _, err := os.Stat(filepath.Join(root, "LICENSES", text+".txt")); err != nil {
			t.Error(err)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	sources(t, func(path string, data []byte) {
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			if n := bytes.Count(data, []byte("\n")); n > maxLines {
				t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
			}
		}
	})
}
