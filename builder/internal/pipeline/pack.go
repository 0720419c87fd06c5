// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"archive/zip"
	"context"
	"io"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// Pack reads a source like [Read] and writes the files to a zip archive, which is identical for
// identical files. The archive may be used only if there is no error. It then contains exactly the
// files that were checked.
func Pack(ctx context.Context, display *progress.Display, input Input, checks Checks, to io.Writer) (*Reading, error) {
	archive := zip.NewWriter(to)
	add := func(f source.File) error { return fail(Engine, addTo(archive, f)) }
	reading, err := readOnce(ctx, newStages(display), input, checks, sink{add: add})
	if err == nil {
		err = fail(Engine, archive.Close())
	}
	if err != nil {
		return nil, err
	}
	return reading, verdict(reading)
}

// addTo adds a file with the earliest time that the format supports.
func addTo(archive *zip.Writer, f source.File) error {
	w, err := archive.CreateHeader(
		&zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
	)
	if err != nil {
		return err
	}
	_, err = w.Write(f.Data)
	return err
}
