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

// comparisonHead starts the part of the document that this program writes. What is
// above is written, and checked, by a test of scan/trufflehog.
const comparisonHead = "## Whole programs\n"

// contender is a program that looks for secrets.
type contender struct {
	name string
	// shell looks into a directory and writes what it finds to a file.
	shell func(dir, out string) string
	// parse returns the places that such a file has.
	parse func(data []byte) ([]place, error)
}

// place is a line in which something was found.
type place struct {
	file string
	line int
}

func (o options) contenders() []contender {
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

func parseBuilder(data []byte) (list []place, err error) {
	var report struct {
		Findings []struct {
			Path string
			Line int
		}
	}
	err = json.Unmarshal(data, &report)
	for _, f := range report.Findings {
		list = append(list, place{f.Path, f.Line})
	}
	return list, err
}

func parseTruffleHog(data []byte) (list []place, err error) {
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
		list = append(list, place{found.SourceMetadata.Data.Filesystem.File, found.SourceMetadata.Data.Filesystem.Line})
	}
}

func parseGitleaks(data []byte) (list []place, err error) {
	var findings []struct {
		File      string
		StartLine int
	}
	err = json.Unmarshal(data, &findings)
	for _, f := range findings {
		list = append(list, place{f.File, f.StartLine})
	}
	return list, err
}

// Trees that are compared on: leaks and clean files in one, whole workspaces in the other.
const (
	planted = "planted"
	plain   = "release"
	// leak starts the names of the workspaces with a leak, of which each has one file.
	leak = "leak-"
)

// plant writes the corpus of the detectors' tests, each leak in a workspace of its own.
func (b *bench) plant() (leaks, clean int, err error) {
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
	return leaks, clean, b.workspaces(plain, workspacetest.Many(300, 96<<10, "base1", "base2", "extended"))
}

// compare runs all programs in turn on the same trees, and writes what they found and
// took into the document.
func (b *bench) compare() error {
	leaks, clean, err := b.plant()
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, comparisonIntro, leaks, clean, b.runs)
	took, err := b.alternate(plain)
	if err != nil {
		return err
	}
	for i, c := range b.contenders() {
		if _, err := b.look(c, planted).once(b.ctx); err != nil {
			return err
		}
		found, wrong, err := b.judge(c)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "| %s | %d (%d %%) | %d | %d | %s |\n", c.name, found, found*100/leaks, leaks-found, wrong,
			took[i])
	}
	return splice(b.comparison, text.String()+comparisonNotes)
}

// look runs a program on a tree.
func (b *bench) look(c contender, tree string) command {
	return command{shell: c.shell(filepath.Join(b.dir, tree), b.out(c, tree))}
}

// out is the file with what a program finds in a tree.
func (b *bench) out(c contender, tree string) string {
	return filepath.Join(b.dir, strings.ReplaceAll(c.name, " ", "-")+"."+tree+".json")
}

func (b *bench) alternate(tree string) ([]sample, error) {
	var commands []command
	for _, c := range b.contenders() {
		commands = append(commands, b.look(c, tree))
	}
	return alternate(b.ctx, b.runs, commands...)
}

// judge counts the leaks in whose file a program has found something, and the lines
// of clean files that it takes for leaks.
func (b *bench) judge(c contender) (found, wrong int, err error) {
	data, err := os.ReadFile(b.out(c, planted))
	if err != nil {
		return 0, 0, err
	}
	places, err := c.parse(data)
	if err != nil {
		return 0, 0, fmt.Errorf("what %s reports: %w", c.name, err)
	}
	leaky, lines := map[string]bool{}, map[place]bool{}
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

// splice replaces the last part of a document.
func splice(path, text string) error {
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

// foreignHead starts the part that scan/scantest/foreign has the figures for.
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
