// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/follow"
)

const (
	timeout = 80 * time.Second
	poll    = 5 * time.Second
	// lag is how long events may take to become visible.
	lag = 4 * poll
)

// never is a step that no schedule reaches.
const never = 1 << 30

// schedule says before which read each change of the platform happens. Reads are counted from 0.
type schedule struct {
	begin, end, visible int // the operation takes the lock and ends, and its last event can be read
	fails               bool
	// rival is "before" or "after" if another operation with the opposite result has ended before
	// this one, or ends that many reads after it.
	rival            string
	rivalEnd         int
	ids              string // "" if all is known, "event" or "client" if that one has none
	fault            fault
	archive, patient bool
}

// fault is an error of reads, from a step on, once or always.
type fault struct {
	source string // events, lock (or status)
	class  platform.Class
	from   int
	always bool
}

// world is a platform that follows a schedule.
type world struct {
	schedule
	step    int
	since   time.Time
	ended   time.Time // zero while the operation has not ended
	failed  bool      // the fault has occurred
	shown   bool      // the event of the end has been read
	current bool      // the last read of events succeeded
	news    time.Time // when the last event was reported
	locked  bool      // the lock of the operation has been read
	notes   map[string]int
	texts   int
}

// read counts a read of a source, and returns its error.
func (w *world) read(source string) error {
	step := w.step
	w.step++
	if w.ended.IsZero() && step >= w.end {
		w.ended = time.Now()
	}
	f := &w.fault
	if f.source != source && f.source != "all" || step < f.from || w.failed && !f.always {
		return nil
	}
	w.failed = true
	return &platform.Error{Class: f.class, RetryAfter: 30 * time.Second}
}

// reached reports whether the schedule has reached a step.
func (w *world) reached(step int) bool { return w.step > step }

func (w *world) Events(context.Context, platform.EventQuery) (platform.EventPage, error) {
	err := w.read("events")
	w.current = err == nil
	if err != nil {
		return platform.EventPage{}, err
	}
	var page platform.EventPage
	if w.rival == "before" {
		page.Events = append(page.Events, w.event("rival", w.since.Add(-time.Second), !w.fails))
	}
	if w.reached(w.begin) && !w.archive {
		page.Events = append(page.Events, platform.Event{
			ID:            "progress",
			CorrelationID: w.id("own"),
			CreatedAt:     w.since,
			Progress:      &platform.Progress{},
		})
	}
	if w.reached(w.visible) {
		w.shown = true
		page.Events = append(page.Events, w.event("own", w.ended, w.fails))
	}
	if w.rivalEnded() {
		page.Events = append(page.Events, w.event("rival", w.ended.Add(2*time.Second), !w.fails))
	}
	return page, nil
}

// rivalEnded reports whether another operation has ended after this one.
func (w *world) rivalEnded() bool { return w.rival == "after" && w.reached(w.end+w.rivalEnd) }

// id returns the correlation ID in the events of an operation.
func (w *world) id(owner string) string {
	if w.ids == "event" {
		return ""
	}
	return owner
}

// event returns the event of the end of an operation.
func (w *world) event(owner string, at time.Time, fails bool) platform.Event {
	e := platform.Event{ID: owner, CorrelationID: w.id(owner), CreatedAt: at}
	var problems []platform.Problem
	if fails {
		problems = []platform.Problem{{Message: "failed"}}
	}
	if w.archive {
		e.Archive = &platform.ArchiveReport{}
		for _, p := range problems {
			e.Archive.Errors = append(e.Archive.Errors, platform.FileProblem{Problem: p})
		}
		return e
	}
	e.Completed = &platform.ImportReport{Groups: []string{owner}, Errors: problems}
	return e
}

// Lock is held by the operation, and later by another one.
func (w *world) Lock(context.Context) (*platform.WriteLock, error) {
	if err := w.read("lock"); err != nil {
		return nil, err
	}
	switch {
	case w.reached(w.begin) && !w.reached(w.end):
		w.locked = true
		return &platform.WriteLock{LockedBy: "own"}, nil
	case w.rival == "after" && w.reached(w.end+1) && !w.rivalEnded():
		return &platform.WriteLock{LockedBy: "rival"}, nil
	}
	return nil, nil
}

