// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"slices"
)

// Warning is a condition that does not affect readiness but needs attention.
type Warning struct {
	Name WarningName `json:"name"`
	Text string      `json:"text"`
}

// WarningName is the kind of a [Warning]. There is at most one warning of each kind.
type WarningName string

// Kinds of warnings.
const (
	// WarnFilesPolled means that the kernel has no inotify instances or watches left.
	WarnFilesPolled WarningName = "files-polled"
	// WarnSubPath means that a file is mounted by subPath, so Kubernetes never updates it.
	WarnSubPath WarningName = "sub-path"
	// WarnTolerated means that the release is confirmed despite errors that --tolerate allows.
	WarnTolerated WarningName = "tolerated"
)

// WarningNames lists all kinds.
func WarningNames() []WarningName { return []WarningName{WarnFilesPolled, WarnSubPath, WarnTolerated} }

// Warn sets the warning of a kind, or clears it if text is empty.
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
