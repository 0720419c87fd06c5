// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// maxPause bounds the pause that the platform may ask for between two reads of events. Its rate
// limits are per minute (platform contract §9).
const maxPause = 2 * time.Minute

// errPaused is returned until [Feed.Resume].
var errPaused = errors.New("the platform limits how often events may be read")

// Source reads events. [platform.Client] is one.
type Source interface {
	Events(context.Context, platform.EventQuery) (platform.EventPage, error)
}

// Feed reads events, and remembers if the platform refuses that.
type Feed struct {
	Source Source
	// Refused is why the platform lists no events for this client, or nil. No event is read then.
	Refused error
	// Resume is when events may be read again, if the platform limited the rate.
	Resume time.Time
}

// Newest returns one page of the newest events since a time, by the platform's clock. It includes
// those of the minute before, because clocks differ. It reads only one page, because the rate of
// reads is limited.
func (f *Feed) Newest(ctx context.Context, since time.Time, q platform.EventQuery) ([]platform.Event, error) {
	switch {
	case f.Refused != nil:
		return nil, f.Refused
	case time.Now().Before(f.Resume):
		return nil, errPaused
	}
	q.After = since.Add(-time.Minute)
	q.NewestFirst = true
	page, err := f.Source.Events(ctx, q)
	if isRefusal(err) {
		f.Refused = err
	}
	if e, ok := errors.AsType[*platform.Error](err); ok && e.Class == platform.ClassRateLimited {
		f.Resume = time.Now().Add(min(e.RetryAfter, maxPause))
	}
	return page.Events, err
}

// isRefusal reports whether repeating a read cannot help.
func isRefusal(err error) bool {
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
		return true
	}
	return false
}
