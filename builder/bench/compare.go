// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/scan/scantest"
	"github.com/prismeai/workspaces-release/scan/scantest/programs"
)

// comparisonHeading is the section of the document that this program writes. A test of
// scan/trufflehog writes and checks the part above.
const comparisonHeading = "Whole programs"

// Directories that are scanned: planted has leaks and clean files, plain has whole workspaces.
const (
	planted = "planted"
	plain   = "release"
	// leak is the prefix of workspaces with a leak. Each has one file.
	leak = "leak-"
)

// plantCorpus writes the corpus of the detector tests, each leak in its own workspace, which may
// need an index.
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
	programs.AddIndexes(files)
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
func (b *bench) compareScanners(ctx context.Context) error {
	leaks, clean, err := b.plantCorpus()
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, comparisonIntro, leaks, clean, b.runs)
	took, err := b.alternateScans(ctx, plain)
	if err != nil {
		return err
	}
	for i, p := range b.listPrograms() {
		if _, err := b.scanCommand(p, planted).runOnce(ctx); err != nil {
			return err
		}
		found, wrong, err := b.countFindings(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "| %s | %d (%d %%) | %d | %d | %s |\n", p.Name, found, found*100/leaks, leaks-found, wrong,
			took[i])
	}
	return programs.ReplaceSection(b.comparison, comparisonHeading, text.String()+comparisonNotes)
}

// listPrograms returns the compared programs.
func (o options) listPrograms() []programs.Program {
	return programs.All(programs.Paths{Builder: o.builder, TruffleHog: o.trufflehog, Gitleaks: o.gitleaks})
}

// scanCommand returns the command that scans a directory.
func (b *bench) scanCommand(p programs.Program, tree string) command {
	return command{shell: p.Shell(filepath.Join(b.dir, tree), b.reportPath(p, tree))}
}

// reportPath returns the path of a program's report on a directory.
func (b *bench) reportPath(p programs.Program, tree string) string {
	return filepath.Join(b.dir, strings.ReplaceAll(p.Name, " ", "-")+"."+tree+".json")
}

func (b *bench) alternateScans(ctx context.Context, tree string) ([]samples, error) {
	var commands []command
	for _, p := range b.listPrograms() {
		commands = append(commands, b.scanCommand(p, tree))
	}
	return measureInTurn(ctx, b.runs, commands...)
}

// countFindings counts the leaks whose file a program reports, and the lines of clean files that it
// reports.
func (b *bench) countFindings(p programs.Program) (found, wrong int, err error) {
	findings, err := p.Read(filepath.Join(b.dir, planted), b.reportPath(p, planted))
	if err != nil {
		return 0, 0, err
	}
	leaky := map[string]bool{}
	lines := map[programs.Finding]bool{}
	for _, f := range findings {
		if strings.HasPrefix(f.File, leak) {
			leaky[f.File] = true
		} else {
			lines[programs.Finding{File: f.File, Line: f.Line}] = true
		}
	}
	return len(leaky), len(lines), nil
}

const comparisonIntro = `
Written by ` + "`make compare`" + `, which runs the three programs in turn on the same files, without verification.
The first tree has the %d leaks and %d clean files from above; a leak counts as found if the program reports anything in
its file, and false alarms are lines of clean files. Times and memory are those of whole processes on the second tree,
medians of %d: 300 workspaces, 3,600 files and 28 MB, without a leak. They depend on the machine, their ratios less so.

| program | found | missed | false alarms | time | CPU | peak memory |
|---|---|---|---|---|---|---|
`

const comparisonNotes = `
**What each is for.** TruffleHog knows some 800 services, unpacks archives and encodings, and can ask whether a secret
is live; it is inside of ` + "`builder scan`" + `, so that nothing that it finds is missed. gitleaks is small, knows
keys by their names and looks in any language; it is a good hook before a commit, on any repository. Neither knows what
a workspace is: where a literal stands in the place of a reference, and what there only looks like a secret. On a
repository of anything but workspaces, use one of them. The corpus is ours, which favours us: it has the leaks that we
thought of.

Each finding costs ` + "`builder scan`" + ` some hundredths of a second more than the others: its fingerprint is slow to
compute on purpose.
`
