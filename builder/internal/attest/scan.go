// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// Scan is a predicate of type [ScanType]: the secret scan has looked at the layer and
// found nothing that its policy does not accept. Otherwise there is no image.
type Scan struct {
	// Layer holds what was scanned.
	Layer    Resource          `json:"layer"`
	Scanners []release.Scanner `json:"scanners"`
	// Policy is the digest of the policy in force.
	Policy   digest.Digest `json:"policy"`
	Coverage Coverage      `json:"coverage"`
	Findings Findings      `json:"findings"`
}

// Coverage counts what was scanned. Files and Bytes are all of the layer.
type Coverage struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// SkippedBytes counts those of the bytes that were not looked at; Skipped says why.
	SkippedBytes int64     `json:"skippedBytes"`
	Skipped      []Skipped `json:"skipped"`
	// BaseWorkspaces counts the workspaces of the base that ship, too. They are not in
	// the layer, and the scan has not looked at them.
	BaseWorkspaces int `json:"baseWorkspaces,omitempty"`
}

// Skipped counts what was not looked at for one reason.
type Skipped struct {
	Reason string `json:"reason"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
}

// Findings counts the findings. None of them is open: an error that nobody accepts.
type Findings struct {
	Open int `json:"open"`
	// Warnings counts those that the policy does not take for errors.
	Warnings int `json:"warnings"`
	// Accepted lists the fingerprints of those that the policy accepts.
	Accepted []string `json:"accepted"`
}

func (r *Release) scan() *Scan {
	m := r.Manifest
	skippedBytes := int64(0)
	for _, s := range r.Skipped {
		skippedBytes += s.Bytes
	}
	return &Scan{
		Layer:    layer(m),
		Scanners: m.Scan.Scanners,
		Policy:   m.Scan.Policy,
		Coverage: Coverage{
			Files: m.Scan.Files, Bytes: m.Scan.Bytes,
			SkippedBytes: skippedBytes, Skipped: append([]Skipped{}, r.Skipped...),
			BaseWorkspaces: m.FromBase(),
		},
		Findings: Findings{Warnings: m.Scan.Warnings, Accepted: append([]string{}, m.Scan.Accepted...)},
	}
}

// Summarize counts by reason, sorted by it.
func Summarize(skips []scan.Skip) []Skipped {
	counts := map[string]Skipped{}
	for _, s := range skips {
		c := counts[s.Reason]
		counts[s.Reason] = Skipped{s.Reason, c.Files + 1, c.Bytes + s.Bytes}
	}
	list := []Skipped{}
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, counts[reason])
	}
	return list
}
