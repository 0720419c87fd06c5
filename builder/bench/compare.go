// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// comparisonHead starts the part of the document that this program writes. A test of
// scan/trufflehog writes and checks the part above.
const comparisonHead = "## Whole programs\n"

// contender is a program that looks for secrets.
type contender struct {
	name string
	// shell returns a command that scans a directory and writes its report to a file.
	shell func(dir, out string) string
	// parse returns the positions in such a report.
	parse func(data []byte) ([]position, error)
}

// position is a line with a finding.
type position struct {
	file string
	line int
}

func (o options) listContenders() []contender {
	return []contender{
		{"builder scan", func(dir, out string) string {
			return fmt.Sprintf("%s scan %s --progress quiet --report json=%s >/dev/null 2>&1 || test $? = 183",
				o.builder, dir, out)
		}, parseBuilder},
		{"TruffleHog v3.95.9", func(dir, out string) string {
			return fmt.Sprintf("exec %s filesystem %s --no-verification --no-update --json >%s 2>/dev/null",
				o.trufflehog, dir, out)
		}, parseTruffleHog},
		{"gitleaks v8.30.1", func(dir, out string) string {
			return fmt.Sprintf("exec %s dir %s --exit-code 0 --no-banner --redact --report-format json "+
				"--report-path %s 2>/dev/null", o.gitleaks, dir, out)
		}, parseGitleaks},
	}
}

func parseBuilder(data []byte) (list []position, err error) {
	var report struct {
		Findings []struct {
			Path string
			Line int
		}
	}
	err = json.Unmarshal(data, &report)
	for _, f := range report.Findings {
		list = append(list, position{f.Path, f.Line})
	}
	return list, err
}

func parseTruffleHog(data []byte) (list []position, err error) {
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var found struct {
			SourceMetadata struct {
				Data struct {
					Filesystem struct {
						File string
						Line int
					}
				}
			}
		}
		if err := dec.Decode(&found); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, position{found.SourceMetadata.Data.Filesystem.File, found.SourceMetadata.Data.Filesystem.Line})
	}
}

func parseGitleaks(data []byte) (list []position, err error) {
	var findings []struct {
		File      string
		StartLine int
	}
	err = json.Unmarshal(data, &findings)
	for _, f := range findings {
		list = append(list, position{f.File, f.StartLine})
	}
	return list, err
}

// Directories that are scanned: planted has leaks and clean files, plain has whole workspaces.
const (
	planted = "planted"
	plain   = "release"
	// leak is the prefix of workspaces with a leak. Each has one file.
	leak = "leak-"
)

// plantCorpus writes the corpus of the detector tests, each leak in its own workspace.
func (b *bench) plantCorpus() (leaks, clean int, err error) {
	files := map[string][]byte{}
	for i, l := range scantest.Leaks(0) {
		_, within, _ := strings.Cut(l.Path, "/")
		files[fmt.Sprintf("%s%04d/%s", leak, i, within)] = l.Data
		leaks++
	}
	for path, data := range scantest.Clean() {
		files["clean-"+path] = data
		clean++
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		name := filepath.Join(b.dir, planted, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return 0, 0, err
		}
		if err := os.WriteFile(name, files[path], 0o644); err != nil {
			return 0, 0, err
		}
	}
	return leaks, clean, b.writeWorkspaces(plain, workspacetest.Many(300, 96<<10, "base1", "base2", "extended"))
}

// compareScanners runs all programs in turn on the same directories, and writes their findings and costs
// into the document.
func (b *bench) compareScanners() error {
	leaks, clean, err := b.plantCorpus()
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, comparisonIntro, leaks, clean, b.runs)
	took, err := b.alternateScans(plain)
	if err != nil {
		return err
	}
	for i, c := range b.listContenders() {
		if _, err := b.scanCommand(c, planted).runOnce(b.ctx); err != nil {
			return err
		}
		found, wrong, err := b.countFindings(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "| %s | %d (%d %%) | %d | %d | %s |\n", c.name, found, found*100/leaks, leaks-found, wrong,
			took[i])
	}
	return spliceReport(b.comparison, text.String()+comparisonNotes)
}

// scanCommand returns the command that scans a directory.
func (b *bench) scanCommand(c contender, tree string) command {
	return command{shell: c.shell(filepath.Join(b.dir, tree), b.reportPath(c, tree))}
}

// reportPath returns the path of a program's report on a directory.
func (b *bench) reportPath(c contender, tree string) string {
	return filepath.Join(b.dir, strings.ReplaceAll(c.name, " ", "-")+"."+tree+".json")
}

func (b *bench) alternateScans(tree string) ([]sample, error) {
	var commands []command
	for _, c := range b.listContenders() {
		commands = append(commands, b.scanCommand(c, tree))
	}
	return alternate(b.ctx, b.runs, commands...)
}

// countFindings counts the leaks whose file a program reports, and the lines of clean files that it
// reports.
func (b *bench) countFindings(c contender) (found, wrong int, err error) {
	data, err := os.ReadFile(b.reportPath(c, planted))
	if err != nil {
		return 0, 0, err
	}
	places, err := c.parse(data)
	if err != nil {
		return 0, 0, fmt.Errorf("what %s reports: %w", c.name, err)
	}
	leaky := map[string]bool{}
	lines := map[position]bool{}
	for _, p := range places {
		p.file = strings.TrimPrefix(p.file, filepath.Join(b.dir, planted)+"/")
		if strings.HasPrefix(p.file, leak) {
			leaky[p.file] = true
		} else {
			lines[p] = true
		}
	}
	return len(leaky), len(lines), nil
}

// spliceReport replaces the last part of a document.
func spliceReport(path, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	above, measured, _ := strings.Cut(string(data), "\n"+comparisonHead)
	_, foreign, found := strings.Cut(measured, foreignHead)
	if found {
		text += foreignHead + foreign
	}
	return os.WriteFile(path, []byte(above+"\n"+comparisonHead+text), 0o644)
}

// foreignHead starts the part that scan/scantest/foreign writes.
const foreignHead = "\n## Foreign corpora\n"

const comparisonIntro = `
Written by ` + "`make compare`" + `, which runs the three programs in turn on the same files, without verification. The first tree has the %d leaks and %d clean files from
above; a leak counts as found if the program reports anything in its file, and false alarms are lines of clean files. Times and memory are those of whole
processes on the second tree, medians of %d: 300 workspaces, 3,600 files and 28 MB, without a leak. They depend on the machine, their ratios less so.

| program | found | missed | false alarms | time | CPU | peak memory |
|---|---|---|---|---|---|---|
`

const comparisonNotes = `
**What each is for.** TruffleHog knows some 800 services, unpacks archives and encodings, and can ask whether a secret is live; it is inside of ` + "`builder scan`" + `,
so that nothing that it finds is missed. gitleaks is small, knows keys by their names and looks in any language; it is a good hook before a
commit, on any repository. Neither knows what a workspace is: where a literal stands in the place of a reference, and what there only looks like a secret. On a
repository of anything but workspaces, use one of them. The corpus is ours, which favours us: it has the leaks that we thought of.

Each finding costs ` + "`builder scan`" + ` some hundredths of a second more than the others: its fingerprint is slow to compute on purpose.
`
