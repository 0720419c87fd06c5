// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

// Scan is a predicate of type [ScanType]. It states that the secret scan of the layers found nothing
// that the policy does not accept; otherwise the image would not exist.
type Scan struct {
	// Layers are the scanned layers, the lowest first. Layer is the first of them.
	Layer    Resource          `json:"layer"`
	Layers   []Resource        `json:"layers"`
	Scanners []release.Scanner `json:"scanners"`
	// Policy is the digest of the policy.
	Policy   digest.Digest `json:"policy"`
	Coverage Coverage      `json:"coverage"`
	Findings Findings      `json:"findings"`
}

// Coverage counts what was scanned. Files and Bytes cover all layers.
type Coverage struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// SkippedBytes counts the bytes that were not scanned; Skipped gives the reasons.
	SkippedBytes int64     `json:"skippedBytes"`
	Skipped      []Skipped `json:"skipped"`
	// BaseWorkspaces counts the workspaces of the base that also ship. They are not in the layers
	// and were not scanned.
	BaseWorkspaces int `json:"baseWorkspaces,omitempty"`
}

// Skipped counts what was skipped for one reason.
type Skipped struct {
	Reason string `json:"reason"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
}

// Findings counts the findings.
type Findings struct {
	// Open counts unaccepted errors; always 0.
	Open int `json:"open"`
	// Warnings counts findings that the policy does not treat as errors.
	Warnings int `json:"warnings"`
	// Accepted lists the fingerprints of the findings that the policy accepts.
	Accepted []string `json:"accepted"`
}

func (r *Release) buildScan() *Scan {
	m := r.Manifest
	skippedBytes := int64(0)
	for _, s := range r.Skipped {
		skippedBytes += s.Bytes
	}
	layers := describeLayers(m)
	return &Scan{
		Layer:    layers[0],
		Layers:   layers,
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

// describeLayers returns the layers with the workspaces, the lowest first.
func describeLayers(m *release.Manifest) []Resource {
	var layers []Resource
	for _, l := range contentLayers(m) {
		layers = append(layers, Resource{
			Name: m.Repository.Directory, Digest: newDigestSet(l.Digest),
			Annotations: map[string]string{"diffId": l.DiffID.String()},
		})
	}
	return layers
}

// Summarize counts skipped files by reason, sorted by reason.
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