func (w *world) Status(context.Context) (s platform.WorkspaceStatus, err error) {
	if err := w.read("lock"); err != nil {
		return s, err
	}
	s.ImportedAt = w.since.Add(-time.Hour)
	fails := w.fails
	switch {
	case w.rivalEnded():
		s.ImportedAt = w.ended.Add(2 * time.Second)
		fails = !fails
	case w.reached(w.end):
		s.ImportedAt = w.ended
	case w.rival == "before":
		s.ImportedAt = w.since.Add(-time.Second)
		fails = !fails
	}
	if fails {
		s.Errors = []platform.Problem{{Message: "failed"}}
	}
	return s, nil
}

func (w *world) operation() *follow.Operation {
	o := &follow.Operation{
		Since: w.since,
		IDs:   []string{""},
		Matches: func(e *platform.Event) bool {
			return e.Archive != nil || e.Completed != nil && e.Completed.Groups[0] == "own"
		},
		Ends:    func(e *platform.Event) bool { return e.Archive != nil || e.Completed != nil },
		Feed:    &follow.Feed{Source: w},
		InPod:   !w.patient,
		Patient: w.patient,
		Poll:    backoff.Exponential{First: poll, Max: poll},
		Sent:    time.Now(),
		Timeout: timeout,
		Notify:  func(string) { w.texts++ },
		OnEvent: func(e *platform.Event) {
			w.notes[e.ID]++
			w.news = time.Now()
		},
	}
	if w.ids != "client" {
		o.IDs = append(o.IDs, "own")
	}
	if w.archive {
		o.Status = w.Status
	} else {
		o.Lock = w.Lock
	}
	return o
}

// follow follows the operation of a schedule, and returns what it did wrong.
func (w *world) follow(ctx context.Context) error {
	w.since = time.Now()
	w.notes = map[string]int{}
	found, err := w.operation().Await(ctx)
	if wrong := w.checkNotes(); wrong != nil {
		return wrong
	}
	if took := time.Since(w.since); took > timeout || errors.Is(err, follow.ErrExpired) && took < timeout {
		return fmt.Errorf("%v after %s", err, took)
	}
	if err == nil {
		return w.checkFound(found)
	}
	return w.checkUnknown(err)
}

// checkFound checks an outcome against what has happened.
func (w *world) checkFound(found follow.Outcome) error {
	failed := false
	switch e := found.Event; {
	case found.Status != nil:
		failed = len(found.Status.Errors) > 0
	case e.Archive != nil:
		failed = len(e.Archive.Errors) > 0
	default:
		failed = len(e.Completed.Errors) > 0
	}
	switch {
	case w.ended.IsZero():
		return errors.New("an outcome of an operation that has not ended")
	case failed != w.fails:
		return fmt.Errorf("reported as failed: %t", failed)
	}
	return nil
}

// checkUnknown checks the reason why the outcome stays unknown.
func (w *world) checkUnknown(err error) error {
	running := w.reached(w.begin) && !w.reached(w.end)
	always := func(class platform.Class, source string) bool {
		return w.fault == fault{source, class, w.fault.from, true}
	}
	unreadable := w.archive && always(platform.ClassForbidden, "all")
	away := !w.patient && (always(platform.ClassNotSent, "lock") || always(platform.ClassNotSent, "all"))
	ok := false
	switch {
	case w.shown: // the event of the end was overlooked
	case unreadable:
		ok = errors.Is(err, follow.ErrUnreadable)
	case errors.Is(err, follow.ErrSilent):
		readable := w.fault.class != platform.ClassForbidden || w.fault.source == "lock"
		// The operation may begin late, and end before the next look.
		settled := time.Since(w.ended) >= lag-poll && time.Since(w.news) >= lag && (w.current || !w.patient)
		ok = !w.archive && !running && (!readable || settled)
	case errors.Is(err, follow.ErrExpired):
		hidden := w.rival == "after" && (w.archive || !w.locked) // by the other operation
		refused := w.fault.class == platform.ClassForbidden && w.fault.source != "events"
		unseen := w.archive && (w.ended.IsZero() || refused)
		ok = !away && (running || unseen || hidden || w.fault.always)
	case platform.ClassOf(err) == platform.ClassNotSent:
		ok = !w.patient && w.fault.class == platform.ClassNotSent
	}
	if !ok {
		return fmt.Errorf("operation ended %t: %w", !w.ended.IsZero(), err)
	}
	return nil
}

