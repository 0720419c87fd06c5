// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/scan"
)

// History configures the scan of a Git history.
type History struct {
	// Since is the commit after which the scan starts; empty for the whole history.
	Since string
}

// readHistory scans every version of the files of the source.
func (s *stages) readHistory(ctx context.Context, tree *source.Tree, checks Checks) (history *scan.History, err error) {
	var counter counter
	err = s.run("history", "scan the history", counter.tell(), func() error {
		run := checks.Scanner.Start(ctx)
		commits, walked := tree.History(ctx, checks.History.Since, func(v source.Version) error {
			if v.Data == nil && v.Size > 0 {
				run.Skip(v.Path, v.Size, "larger than --max-file-size, in commit "+v.Commit)
				return nil
			}
			return fail(Incomplete, errors.Join(
				counter.add(source.File{Path: v.Path, Data: v.Data}),
				run.Add(ctx, scan.File{Path: v.Path, Data: v.Data, Commit: v.Commit, Date: v.Time.UTC().Format(time.RFC3339)})))
		})
		report, ended := run.Finish()
		if ended != nil {
			return fail(Incomplete, ended)
		}
		history = scan.NewHistory(report, commits, checks.History.Since)
		return fail(Source, walked)
	})
	return history, err
}
