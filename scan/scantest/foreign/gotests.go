// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// goExamples reads examples from the tests of detectors in Go: the first test case of each package
// with an input and a secret that it wants to be found there. TruffleHog and OSV-SCALIBR write
// their tests in this way.
func goExamples(dir string) ([]example, error) {
	files := map[string][]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, "_test.go") ||
			strings.HasSuffix(name, "_integration_test.go") {
			return err
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		files[filepath.Dir(name)] = append(files[filepath.Dir(name)], file)
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []example
	for name, tests := range files {
		rule, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		if e, found := firstExample(tests); found {
			e.rule = filepath.ToSlash(rule)
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b example) int { return strings.Compare(a.rule, b.rule) })
	return list, nil
}

// firstExample returns the first example in the tests of a package.
func firstExample(tests []*ast.File) (example, bool) {
	for _, file := range tests {
		values := constants(file)
		var first example
		ast.Inspect(file, func(n ast.Node) bool {
			if first.text != "" {
				return false
			}
			switch n := n.(type) {
			case *ast.CompositeLit:
				first = values.testCase(n)
			case *ast.CallExpr:
				first = values.acceptance(n)
			}
			return true
		})
		if first.text != "" {
			return first, true
		}
	}
	return example{}, false
}

// definitions are the constants and variables of a file.
type definitions map[string]ast.Expr

func constants(file *ast.File) definitions {
	values := definitions{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					values[name.Name] = n.Values[i]
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && i < len(n.Rhs) {
					values[name.Name] = n.Rhs[i]
				}
			}
		}
		return true
	})
	return values
}

// testCase reads a literal with the fields input and want.
func (d definitions) testCase(lit *ast.CompositeLit) example {
	fields := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok {
				fields[key.Name] = pair.Value
			}
		}
	}
	if fields["input"] == nil || fields["want"] == nil {
		return example{}
	}
	text, _ := d.evaluate(fields["input"], 0)
	var secret string
	ast.Inspect(fields["want"], func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok || secret != "" {
			return secret == ""
		}
		value, known := d.evaluate(e, 0)
		if known && value != "" && strings.Contains(text, value) {
			secret = value
		}
		return !known // the parts of a known value are no secrets
	})
	if secret == "" {
		return example{}
	}
	return example{text: text, secret: secret}
}

// acceptance reads velestest.AcceptDetector(t, detector, example, …).
func (d definitions) acceptance(call *ast.CallExpr) example {
	name, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || name.Sel.Name != "AcceptDetector" || len(call.Args) < 3 {
		return example{}
	}
	text, _ := d.evaluate(call.Args[2], 0)
	return example{text: text, secret: text}
}

// maxDepth limits how many definitions refer to each other.
const maxDepth = 20

// evaluate returns the value of a constant expression of strings.
func (d definitions) evaluate(e ast.Expr, depth int) (string, bool) {
	if depth > maxDepth {
		return "", false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.Ident:
		value, known := d[e.Name]
		if !known {
			return "", false
		}
		return d.evaluate(value, depth+1)
	case *ast.ParenExpr:
		return d.evaluate(e.X, depth+1)
	case *ast.BinaryExpr:
		left, known := d.evaluate(e.X, depth+1)
		right, also := d.evaluate(e.Y, depth+1)
		return left + right, known && also && e.Op == token.ADD
	case *ast.CallExpr:
		return d.format(e, depth)
	}
	return "", false
}

// format returns the value of fmt.Sprintf with strings.
func (d definitions) format(call *ast.CallExpr, depth int) (string, bool) {
	name, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || name.Sel.Name != "Sprintf" {
		return "", false
	}
	var args []any
	for _, arg := range call.Args {
		value, known := d.evaluate(arg, depth+1)
		if !known {
			return "", false
		}
		args = append(args, value)
	}
	layout, _ := args[0].(string)
	return fmt.Sprintf(layout, args[1:]...), true
}
