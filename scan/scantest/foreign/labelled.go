// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// labelled is a corpus whose authors say how many lines of its files have secrets.
type labelled struct {
	name string
	tree *tree
	// risky are the numbers of lines with secrets by file. Files with 0 have none.
	risky map[string]int
	// lines are the lines, if the authors name them.
	lines map[programs.Finding]bool
}

// measureLabelled counts the labelled lines that the programs find.
func (m *meter) measureLabelled(ctx context.Context) error {
	root, err := downloadModule(ctx, kicsModule)
	if err != nil {
		return err
	}
	kics, err := m.readKICS(filepath.Join(root, "assets/queries/common/passwords_and_secrets/test"))
	if err != nil {
		return err
	}
	list := []labelled{kics}
	if m.leaky != "" {
		leaky, err := m.readLeaky(m.leaky)
		if err != nil {
			return err
		}
		list = append(list, leaky)
	}
	m.text.WriteString("\n### Labelled lines\n\n" + labelledIntro)
	for _, c := range list {
		all, err := m.run(ctx, c.tree)
		if err != nil {
			return err
		}
		for i, findings := range all {
			found, wrong := c.count(findings)
			total := 0
			for _, n := range c.risky {
				total += n
			}
			fmt.Fprintf(&m.text, "| %s | %s | %d of %d | %d |\n", c.name, m.programs[i].Name, found, total, wrong)
			if i == 0 && m.list {
				c.listMissed(m, findings)
			}
		}
	}
	return nil
}

// linesWith returns the lines with a finding by file.
func linesWith(findings []programs.Finding) map[string]map[int]bool {
	lines := map[string]map[int]bool{}
	for _, f := range findings {
		if lines[f.File] == nil {
			lines[f.File] = map[int]bool{}
		}
		lines[f.File][f.Line] = true
	}
	return lines
}

// count returns how many labelled lines have a finding, and how many lines of files without
// secrets have one.
func (c labelled) count(findings []programs.Finding) (found, wrong int) {
	lines := linesWith(findings)
	for file, risky := range c.risky {
		switch {
		case risky == 0:
			wrong += len(lines[file])
		case c.lines == nil:
			found += min(risky, len(lines[file]))
		}
	}
	for at := range c.lines {
		if lines[at.File][at.Line] {
			found++
		}
	}
	return found, wrong
}

func (c labelled) listMissed(m *meter, findings []programs.Finding) {
	lines := linesWith(findings)
	for at := range c.lines {
		if !lines[at.File][at.Line] {
			fmt.Fprintf(m.out, "missed: %s:%d: %s: %s\n", at.File, at.Line, at.Rule, lineOf(c.tree.files[at.File], at.Line))
		}
	}
	for file, risky := range c.risky {
		if c.lines == nil && len(lines[file]) < risky {
			fmt.Fprintf(m.out, "missed: %s: %d of %d lines\n", file, len(lines[file]), risky)
		}
		if risky == 0 && len(lines[file]) > 0 {
			fmt.Fprintf(m.out, "found: %s: %v\n", file, lines[file])
		}
	}
}

// readKICS reads the tests of the query for passwords and secrets of KICS: files whose names start
// with positive or negative, and a list of the lines in the positive ones.
func (m *meter) readKICS(dir string) (labelled, error) {
	c := labelled{
		name:  "KICS",
		tree:  newTree(filepath.Join(m.dir, "labelled-kics")),
		risky: map[string]int{},
		lines: map[programs.Finding]bool{},
	}
	data, err := os.ReadFile(filepath.Join(dir, "positive_expected_result.json"))
	if err != nil {
		return c, err
	}
	var expected []struct {
		QueryName, FileName string
		Line                int
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		return c, err
	}
	for _, e := range expected {
		rule := strings.TrimPrefix(e.QueryName, "Passwords And Secrets - ")
		at := programs.Finding{File: "kics/" + e.FileName, Line: e.Line, Rule: rule}
		c.lines[at] = true
	}
	for at := range c.lines {
		c.risky[at.File]++
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "positive_") || e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return c, err
		}
		name := "kics/" + e.Name()
		c.tree.files[name] = data
		c.risky[name] += 0
	}
	return c, nil
}

// readLeaky reads leaky-repo, which says how many lines of each file have secrets.
func (m *meter) readLeaky(dir string) (labelled, error) {
	c := labelled{"leaky-repo", newTree(filepath.Join(m.dir, "labelled-leaky")), map[string]int{}, nil}
	list, err := os.Open(filepath.Join(dir, ".leaky-meta", "secrets.csv"))
	if err != nil {
		return c, err
	}
	defer list.Close()
	r := csv.NewReader(list)
	r.Comment = '#' // among them the header
	rows, err := r.ReadAll()
	if err != nil {
		return c, err
	}
	for _, row := range rows {
		n, err := strconv.Atoi(strings.TrimSpace(row[1]))
		if err != nil {
			return c, err
		}
		c.risky["leaky/"+visible(row[0])] = n
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		c.tree.files["leaky/"+visible(name)] = data
		return err
	})
	return c, err
}
