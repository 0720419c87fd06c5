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

// scanHistory scans every version of the files of the source. It returns nil if the checks do not
// include that.
func (o *opened) scanHistory(ctx context.Context, s *stages) (*scan.History, error) {
	if o.checks.History == nil || o.checks.Scanner == nil {
		return nil, nil
	}
	counter := new(counter)
	return inStage(s, "history", "scan the history", counter.newFormatter(), func() (*scan.History, error) {
		run := o.checks.Scanner.Start(ctx)
		commits, walked := o.tree.History(ctx, o.checks.History.Since, func(v source.Version) error {
			if v.Data == nil && v.Size > 0 {
				run.Skip(v.Path, v.Size, "larger than --max-file-size, in commit "+v.Commit)
				return nil
			}
			date := v.Time.UTC().Format(time.RFC3339)
			return fail(Incomplete, errors.Join(
				counter.add(source.File{Path: v.Path, Data: v.Data}),
				run.Add(ctx, scan.File{Path: v.Path, Data: v.Data, Commit: v.Commit, Date: date}),
			))
		})
		report, ended := run.Finish()
		if ended != nil {
			return nil, fail(Incomplete, ended)
		}
		return scan.NewHistory(report, commits, o.checks.History.Since), fail(Source, walked)
	})
}
