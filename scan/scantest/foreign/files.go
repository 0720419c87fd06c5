// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// classes are the kinds of files that are expected to have no secrets.
const (
	configuration = "configuration"
	documentation = "documentation"
)

// classOf returns the class of a file, or nothing for other files.
func classOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".yml", ".yaml", ".json", ".toml", ".ini", ".conf", ".properties", ".env":
		return configuration
	case ".md", ".mdx", ".rst", ".txt", ".html":
		return documentation
	}
	return ""
}

// testData matches directories with secrets made up for tests.
var testData = regexp.MustCompile(`(?i)(^|/)[^/]*(test|fixture|mock|e2e|spec)[^/]*/`)

func isSampled(name string) bool { return classOf(name) != "" && !testData.MatchString(name) }

// maxSampled is the maximum size of a sampled file in bytes.
const maxSampled = 1 << 20

// source is a package whose files are sampled.
type source struct{ name, dir string }

// listSources downloads the packages.
func (m *meter) listSources(ctx context.Context) ([]source, error) {
	var list []source
	for _, module := range listModules() {
		dir, err := downloadModule(ctx, module)
		if err != nil {
			return nil, err
		}
		list = append(list, source{module, dir})
	}
	for _, name := range listPackages() {
		dir, err := downloadPackage(ctx, m.dir, name)
		if err != nil {
			return nil, err
		}
		list = append(list, source{name, dir})
	}
	return list, nil
}

// sampleFiles returns files of a source by class.
func (m *meter) sampleFiles(s source) (map[string][]string, error) {
	files := map[string][]string{}
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !isSampled(name) {
			return err
		}
		if info, err := entry.Info(); err != nil || info.Size() > maxSampled {
			return err
		}
		files[classOf(name)] = append(files[classOf(name)], name)
		return nil
	})
	for class, names := range files {
		files[class] = sample(names, m.files, func(name string) string { return s.name + "/" + name })
	}
	return files, err
}

// visible returns a name without dots at the start of directories and files, which the builder skips.
func visible(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = strings.TrimLeft(part, ".")
	}
	return strings.Join(parts, "/")
}

// measureFiles counts the findings in files that are expected to have no secrets. Each package is a
// directory of its own.
func (m *meter) measureFiles(ctx context.Context) error {
	sources, err := m.listSources(ctx)
	if err != nil {
		return err
	}
	verdicts, err := readVerdicts()
	if err != nil {
		return err
	}
	m.text.WriteString("\n### False alarms\n\n" + filesIntro)
	trees := map[string]*tree{}
	for _, class := range []string{configuration, documentation} {
		trees[class] = newTree(filepath.Join(m.dir, class))
	}
	for _, s := range sources {
		files, err := m.sampleFiles(s)
		if err != nil {
			return err
		}
		for class, names := range files {
			for _, name := range names {
				data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
				if err != nil {
					return err
				}
				trees[class].files[strings.ReplaceAll(s.name, "/", "-")+"/"+visible(name)] = data
			}
		}
	}
	reasons := map[string]int{}
	for _, class := range []string{configuration, documentation} {
		if err := m.countAlarms(ctx, class, trees[class], verdicts, reasons); err != nil {
			return err
		}
	}
	m.writeReasons(reasons)
	return nil
}

// countAlarms writes a row for each program, and adds up the verdicts on what the builder finds.
func (m *meter) countAlarms(
	ctx context.Context, class string, t *tree, verdicts map[spot]verdict, reasons map[string]int,
) error {
	files := len(t.files)
	all, err := m.run(ctx, t)
	if err != nil {
		return err
	}
	for i, findings := range all {
		judged := "| | | "
		if i == 0 {
			judged = m.judge(t, files, findings, verdicts, reasons)
		}
		fmt.Fprintf(&m.text, "| %s | %d | %s | %d | %s| %.1f |\n", class, files, m.programs[i].Name, len(findings), judged,
			perThousand(len(findings), files))
	}
	return nil
}

func perThousand(n, files int) float64 { return 1000 * float64(n) / float64(max(1, files)) }

// spot is a line of a sampled file.
type spot struct {
	file string
	line string
}

// verdict is what a person said about a finding of the builder.
type verdict struct{ kind, reason string }

// Kinds of verdicts: a password, token or key of a demo or a test, which somebody typed there and the
// scan is to report; one that was made up for documentation, and looks like a real one; and a text
// that is no secret.
const (
	demo       = "secret"
	madeUp     = "example"
	falseAlarm = "false"
)

// judgedFile has the verdicts on the findings of the builder: file, line, kind and reason. It has
// nothing of the files.
//
//go:embed testdata/judged.csv
var judgedFile string

func readVerdicts() (map[spot]verdict, error) {
	rows, err := csv.NewReader(strings.NewReader(judgedFile)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the verdicts: %w", err)
	}
	verdicts := map[spot]verdict{}
	for _, row := range rows {
		verdicts[spot{row[0], row[1]}] = verdict{row[2], row[3]}
	}
	return verdicts, nil
}

// judge returns the columns with the numbers of verdicts. A finding without a verdict is false.
func (m *meter) judge(
	t *tree, files int, findings []programs.Finding, verdicts map[spot]verdict, reasons map[string]int,
) string {
	kinds := map[string]int{}
	for _, f := range findings {
		v, known := verdicts[spot{f.File, fmt.Sprint(f.Line)}]
		if !known {
			v = verdict{falseAlarm, "not judged"}
			if m.list {
				fmt.Fprintf(m.out, "found: %s,%d: %s: %s\n", f.File, f.Line, f.Rule, lineOf(t.files[f.File], f.Line))
			}
		}
		kinds[v.kind]++
		if v.kind == falseAlarm {
			reasons[v.reason]++
		}
	}
	wrong := kinds[falseAlarm]
	return fmt.Sprintf("%d | %d | %d (%.1f) ", kinds[demo], kinds[madeUp], wrong, perThousand(wrong, files))
}

// writeReasons writes the classes of false alarms, the most frequent one first.
func (m *meter) writeReasons(reasons map[string]int) {
	if len(reasons) == 0 {
		m.text.WriteString("\nThe builder has no false alarm in these files.\n")
		return
	}
	var list []string
	for reason, n := range reasons {
		list = append(list, fmt.Sprintf("| %d | %s |", n, reason))
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(pad(b), pad(a)) })
	m.text.WriteString(reasonsIntro + strings.Join(list, "\n") + "\n")
}

// pad aligns the number at the start of a row for sorting.
func pad(row string) string { return fmt.Sprintf("%80s", strings.SplitN(row, "|", 3)[1]) + row }

// lineOf returns the start of a line.
func lineOf(data []byte, number int) string {
	all := strings.Split(string(data), "\n")
	if number < 1 || number > len(all) {
		return ""
	}
	return fmt.Sprintf("%.200q", strings.TrimSpace(all[number-1]))
}
