// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/dsul"
	"github.com/prismeai/workspaces-release/scan/gitleaks"
	"github.com/prismeai/workspaces-release/scan/trufflehog"
)

// meter runs scans and counts findings.
type meter struct {
	scanner *scan.Scanner
	out     io.Writer
	list    bool
}

func newMeter(out io.Writer, list bool) (*meter, error) {
	first, err := trufflehog.New(trufflehog.Options{})
	if err != nil {
		return nil, err
	}
	second, err := gitleaks.New(gitleaks.Options{})
	if err != nil {
		return nil, err
	}
	third, err := dsul.New(dsul.Options{})
	if err != nil {
		return nil, err
	}
	scanner, err := scan.New(scan.Policy{}, first, second, third)
	return &meter{scanner, out, list}, err
}

// scan returns the findings in files by path.
func (m *meter) scan(ctx context.Context, files []scan.File) (map[string][]scan.Finding, error) {
	run := m.scanner.Start(ctx)
	for _, f := range files {
		if err := run.Add(ctx, f); err != nil {
			break // Finish returns the cause
		}
	}
	report, err := run.Finish()
	if err != nil {
		return nil, err
	}
	found := map[string][]scan.Finding{}
	for _, f := range report.Findings {
		found[f.Path] = append(found[f.Path], f)
	}
	return found, nil
}

// layout is a workspace file around a literal, with a name that identifies the secret and a
// neutral one.
type layout struct {
	name, file, text, telling, neutral string
}

var layouts = []layout{
	{"config.value", "index.yml", "name: Claims\nslug: claims\nconfig:\n  value:\n    region: eu\n    %s: %s\n", "apiKey", "setting"},
	{"fetch header", "automations/a.yml", "slug: a\nname: A\ndo:\n  - fetch:\n      url: https://api.acme.internal/v1\n      headers:\n        %s: %s\n", "X-Api-Key", "X-Info"},
	{"repository auth", "index.yml", "name: Claims\nslug: claims\nrepositories:\n  main:\n    type: git\n    config:\n      url: https://git.acme.internal/a.git\n      auth:\n        %s: %s\n", "token", "detail"},
	{"set", "automations/a.yml", "slug: a\nname: A\ndo:\n  - set: {name: %s, value: %s}\n", "apiToken", "item"},
}

// examples counts the examples found in each place, raw and in a workspace.
func (m *meter) examples(ctx context.Context, corpus string, list []example) error {
	var raw []scan.File
	for i, e := range list {
		raw = append(raw, scan.File{Path: fmt.Sprintf("w/%d.txt", i), Data: []byte(e.text)})
	}
	if err := m.count(ctx, corpus+", raw", list, raw); err != nil {
		return err
	}
	for _, l := range layouts {
		for _, name := range []string{l.telling, l.neutral} {
			var files []scan.File
			for i, e := range list {
				value, err := json.Marshal(e.secret)
				if err != nil {
					return err
				}
				files = append(files, scan.File{Path: fmt.Sprintf("w%d/%s", i, l.file), Data: fmt.Appendf(nil, l.text, name, value)})
			}
			if err := m.count(ctx, corpus+", "+l.name+" "+name, list, files); err != nil {
				return err
			}
		}
	}
	return nil
}

// count prints the number of files with a finding. There is one file for each example.
func (m *meter) count(ctx context.Context, what string, list []example, files []scan.File) error {
	found, err := m.scan(ctx, files)
	if err != nil {
		return err
	}
	n := 0
	for i, f := range files {
		if len(found[f.Path]) > 0 {
			n++
		} else if m.list {
			fmt.Fprintf(m.out, "missed: %s: %s: %.100q\n", what, list[i].rule, list[i].secret)
		}
	}
	fmt.Fprintf(m.out, "%-40s %5d of %5d  %3d %%\n", what, n, len(files), 100*n/max(1, len(files)))
	return nil
}

// leaky counts the lines with a finding, up to the number of risky lines that the repository
// declares for each file.
func (m *meter) leaky(ctx context.Context, dir string) error {
	data, err := os.Open(filepath.Join(dir, ".leaky-meta", "secrets.csv"))
	if err != nil {
		return err
	}
	defer data.Close()
	rows, err := csv.NewReader(data).ReadAll()
	if err != nil {
		return err
	}
	files, err := read(dir)
	if err != nil {
		return err
	}
	found, err := m.scan(ctx, files)
	if err != nil {
		return err
	}
	total, got := 0, 0
	for _, row := range rows[1:] {
		risky, err := strconv.Atoi(strings.TrimSpace(row[1]))
		if err != nil {
			return err
		}
		lines := map[int]bool{}
		for _, f := range found["w/"+row[0]] {
			lines[f.Line] = true
		}
		total += risky
		got += min(risky, len(lines))
		if m.list && len(lines) < risky {
			fmt.Fprintf(m.out, "missed: %s: %d of %d lines\n", row[0], len(lines), risky)
		}
	}
	fmt.Fprintf(m.out, "leaky-repo: %d of %d lines\n", got, total)
	return nil
}

// files counts findings in files that presumably contain no secrets, each in a separate
// workspace.
func (m *meter) files(ctx context.Context, dir string) error {
	files, err := read(dir)
	if err != nil {
		return err
	}
	found, err := m.scan(ctx, files)
	if err != nil {
		return err
	}
	kinds := map[string][2]int{}
	for _, f := range files {
		kind := "configuration"
		if slices.Contains([]string{".md", ".mdx", ".txt", ".rst", ".html"}, strings.ToLower(path.Ext(f.Path))) {
			kind = "documentation"
		}
		n := kinds[kind]
		kinds[kind] = [2]int{n[0] + 1, n[1] + len(found[f.Path])}
		for _, finding := range found[f.Path] {
			if m.list {
				fmt.Fprintf(m.out, "found: %s: %s: %s %s\n", finding.Position(), finding.Rule, finding.Where, lineOf(f.Data, finding.Line))
			}
		}
	}
	for kind, n := range kinds {
		fmt.Fprintf(m.out, "%s: %d findings in %d files, %.1f in 1,000\n", kind, n[1], n[0], 1000*float64(n[1])/float64(n[0]))
	}
	return nil
}

// lineOf returns the start of a line.
func lineOf(data []byte, number int) string {
	all := strings.Split(string(data), "\n")
	if number < 1 || number > len(all) {
		return ""
	}
	return fmt.Sprintf("%.200q", strings.TrimSpace(all[number-1]))
}

// read reads all files in a directory except Git's.
func read(dir string) ([]scan.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []scan.File
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := root.ReadFile(name)
		files = append(files, scan.File{Path: "w/" + name, Data: data})
		return err
	})
	return files, err
}
