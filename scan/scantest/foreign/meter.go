// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// meter runs the programs and collects the tables.
type meter struct {
	options
	programs []programs.Program
	out      io.Writer
	text     strings.Builder
}

// seed makes the samples independent of the order of files.
const seed = "workspaces-release/1:"

// sample returns at most n entries of a list, the same ones each time.
func sample[T any](list []T, n int, key func(T) string) []T {
	order := func(v T) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(seed+key(v)))) }
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(order(a), order(b)) })
	return list[:min(n, len(list))]
}

// tree is a directory of files that the programs scan.
type tree struct {
	dir   string
	files map[string][]byte
	// rates and labels are those of planted secrets, by path.
	rates  map[string]*rate
	labels map[string]string
}

func newTree(dir string) *tree {
	return &tree{dir, map[string][]byte{}, map[string]*rate{}, map[string]string{}}
}

// plant adds a file with a secret, which counts in the rate of a name.
func (t *tree) plant(rates map[string]*rate, name, file string, data []byte, label string) {
	if rates[name] == nil {
		rates[name] = &rate{}
	}
	rates[name].total++
	t.files[file] = data
	t.rates[file] = rates[name]
	t.labels[file] = label
}

// write replaces the directory.
func (t *tree) write() error {
	if err := os.RemoveAll(t.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, data := range t.files {
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run scans the tree with every program and returns the findings of each. The programs besides the
// builder are of pinned versions, so their reports on the same tree are read again.
func (m *meter) run(ctx context.Context, t *tree) ([][]programs.Finding, error) {
	programs.AddIndexes(t.files)
	if err := t.write(); err != nil {
		return nil, err
	}
	var all [][]programs.Finding
	for i, p := range m.programs {
		findings, err := m.runProgram(ctx, p, t, i > 0)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s: %d findings of %s in %d files\n",
			filepath.Base(t.dir), len(findings), p.Name, len(t.files))
		all = append(all, findings)
	}
	return all, nil
}

// runProgram returns the findings of a program, which may be those of an earlier run.
func (m *meter) runProgram(
	ctx context.Context, p programs.Program, t *tree, reuse bool,
) ([]programs.Finding, error) {
	report := fmt.Sprintf("%s.%s.%s.json", t.dir, strings.ReplaceAll(p.Name, " ", "-"), t.digest())
	if _, err := os.Stat(report); err == nil && reuse {
		return p.Read(t.dir, report)
	}
	findings, err := p.Run(ctx, t.dir, report+".part")
	if err != nil {
		return nil, err
	}
	return findings, os.Rename(report+".part", report)
}

// digest identifies the files of the tree.
func (t *tree) digest() string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		fmt.Fprintf(hash, "%q %x\n", name, sha256.Sum256(t.files[name]))
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:6])
}

// runPlanted scans the tree, and counts planted secrets as found if there is a finding in their file.
func (m *meter) runPlanted(ctx context.Context, t *tree) error {
	all, err := m.run(ctx, t)
	if err != nil {
		return err
	}
	for i, findings := range all {
		seen := map[string]bool{}
		for _, f := range findings {
			seen[f.File] = true
		}
		for file, r := range t.rates {
			if r.found == nil {
				r.found = make([]int, len(m.programs))
			}
			if seen[file] {
				r.found[i]++
			}
		}
		if i == 0 && m.list {
			m.listMissed(t, seen)
		}
	}
	return nil
}

// listMissed prints the planted secrets that the builder misses.
func (m *meter) listMissed(t *tree, seen map[string]bool) {
	var missed []string
	for file, label := range t.labels {
		if !seen[file] {
			missed = append(missed, fmt.Sprintf("missed: %s (%s)", label, path.Dir(file)))
		}
	}
	slices.Sort(missed)
	for _, line := range missed {
		fmt.Fprintln(m.out, line)
	}
}

// writeRow writes a row of a table with the shares of all programs.
func (m *meter) writeRow(name string, r *rate) {
	if r == nil {
		return
	}
	fmt.Fprintf(&m.text, "| %s | %d |", name, r.total)
	for _, n := range r.found {
		fmt.Fprintf(&m.text, " %d %% |", n*100/max(1, r.total))
	}
	m.text.WriteString("\n")
}
