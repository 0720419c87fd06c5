// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// maxArchive bounds an export, in bytes.
	maxArchive = 256 << 20
	// exportWait bounds the time that an export takes.
	exportWait = 10 * time.Minute
)

// present exports the workspace as it is.
func (r *run) present(ctx context.Context, id string) (err error) {
	file, err := os.CreateTemp(r.TempDir, "present-*.zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if err := export(ctx, r.client, r.display, id, r.Slug, file, "to"); err != nil {
		return err
	}
	return r.Present(ctx, file)
}

// Export writes the archive of a workspace, by slug or id, and returns its slug. The
// error is a [*outcome.Problem], of ctx or of the writer.
func Export(ctx context.Context, client *platform.Client, display Display, name string, to *os.File) (slug string, err error) {
	var found *platform.Installed
	err = display.Narrate("look for "+name+" on "+client.BaseURL(), func(func(string)) error {
		found, _, err = find(ctx, client, name)
		return err
	})
	switch {
	case err != nil:
		return "", refusal(err, "from")
	case found == nil:
		return "", &outcome.Problem{
			Code:    "no-workspace",
			Message: fmt.Sprintf("the source has no workspace %s that the token's user can see", name),
			Help:    "correct --workspace, or give the user access to it",
		}
	}
	return found.Slug, export(ctx, client, display, found.ID, found.Slug, to, "from")
}

// export writes the archive of a workspace from the beginning of a file.
func export(ctx context.Context, client *platform.Client, display Display, id, slug string, to *os.File, side string) error {
	return display.Narrate("export "+slug+" from "+client.BaseURL(), func(func(string)) error {
		err := retry.Read(ctx, func() error {
			if _, err := to.Seek(0, io.SeekStart); err != nil {
				return err
			}
			if err := to.Truncate(0); err != nil {
				return err
			}
			_, err := client.ExportArchive(ctx, platform.ExportRequest{
				Workspace: id,
				Limit:     maxArchive,
				Wait:      exportWait,
			}, to)
			return err
		})
		return refusal(err, side)
	})
}