// checkNotes checks that each event of the operation is reported once, and a long wait explained.
func (w *world) checkNotes() error {
	for id, n := range w.notes {
		if id == "rival" || n > 1 {
			return fmt.Errorf("%d notes of the event %s", n, id)
		}
	}
	if w.shown && w.notes["own"] == 0 || w.texts == 0 && w.step > 8 {
		return fmt.Errorf("%d texts, events %v", w.texts, w.notes)
	}
	return nil
}

// interleavings calls run with every order of changes and reads. The lists have the reads until the
// operation begins, from there to its end, and from there until its last event can be read.
func interleavings(begins, lengths, lags []int, run func(schedule)) {
	for _, begin := range begins {
		for _, length := range lengths {
			for _, lag := range lags {
				end := min(begin+length, never)
				if begin == never && length != never || end == never && lag != never {
					continue // the same as another one
				}
				run(schedule{begin: begin, end: end, visible: min(end+lag, never)})
			}
		}
	}
}

// rivals calls run with all rivals whose events can be distinguished. The event of an import of an
// archive has no content that could: without a correlation ID, it belongs to the import that is
// being followed.
func rivals(s schedule, run func(schedule)) {
	run(s)
	s.rival = "before"
	run(s)
	if s.archive && s.ids != "" {
		return
	}
	s.rival = "after"
	for _, s.rivalEnd = range []int{1, 3, 8, 13, never} {
		run(s)
	}
}

// kinds calls run with each kind of operation, of client and of correlation IDs.
func kinds(s schedule, run func(schedule)) {
	for _, s.ids = range []string{"", "event", "client"} {
		for _, s.fails = range []bool{false, true} {
			s.archive = false
			s.patient = false
			run(s)
			s.patient = true
			run(s)
			s.archive = true
			run(s)
		}
	}
}

func faults() (all []fault) {
	for _, source := range []string{"events", "lock", "all"} {
		for _, class := range []platform.Class{
			platform.ClassServer, platform.ClassRateLimited, platform.ClassForbidden, platform.ClassNotSent,
		} {
			for _, from := range []int{0, 3} {
				all = append(all, fault{source, class, from, false}, fault{source, class, from, true})
			}
		}
	}
	return all
}

// play runs a schedule.
func play(t *testing.T, s schedule) {
	w := &world{schedule: s}
	if err := w.follow(t.Context()); err != nil {
		t.Errorf("%v: %+v", err, s)
	}
}

// Whatever the order in which the platform changes and is read: no outcome is reported before the
// end, none that is wrong, and the wait ends in time.
func TestInterleavings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		begins := []int{0, 1, 2, never}
		lengths := []int{0, 1, 2, 3, 4, 5, never}
		lags := []int{0, 1, 2, 3, 4, 5, 6, never}
		interleavings(begins, lengths, lags, func(s schedule) {
			kinds(s, func(s schedule) {
				rivals(s, func(s schedule) {
					n++
					play(t, s)
				})
			})
		})
		if n < 10_000 {
			t.Errorf("only %d schedules", n)
		}
	})
}

// The same with a source that fails.
func TestInterleavingsWithFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		interleavings([]int{0, 1, never}, []int{0, 1, 4, never}, []int{0, 1, 4, never}, func(s schedule) {
			kinds(s, func(s schedule) {
				for _, s.fault = range faults() {
					n++
					play(t, s)
				}
			})
		})
		if n < 10_000 {
			t.Errorf("only %d schedules", n)
		}
	})
}
