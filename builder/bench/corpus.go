// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/workspace/workspacetest"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// corpusNote describes the workspaces of every measurement but the large one.
const corpusNote = "Workspaces: half of them are copies of a published one with long prompts " +
	"(`template-prompting-agents`, 11 files, 84 kB), half are generated (12 files, 96 kB)."

// published is the published workspace with long prompts, among those of scantest.
const published = "template-prompting-agents"

var groups = []string{"base1", "base2", "extended"}

// writeCorpus writes generated workspaces, and copies of the published one under slugs of their own,
// into a directory.
func (b *bench) writeCorpus(name string, generated, copies int) error {
	if err := b.writeWorkspaces(name, workspacetest.Many(generated, 96<<10, groups...)); err != nil {
		return err
	}
	identity := regexp.MustCompile(`(?m)^(slug|id): .*$`)
	for path, data := range scantest.Clean() {
		within, ok := strings.CutPrefix(path, published+"/")
		if !ok {
			continue
		}
		for i := range copies {
			slug := fmt.Sprintf("prompts-%05d", i)
			text := string(data)
			if within == "index.yml" {
				text = identity.ReplaceAllString(text, "$1: "+slug)
			}
			if err := writeFile(filepath.Join(b.dir, name, slug, filepath.FromSlash(within)), text); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) writeWorkspaces(name string, list []workspacetest.Sample) error {
	for _, s := range list {
		for file, text := range s.Files() {
			if err := writeFile(filepath.Join(b.dir, name, s.Slug, filepath.FromSlash(file)), text); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFile writes a file and the directories that lead to it.
func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// writeLarge writes 1,000 workspaces of 1 MiB and 50 files each.
func (b *bench) writeLarge(name string) error {
	large := workspacetest.Many(1000, 1<<20, groups...)
	for i := range large {
		large[i].Automations = 46
	}
	return b.writeWorkspaces(name, large)
}

// changeOne changes a file of one workspace, differently in each call.
func (b *bench) changeOne(name string) error {
	b.changes++
	return writeFile(filepath.Join(b.dir, name, "prompts-00000", "notes.md"), fmt.Sprintf("Change %d.\n", b.changes))
}
