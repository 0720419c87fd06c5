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
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/prismeai/workspaces-release"
	root   = "../.."
	// maxLines is the maximum number of lines of a Go file, except for tests.
	maxLines = 500
)

// goPackage is the part of go list's output that the tests use.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	// TestImports and XTestImports are the direct imports of the tests.
	TestImports, XTestImports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,TestImports,XTestImports", "./...")
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

func ours(dir string) string { return module + "/" + dir }

// Only one package imports each large dependency.
func TestOneDoorForEachLargeDependency(t *testing.T) {
	all := packages(t)
	git := ours("builder/internal/git")
	for _, rule := range []struct {
		what, pkg string
		doors     []string
	}{
		{"BuildKit", "github.com/moby/buildkit", []string{ours("builder/internal/engine")}},
		{"TruffleHog", "github.com/trufflesecurity/trufflehog", []string{ours("scan/trufflehog")}},
		{"go-git", "github.com/go-git/go-git", []string{git, ours("builder/internal/source")}},
		{"go-git's protocols", "github.com/go-git/go-git/v5/plumbing/protocol", []string{git}},
		{"go-git's transports", "github.com/go-git/go-git/v5/plumbing/transport", []string{git}},
	} {
		used := map[string]bool{}
		for _, p := range all {
			door := slices.IndexFunc(rule.doors, func(door string) bool { return under(p.ImportPath, door) })
			for _, imported := range p.Imports {
				switch {
				case !under(imported, rule.pkg):
				case door >= 0:
					used[rule.doors[door]] = true
				default:
					t.Errorf("%s imports %s: only %v may import %s", p.ImportPath, imported, rule.doors, rule.what)
				}
			}
		}
		for _, door := range rule.doors {
			if !used[door] {
				t.Errorf("%s does not import %s: this rule checks nothing", door, rule.what)
			}
		}
	}
}

// Packages that a tree must not link. The first entries of each list are our own trees, which its
// tests must not use either.
func TestTreesAreApart(t *testing.T) {
	rules := []struct {
		tree      string
		ours      []string
		forbidden []string
	}{
		{"internal", []string{"builder", "scan", "sidecar"}, []string{"github.com/moby/buildkit", "github.com/trufflesecurity"}},
		{"scan", []string{"builder", "sidecar"}, []string{"github.com/moby/buildkit"}},
		{"builder", []string{"sidecar"}, []string{"k8s.io"}},
		{"sidecar", []string{"builder", "scan"}, []string{
			"github.com/moby/buildkit", "github.com/trufflesecurity", "github.com/containerd", "google.golang.org/grpc", "k8s.io", "github.com/go-git",
			"text/template", // it looks up methods by name, so the linker has to keep all of them
		}},
	}
	all := packages(t)
	for _, rule := range rules {
		var trees []string
		for _, tree := range rule.ours {
			trees = append(trees, ours(tree))
		}
		checked := 0
		for _, p := range all {
			if !under(p.ImportPath, ours(rule.tree)) {
				continue
			}
			checked++
			report(t, p.ImportPath+" depends on", p.Deps, append(rule.forbidden, trees...))
			report(t, "a test of "+p.ImportPath+" imports", append(p.TestImports, p.XTestImports...), trees)
		}
		if checked == 0 {
			t.Errorf("there is no package in %s: this rule checks nothing", rule.tree)
		}
	}
}

// report reports the packages that are in a forbidden tree.
func report(t *testing.T, what string, packages, forbidden []string) {
	t.Helper()
	for _, pkg := range packages {
		if slices.ContainsFunc(forbidden, func(tree string) bool { return under(pkg, tree) }) {
			t.Errorf("%s %s", what, pkg)
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

// licensed reports whether a file needs a licence header. Workspaces and test data do not, because
// they are content.
func licensed(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".sh", ".mk":
		return true
	case ".yml", ".yaml":
		return !under(path, "examples/workspaces") && !strings.Contains(path, "/testdata/")
	}
	return path == "Makefile" || under(path, ".ci") || path == "internal/needs/programs.txt"
}

var licenceLine = regexp.MustCompile(`SPDX-License-Identifier: (\S+)`)

func TestEverySourceFileNamesItsLicence(t *testing.T) {
	checked := map[string]int{}
	sources(t, func(path string, data []byte) {
		if !licensed(path) {
			return
		}
		checked[filepath.Ext(path)]++
		want := "Apache-2.0"
		if under(path, "builder") || under(path, "scan") {
			want = "AGPL-3.0-or-later"
		}
		head, _, _ := bytes.Cut(data, []byte("\n\n"))
		if found := licenceLine.FindSubmatch(head); found == nil || string(found[1]) != want {
			t.Errorf("%s does not start with SPDX-License-Identifier: %s", path, want)
		}
	})
	if checked[".go"] < 100 || checked[".yaml"] < 2 || checked[""] < 4 {
		t.Errorf("too few files were checked: %v", checked)
	}
}

func TestLicencesHaveTheirTexts(t *testing.T) {
	titles := map[string]string{
		"AGPL-3.0-or-later.txt": "GNU AFFERO GENERAL PUBLIC LICENSE",
		"Apache-2.0.txt":        "Apache License",
	}
	texts, err := os.ReadDir(filepath.Join(root, "LICENSES"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		data, err := os.ReadFile(filepath.Join(root, "LICENSES", text.Name()))
		title, known := titles[text.Name()]
		if err != nil || !known || !strings.Contains(string(data[:min(len(data), 200)]), title) {
			t.Errorf("%s is not the text of a licence of ours: %v", text.Name(), err)
		}
		delete(titles, text.Name())
	}
	if len(titles) > 0 {
		t.Errorf("missing licence texts: %v", titles)
	}
}

// Forges and pkg.go.dev detect the licence of a module or directory from the plain text in its
// LICENSE: github.com/go-enry/go-license-detector v4.3.0 sees Apache-2.0 with a confidence of 0.99
// at the root, and AGPL-3.0 with 0.96 in builder and scan.
func TestTreesHaveTheirLicence(t *testing.T) {
	for file, text := range map[string]string{
		"LICENSE":         "Apache-2.0.txt",
		"builder/LICENSE": "AGPL-3.0-or-later.txt",
		"scan/LICENSE":    "AGPL-3.0-or-later.txt",
	} {
		got, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(root, "LICENSES", text))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not the text of LICENSES/%s", file, text)
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
