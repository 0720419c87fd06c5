// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// pair is a comparison of two commands.
type pair struct {
	what    string
	command command
	against string
	other   command // without arguments: nothing to compare with
	runs    int
}

// measureGoals prints the figures that docs/figures.md and its decision record set goals for.
func (b *bench) measureGoals(ctx context.Context) error {
	fmt.Print(
		"\n### Goals\n\n| what | time | CPU | peak memory | against | time | CPU | peak memory | ratio of times | of " +
			"CPU |\n|---|---|---|---|---|---|---|---|---|---|\n",
	)
	for _, p := range b.listPairs() {
		commands := []command{p.command}
		if p.against != "" {
			commands = append(commands, p.other)
		}
		results, err := measureInTurn(ctx, p.runs, commands...)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %s |", p.what, results[0], p.against)
		if p.against == "" {
			fmt.Println(" | | | | |")
			continue
		}
		a := results[0].medianSample()
		o := results[1].medianSample()
		fmt.Printf(" %s | %.2f | %.2f |\n", results[1], a.wall.Seconds()/o.wall.Seconds(), a.cpu.Seconds()/o.cpu.Seconds())
	}
	return nil
}

func (b *bench) listPairs() []pair {
	again := b.buildCommand("w20", "usual")
	again.args[len(again.args)-1] = b.host + "/acme/again:v1"
	again.before = nil
	archive := filepath.Join(b.dir, "large.tar.gz")
	const same = "the same"
	return []pair{
		{"start of the builder", command{args: []string{b.builder, "version"}}, "", command{}, 20},
		{"rebuild of 20 workspaces without a change", again, "", command{}, b.runs},
		{"build, 300 published workspaces, base of 480 MB", b.buildCommand("prompts", "usual"),
			"TruffleHog's program alone", b.trufflehogCommand("prompts"), b.runs},
		{same, b.buildCommand("prompts", "usual"),
			"the documented Dockerfile, cold daemon", b.dockerfileCommand("prompts", "usual", true), b.runs},
		{"the same without scan", b.buildCommand("prompts", "usual", "--exclude-path", "**"),
			"`tar` and `crane append`", b.craneCommand("prompts", "usual"), b.runs},
		{"the same on a base of 3 GB", b.buildCommand("prompts", "large"),
			"on a base of 50 MB", b.buildCommand("prompts", "small"), b.runs},
		{"build, 1,000 workspaces, one changed since the last build, with a cache", b.rebuildCommand("w1000", "usual"),
			"the first build", b.firstCommand("w1000", "usual"), b.runs},
		{"build, 1,000 workspaces, 50,000 files, 1 GB", b.buildCommand("large", "usual"),
			"`tar` and `gzip`", command{args: []string{"tar", "-C", filepath.Join(b.dir, "large"), "-czf", archive, "."}}, 1},
	}
}

// firstCommand builds workspaces with an empty cache.
func (b *bench) firstCommand(workspaces, base string) command {
	const cache = "cache-of-first"
	c := b.buildCommand(workspaces, base, b.cacheFlags(cache)...)
	rename := c.before
	c.before = func() error { return errors.Join(os.RemoveAll(filepath.Join(b.dir, cache)), rename()) }
	return c
}
