// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scan looks for secrets in the files of a release and fails closed:
// a file that could not be scanned to its end is an error, never a clean file.
package scan

import (
	"context"

	"github.com/prismeai/workspaces-release/internal/release"
)

// File is a file to scan.
type File struct {
	// Path is relative to the root of the workspaces, with slashes.
	Path string
	// Data is the whole content. Nobody writes to it.
	Data []byte
}

// Detector finds secrets in one file. It is safe for concurrent use.
type Detector interface {
	// Describe names the detector and the digest of its rules.
	Describe() release.Scanner
	// Scan returns every match in the file. An error means that the file was
	// not scanned to its end, whatever matches come with it.
	Scan(ctx context.Context, f File) ([]Match, error)
}
