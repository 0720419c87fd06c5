// SPDX-License-Identifier: AGPL-3.0-or-later

package trufflehog

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/trufflesecurity/trufflehog/v3/pkg/detectors"
	"github.com/trufflesecurity/trufflehog/v3/pkg/engine/ahocorasick"
	"github.com/trufflesecurity/trufflehog/v3/pkg/engine/defaults"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// parts holds the parts of a text for each detector.
type parts map[ahocorasick.DetectorKey][]string

func partsOfCore(core *ahocorasick.Core, text []byte) parts {
	all := parts{}
	for _, m := range core.FindDetectorMatches(text) {
		for _, part := range m.Matches() {
			all[m.Key] = append(all[m.Key], string(part))
		}
	}
	return all
}

func partsOfKeywords(k *keywords, text []byte) parts {
	all := parts{}
	for _, m := range k.find(text) {
		key := ahocorasick.CreateDetectorKey(m.Detector)
		for _, p := range m.parts {
			all[key] = append(all[key], string(text[p.start:p.end]))
		}
	}
	return all
}

// uniqueDetectors returns the detectors that have different keys in the core.
func uniqueDetectors() []detectors.Detector {
	seen := map[ahocorasick.DetectorKey]bool{}
	return slices.DeleteFunc(defaults.DefaultDetectors(), func(d detectors.Detector) bool {
		key := ahocorasick.CreateDetectorKey(d)
		known := seen[key]
		seen[key] = true
		return known
	})
}

// FuzzKeywords compares with TruffleHog's core for all of its detectors. The core uses offsets
// in the lower-case text for the original text; where their lengths differ, only our result is
// correct.
func FuzzKeywords(f *testing.F) {
	enableFeatures()
	selected := uniqueDetectors()
	core, ours := ahocorasick.NewAhoCorasickCore(selected), newKeywords(selected)
	for _, d := range selected {
		f.Add([]byte(strings.ToUpper(strings.Join(d.Keywords(), " "))))
	}
	for _, data := range samples() {
		f.Add(data)
	}
	for i, leak := range scantest.Leaks(3) {
		if i%10 == 0 {
			f.Add(leak.Data)
		}
	}
	f.Add([]byte("\u212aey to\u212aen g\u0130thub"))
	f.Add([]byte("github \xff github" + strings.Repeat("x", 600) + "gitlab"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if lower := bytes.ToLower(text); sameCase(text) && len(lower) != len(text) {
			return
		}
		want, got := partsOfCore(core, text), partsOfKeywords(ours, text)
		if !maps.EqualFunc(want, got, slices.Equal) {
			t.Errorf("of %q, the core finds %d detectors, and we %d, or other parts", text, len(want), len(got))
		}
	})
}

// BenchmarkKeywords searches published workspaces with the library in TruffleHog's core, and
// with the automaton that replaces it: see docs/figures.md.
func BenchmarkKeywords(b *testing.B) {
	enableFeatures()
	selected, files, size := defaults.DefaultDetectors(), samples(), 0
	core, ours := ahocorasick.NewAhoCorasickCore(selected), newKeywords(selected)
	for _, data := range files {
		size += len(data)
	}
	for _, search := range []struct {
		name string
		find func([]byte)
	}{
		{"core", func(data []byte) { core.FindDetectorMatches(data) }},
		{"ours", func(data []byte) { ours.find(data) }},
	} {
		b.Run(search.name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				for _, data := range files {
					search.find(data)
				}
			}
		})
	}
}
