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
	// exportWait bounds the duration of an export.
	exportWait = 10 * time.Minute
)

// exportPresent exports the existing workspace and passes it to Options.Present.
func (r *run) exportPresent(ctx context.Context, id string) (err error) {
	file, err := os.CreateTemp(r.TempDir, "present-*.zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	target := exporter{client: r.client, display: r.display, side: "to"}
	if err := target.writeArchive(ctx, Workspace{Slug: r.Slug, ID: id}, file); err != nil {
		return err
	}
	return r.Present(ctx, file)
}

// Export writes the archive of a workspace, given by slug or ID, and returns its slug. The error is
// a [*outcome.Problem], the cause of ctx, or a write error.
func Export(
	ctx context.Context, client *platform.Client, display outcome.Display, name string, to *os.File,
) (slug string, err error) {
	var found *platform.Installed
	err = display.Narrate("look for "+name+" on "+client.BaseURL(), func(func(string)) error {
		found, _, err = findWorkspace(ctx, client, name)
		return err
	})
	switch {
	case err != nil:
		return "", explainRefusal(err, "from")
	case found == nil:
		return "", &outcome.Problem{
			Code:    "no-workspace",
			Message: fmt.Sprintf("the source has no workspace %s that the token's user can see", name),
			Help:    "correct --workspace, or give the user access to it",
		}
	}
	from := exporter{client: client, display: display, side: "from"}
	return found.Slug, from.writeArchive(ctx, Workspace{Slug: found.Slug, ID: found.ID}, to)
}

// exporter exports workspaces of one platform.
type exporter struct {
	client  *platform.Client
	display outcome.Display
	// side is the prefix of the platform's flags: see [explainRefusal].
	side string
}

// writeArchive writes the archive of a workspace to a file, from offset 0.
func (e exporter) writeArchive(ctx context.Context, w Workspace, to *os.File) error {
	return e.display.Narrate("export "+w.Slug+" from "+e.client.BaseURL(), func(func(string)) error {
		err := retry.Read(ctx, func() error {
			if _, err := to.Seek(0, io.SeekStart); err != nil {
				return err
			}
			if err := to.Truncate(0); err != nil {
				return err
			}
			_, err := e.client.ExportArchive(ctx, platform.ExportRequest{
				Workspace: w.ID,
				Limit:     maxArchive,
				Wait:      exportWait,
			}, to)
			return err
		})
		return explainRefusal(err, e.side)
	})
}
