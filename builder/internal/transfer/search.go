// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	// pollDelay bounds the time between two reads. The gateway allows 40 reads of events per minute
	// (platform contract §9).
	pollDelay = 5 * time.Second
	// settleTime is how long to wait for the event after the status reports the import: events
	// become visible some seconds after they happen (platform contract §1.7), and large ones are
	// dropped (§0, finding 9).
	settleTime = 20 * time.Second
)

// outcomeSearch finds the result of an import whose response did not contain it.
type outcomeSearch struct {
	*run
	// id is the correlation ID of the response; empty if there was no response.
	id       string
	deadline time.Time
	cause    error
	say      func(string)

	noEvents bool
	noStatus bool
	// eventsFailed is set once a failure to read events has been printed.
	eventsFailed bool
	// imported is when the status first reported the import.
	imported time.Time
	// other is the time of the last import by another client.
	other time.Time
}

// pollUntilKnown reads events and the status until the result is known. The status does not list
// files.
func (s *outcomeSearch) pollUntilKnown(ctx context.Context) (*platform.ArchiveReport, error) {
	pause := retry.Delays{Limit: pollDelay}
	for {
		report, wait := s.readReport(ctx)
		if report != nil {
			return report, nil
		}
		if !time.Now().Before(s.deadline) {
			return nil, s.unknownOutcome(fmt.Sprintf("no result after %s", s.Timeout))
		}
		if s.noEvents && s.noStatus {
			return nil, s.unknownOutcome("neither events nor status of the workspace can be read")
		}
		if backoff.Sleep(ctx, min(wait, time.Until(s.deadline))) != nil || !pause.Sleep(ctx, s.deadline) {
			return nil, context.Cause(ctx)
		}
	}
}

// readReport returns the report, or nil and the delay that the platform asks for before the next
// read.
func (s *outcomeSearch) readReport(ctx context.Context) (report *platform.ArchiveReport, wait time.Duration) {
	if report, wait = s.readEvent(ctx); report != nil {
		return report, 0
	}
	return s.readStatus(ctx), wait
}

// readEvent looks for the completion event.
func (s *outcomeSearch) readEvent(ctx context.Context) (*platform.ArchiveReport, time.Duration) {
	if s.noEvents {
		return nil, 0
	}
	page, err := s.client.Events(ctx, platform.EventQuery{
		Workspace:   s.result.Workspace.ID,
		After:       s.since.Add(-time.Second),
		Types:       []string{platform.EventArchiveImported},
		NewestFirst: true,
	})
	if isPermanent(err) {
		s.say("events cannot be read: " + err.Error())
		s.noEvents = true
	} else if err != nil && !s.eventsFailed {
		s.say("events cannot be read at the moment; trying again: " + err.Error())
		s.eventsFailed = true
	}
	for _, e := range page.Events {
		if e.Archive != nil && s.isOwnEvent(&e) {
			return e.Archive, 0
		}
		if e.Archive != nil && e.CreatedAt.After(s.other) {
			s.other = e.CreatedAt
		}
	}
	return nil, retry.After(err)
}

// isOwnEvent reports whether an event belongs to this import: by correlation ID or, without one, by
// time.
func (s *outcomeSearch) isOwnEvent(e *platform.Event) bool {
	if s.id != "" && e.CorrelationID != "" {
		return e.CorrelationID == s.id
	}
	return !e.CreatedAt.Before(s.since)
}

// readStatus derives a report from the status of the workspace, if this import is the last one. It
// gives the event time to arrive first.
func (s *outcomeSearch) readStatus(ctx context.Context) *platform.ArchiveReport {
	if s.noStatus {
		return nil
	}
	status, err := s.client.WorkspaceStatus(ctx, s.result.Workspace.ID)
	if isPermanent(err) {
		s.say("the status of the workspace cannot be read: " + err.Error())
		s.noStatus = true
	}
	if err != nil || status.ImportedAt.Before(s.since) || !status.ImportedAt.After(s.other.Add(time.Second)) {
		return nil
	}
	if s.imported.IsZero() {
		s.imported = time.Now()
	}
	if !s.noEvents && time.Since(s.imported) < settleTime {
		return nil
	}
	s.result.FilesUnknown = true
	report := &platform.ArchiveReport{ID: s.result.Workspace.ID}
	for _, p := range status.Errors {
		report.Errors = append(report.Errors, platform.FileProblem{Problem: p})
	}
	return report
}

// isPermanent reports whether a retry cannot help.
func isPermanent(err error) bool {
	switch platform.ClassOf(err) {
	case platform.ClassNotFound, platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected,
		platform.ClassMalformed:
		return true
	}
	return false
}

// unknownOutcome returns the problem of an import whose result could not be found.
func (s *outcomeSearch) unknownOutcome(why string) *outcome.Problem {
	s.result.Outcome = outcome.Unknown
	message := "the outcome of the import is unknown: " + why
	if e, ok := errors.AsType[*platform.Error](s.cause); ok {
		message += fmt.Sprintf(" (the request: %v)", e)
	}
	return &outcome.Problem{Code: "unknown-outcome", Message: message,
		Help: s.describeLookup() + ", or in the log of prismeai-workspaces. Then run again: an import of the same " +
			"files changes nothing"}
}
