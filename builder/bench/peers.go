// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// peer is a row of the comparison.
type peer struct {
	name string
	command
}

// comparePeers prints a table for each number of workspaces and each base: the builder, and what
// people would run instead.
func (b *bench) comparePeers(ctx context.Context) error {
	fmt.Printf("%s The Dockerfile is the vendor's documented one, without its downloads. Every cell is the median of "+
		"%d runs, with the range of times.\n", corpusNote, b.runs)
	for _, workspaces := range []string{"w20", "w300", "w1000"} {
		for _, base := range []string{"usual", "small"} {
			if err := b.comparePeersOn(ctx, workspaces, base); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) comparePeersOn(ctx context.Context, workspaces, base string) error {
	peers, err := b.listPeers(workspaces, base)
	if err != nil {
		return err
	}
	commands := make([]command, len(peers))
	for i, p := range peers {
		commands[i] = p.command
	}
	results, err := measureInTurn(ctx, b.runs, commands...)
	if err != nil {
		return err
	}
	size := map[string]string{"usual": "480 MB", "small": "50 MB"}[base]
	fmt.Printf("\n### %s workspaces on a base of %s\n\n", workspaces[1:], size)
	fmt.Print("| what | time | CPU | peak memory | our build / this |\n|---|---|---|---|---|\n")
	own := results[0].medianSample()
	for i, p := range peers {
		fmt.Printf("| %s | %s | %.2f |\n", p.name, results[i], own.wall.Seconds()/results[i].medianSample().wall.Seconds())
	}
	return nil
}

// listPeers returns the compared commands, the builder's first. Those without an image do not
// depend on the base, so only the usual one has them.
func (b *bench) listPeers(workspaces, base string) ([]peer, error) {
	ko, err := b.koCommand(workspaces, base)
	if err != nil {
		return nil, err
	}
	peers := []peer{
		{"`builder build`: validation, scan, attestations, push", b.buildCommand(workspaces, base)},
		{"the same, one workspace changed since the last build, with a cache", b.rebuildCommand(workspaces, base)},
		{"the same without scan", b.buildCommand(workspaces, base, "--exclude-path", "**")},
		{"`tar` and `crane append`", b.craneCommand(workspaces, base)},
		{"append with go-containerregistry, as `ko` does", ko},
		{"the documented Dockerfile, cold BuildKit daemon", b.dockerfileCommand(workspaces, base, true)},
		{"the same, warm daemon, one workspace changed", b.dockerfileCommand(workspaces, base, false)},
	}
	if base == "usual" {
		peers = append(
			peers,
			peer{"TruffleHog's program alone", b.trufflehogCommand(workspaces)},
			peer{
				"gitleaks alone",
				command{args: []string{b.gitleaks, "dir", filepath.Join(b.dir, workspaces), "--exit-code", "0",
					"--no-banner", "--report-path", filepath.Join(b.dir, "gitleaks.json")}},
			},
		)
	}
	return peers, nil
}
