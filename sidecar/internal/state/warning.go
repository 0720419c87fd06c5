// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"slices"
)

// Warning is something that holds nothing back and yet wants to be looked at.
type Warning struct {
	Name WarningName `json:"name"`
	Text string      `json:"text"`
}

// WarningName is the kind of a [Warning]; there is at most one of each.
type WarningName string

// The kinds of warnings.
const (
	// WarnFilesPolled: the kernel has no inotify instance or watch left.
	WarnFilesPolled WarningName = "files-polled"
	// WarnSubPath: a file is mounted in a way in which it is never replaced.
	WarnSubPath WarningName = "sub-path"
	// WarnTolerated: the release is confirmed in spite of errors that --tolerate names.
	WarnTolerated WarningName = "tolerated"
)

// WarningNames lists all kinds.
func WarningNames() []WarningName { return []WarningName{WarnFilesPolled, WarnSubPath, WarnTolerated} }

// Warn sets the warning of a kind, or ends it with an empty text.
func (s *Store) Warn(name WarningName, text string) {
	s.Update(func(now *Snapshot) {
		others := slices.DeleteFunc(slices.Clone(now.Warnings), func(w Warning) bool { return w.Name == name })
		if text != "" {
			others = append(others, Warning{name, text})
		}
		slices.SortFunc(others, func(a, b Warning) int { return cmp.Compare(a.Name, b.Name) })
		now.Warnings = others
	})
}
