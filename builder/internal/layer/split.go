// SPDX-License-Identifier: AGPL-3.0-or-later

package layer

import (
	"crypto/sha256"
	"math/bits"
	"slices"
)

const (
	// MaxLayers is the maximum number of layers for the workspaces of a release.
	MaxLayers = 32
	// perLayer is the maximum number of workspaces in a layer before it is split.
	perLayer = 24
	// groupDepth is the number of bits that the hashes in a group of layers have in common.
	groupDepth = 3
)

// Split assigns the workspaces of a release to layers and returns the slugs of each layer. There is
// at least one layer, and only a single layer can be empty.
//
// A layer holds the workspaces whose hashes start with the same bits. A layer with more than 24
// workspaces is split at the next bit, as in extendible hashing: the split depends only on the
// workspaces of that layer, so all other layers stay the same. The number of layers is at most the
// largest power of two that is not above limit, and never more than [MaxLayers].
func Split(slugs []string, limit int) [][]string {
	limit = max(1, min(limit, MaxLayers))
	sorted := slices.Clone(slugs)
	slices.Sort(sorted)
	layers := split(slices.Compact(sorted), 0, bits.Len(uint(limit))-1)
	if len(layers) == 0 {
		return [][]string{nil}
	}
	return layers
}

// split divides slugs whose hashes share the first depth bits.
func split(slugs []string, depth, maxDepth int) [][]string {
	switch {
	case len(slugs) == 0:
		return nil
	case len(slugs) <= perLayer || depth == maxDepth:
		return [][]string{slugs}
	}
	var halves [2][]string
	for _, slug := range slugs {
		half := hashBit(slug, depth)
		halves[half] = append(halves[half], slug)
	}
	return append(split(halves[0], depth+1, maxDepth), split(halves[1], depth+1, maxDepth)...)
}

// hashBit returns bit n of the hash of a slug, counted from the most significant bit.
func hashBit(slug string, n int) int {
	sum := sha256.Sum256([]byte(slug))
	return int(sum[n/8]>>(7-n%8)) & 1
}

// Group groups the layers of [Split], of which it gets the slugs, by the first three bits of the
// hashes of their workspaces, and returns the indexes of the layers of each group. There are at most
// eight groups, and each layer is in one of them. A layer whose workspaces
// have fewer bits in common is a group of its own.
func Group(layers [][]string) [][]int {
	var groups [][]int
	last := -1
	for i, slugs := range layers {
		prefix := 0
		if len(slugs) > 0 {
			sum := sha256.Sum256([]byte(slugs[0]))
			prefix = int(sum[0] >> (8 - groupDepth))
		}
		if prefix != last {
			groups = append(groups, nil)
			last = prefix
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}
