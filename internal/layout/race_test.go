// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheRaceDetectorMissesNothing checks the packages that `make race` leaves out: their code
// starts no goroutine.
func TestTheRaceDetectorMissesNothing(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^SEQUENTIAL := (.+)$`).FindSubmatch(data)
	if list == nil {
		t.Fatal("the Makefile has no SEQUENTIAL")
	}
	for _, dir := range strings.Fields(string(list[1])) {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no Go file: %v", dir, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				checkSequential(t, file)
			}
		}
	}
}

// checkSequential fails the test if a file starts a goroutine, or calls a method that does.
func checkSequential(t *testing.T, file string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		_, starts := n.(*ast.GoStmt)
		if selector, ok := n.(*ast.SelectorExpr); ok {
			starts = selector.Sel.Name == "Go"
		}
		if starts {
			t.Errorf("%s starts a goroutine: take its package out of SEQUENTIAL in the Makefile", set.Position(n.Pos()))
		}
		return true
	})
}
