// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// lookDelay bounds the time between two looks. The gateway allows 40 reads of events
	// in a minute (contract §9).
	lookDelay = 5 * time.Second
	// settled is how long after a status that tells of the import its event may come:
	// events are found some seconds after they happened (contract §1.7), or are dropped
	// for their size (contract §0, finding 9).
	settled = 20 * time.Second
)

// search looks for the end of an import that its answer did not tell.
type search struct {
	*run
	// id is the correlation id of the answer, empty if there was none.
	id       string
	deadline time.Time
	cause    error
	say      func(string)

	noEvents, noStatus bool
	// told is set when it was said that events fail.
	told bool
	// imported is when the status was first seen to tell of the import, other when the
	// last import was that somebody else made.
	imported, other time.Time
}

// find looks at events and status until one of them tells. Of the status, files are not known.
func (s *search) find(ctx context.Context) (*platform.ArchiveReport, error) {
	pause := retry.Delays{Limit: lookDelay}
	for {
		report, wait := s.look(ctx)
		if report != nil {
			return report, nil
		}
		if !time.Now().Before(s.deadline) {
			return nil, s.unknown(fmt.Sprintf("no end after %s", s.Timeout))
		}
		if s.noEvents && s.noStatus {
			return nil, s.unknown("neither events nor status of the workspace can be read")
		}
		if !retry.Sleep(ctx, min(wait, time.Until(s.deadline))) || !pause.Sleep(ctx, s.deadline) {
			return nil, context.Cause(ctx)
		}
	}
}

// look returns the report if there is one. Wait is what the platform asks for before it
// is asked again.
func (s *search) look(ctx context.Context) (report *platform.ArchiveReport, wait time.Duration) {
	if report, wait = s.event(ctx); report != nil {
		return report, 0
	}
	return s.status(ctx), wait
}

// event looks for the event of the end.
func (s *search) event(ctx context.Context) (*platform.ArchiveReport, time.Duration) {
	if s.noEvents {
		return nil, 0
	}
	page, err := s.client.Events(ctx, platform.EventQuery{
		Workspace:   s.result.Workspace.ID,
		After:       s.since.Add(-time.Second),
		Types:       []string{platform.EventArchiveImported},
		NewestFirst: true,
	})
	if final(err) {
		s.say("events cannot be read: " + err.Error())
		s.noEvents = true
	} else if err != nil && !s.told {
		s.say("events cannot be read at the moment, and are asked for again: " + err.Error())
		s.told = true
	}
	for _, e := range page.Events {
		if e.Archive != nil && s.ours(&e) {
			return e.Archive, 0
		}
		if e.Archive != nil && e.CreatedAt.After(s.other) {
			s.other = e.CreatedAt
		}
	}
	return nil, retry.After(err)
}

// ours reports whether an event is of this import: by the correlation id, and where there
// is none by its time.
func (s *search) ours(e *platform.Event) bool {
	if s.id != "" && e.CorrelationID != "" {
		return e.CorrelationID == s.id
	}
	return !e.CreatedAt.Before(s.since)
}

// status looks whether the workspace has been imported since, by nobody else that is
// known, and gives the event its time.
func (s *search) status(ctx context.Context) *platform.ArchiveReport {
	if s.noStatus {
		return nil
	}
	status, err := s.client.WorkspaceStatus(ctx, s.result.Workspace.ID)
	if final(err) {
		s.say("the status of the workspace cannot be read: " + err.Error())
		s.noStatus = true
	}
	if err != nil || status.ImportedAt.Before(s.since) || !status.ImportedAt.After(s.other.Add(time.Second)) {
		return nil
	}
	if s.imported.IsZero() {
		s.imported = time.Now()
	}
	if !s.noEvents && time.Since(s.imported) < settled {
		return nil
	}
	s.result.FilesUnknown = true
	report := &platform.ArchiveReport{ID: s.result.Workspace.ID}
	for _, p := range status.Errors {
		report.Errors = append(report.Errors, platform.FileProblem{Problem: p})
	}
	return report
}

// final reports whether asking again is of no use.
func final(err error) bool {
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected, platform.ClassMalformed:
		return true
	}
	return false
}

// unknown is the problem of an import whose end nobody tells.
func (s *search) unknown(why string) *outcome.Problem {
	s.result.Outcome = outcome.Unknown
	message := "it is not known how the import ended: " + why
	if e, ok := errors.AsType[*platform.Error](s.cause); ok {
		message += fmt.Sprintf(" (the request: %v)", e)
	}
	return &outcome.Problem{Code: "unknown-outcome", Message: message,
		Help: s.whereToLook() + ", or in the log of prismeai-workspaces. Then run again: an import of the same " +
			"files changes nothing"}
}
