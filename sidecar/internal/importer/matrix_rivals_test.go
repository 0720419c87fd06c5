// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// rivalry is the additional state of a row in which another release imports. That release is
// installed at the start, and one of its pods is about to come back.
type rivalry struct {
	// named is the initial content of the files of all pods, or "" for no file.
	named string
	// ended reports that nothing more will happen.
	ended func(*cell) bool
	// final is the version that must be installed at the end, or "" for either.
	final string
}

const (
	ours   = "v1"
	theirs = "v0"
)

// rivalFaults returns the rows in which another release imports.
func rivalFaults() []matrixFault {
	rows := []matrixFault{
		{name: "an old pod comes back, nothing names the current release", world: comesBack,
			rivals: &rivalry{ended: (*cell).reportedByAll}},
		{name: "an old pod comes back, this release is the current one", world: comesBack,
			rivals: &rivalry{named: ours, ended: (*cell).oursStays, final: ours}},
		{name: "an old pod comes back, its file is 10 s late", world: func(x *cell, r *replica) {
			x.rival.name(theirs)
			comesBack(x, r)
			x.later(10*time.Second, func() { x.rival.name(ours) })
		}, rivals: &rivalry{named: ours, ended: (*cell).oursStays, final: ours}},
		{name: "an old pod comes back, the file comes after 10 s", world: func(x *cell, r *replica) {
			comesBack(x, r)
			x.later(10*time.Second, func() { x.nameAll(ours) })
		}, rivals: &rivalry{ended: (*cell).oursStays, final: ours}},
		{name: "the other release is the current one for 10 s", world: func(x *cell, r *replica) {
			x.nameAll(theirs)
			comesBack(x, r)
			x.later(10*time.Second, func() { x.nameAll(ours) })
		}, rivals: &rivalry{named: ours, ended: (*cell).oursStays, final: ours}},
		{name: "the other release is the current one from now on", world: func(x *cell, r *replica) {
			x.nameAll(theirs)
			comesBack(x, r)
		}, rivals: &rivalry{named: ours, ended: (*cell).theirsStays, final: theirs}},
		{name: "somebody imports another release, nothing names the current one", world: byHand,
			rivals: &rivalry{ended: (*cell).reportedByOurs}},
		{name: "somebody imports another release, this one is the current one", world: byHand,
			rivals: &rivalry{named: ours, ended: (*cell).oursStays, final: ours}},
	}
	for n := range rows {
		rows[n].slack, rows[n].repeats, rows[n].races = 8*time.Minute, true, true
	}
	return append(rows,
		matrixFault{name: "the name of the current release cannot be read for 10 s", world: func(x *cell, r *replica) {
			r.fail(&Failure{Reason: state.CurrentUnreadable, Message: "it is empty"})
			x.later(10*time.Second, func() { r.fail(nil) })
		}, slack: 30 * time.Second})
}

// prepare creates the pod of the other release, installs that release and writes the files.
func (x *cell) prepare() {
	if x.fault.rivals == nil {
		return
	}
	x.rival = x.newReplica(theirs)
	x.replicas = x.replicas[:len(x.replicas)-1] // not a replica of this release
	x.importByHand()
	x.nameAll(x.fault.rivals.named)
}

// pods returns the pods of both releases.
func (x *cell) pods() []*replica {
	if x.rival == nil {
		return x.replicas
	}
	return append(slices.Clone(x.replicas), x.rival)
}

// nameAll writes the current release into the files of all pods.
func (x *cell) nameAll(named string) {
	for _, r := range x.pods() {
		r.name(named)
	}
}

// comesBack starts the pod of the other release.
func comesBack(x *cell, _ *replica) { x.later(0, x.rival.start) }

// byHand imports the other release without a sidecar, like a user.
func byHand(x *cell, _ *replica) { x.later(0, x.importByHand) }

// importByHand imports the groups in order, each as soon as the lock is free.
func (x *cell) importByHand() {
	person := x.client(x.rival.Pod, platform.Headers(platform.LocalHeaders()))
	for _, group := range x.rival.files.Groups() {
		for {
			_, err := person.Pull(context.Background(), platform.PullRequest{Repository: "release", Groups: []string{group},
				Wait: time.Hour})
			if err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// once reports whether a pod was Ready at least once.
func (x *cell) once(r *replica) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return r.everReady
}

// reportedByAll reports whether all pods were Ready once, and report it if their release is no longer
// installed.
func (x *cell) reportedByAll() bool { return x.reported(x.pods()) }

func (x *cell) reportedByOurs() bool { return x.reported(x.replicas) }

func (x *cell) reported(pods []*replica) bool {
	for _, r := range pods {
		s := r.get()
		foreign := s.Problem != nil && s.Problem.Reason == state.ForeignRelease
		if !x.once(r) || s.Phase != state.Watching || foreign != (len(x.missing(r)) > 0) || s.Problem != nil && !foreign {
			return false
		}
	}
	return true
}

// oursStays reports whether this release is confirmed and the other one stands aside.
func (x *cell) oursStays() bool {
	return x.stays(x.replicas) && (x.rival.stop == nil || x.aside([]*replica{x.rival}))
}

func (x *cell) theirsStays() bool { return x.stays([]*replica{x.rival}) && x.aside(x.replicas) }

func (x *cell) stays(pods []*replica) bool {
	return !slices.ContainsFunc(pods, func(r *replica) bool {
		s := r.get()
		return !s.Confirmed || s.Problem != nil || s.Phase != state.Watching || len(x.missing(r)) > 0
	})
}

func (x *cell) aside(pods []*replica) bool {
	return !slices.ContainsFunc(pods, func(r *replica) bool {
		s := r.get()
		return s.Confirmed || s.Problem == nil || s.Problem.Reason != state.Superseded
	})
}

// versionOf returns the release of a pod.
func (x *cell) versionOf(pod string) string {
	if x.rival != nil && pod == x.rival.Name {
		return theirs
	}
	return ours
}

// stayed reports whether the release of a pod must be installed at the end.
func (x *cell) stayed(r *replica) bool {
	return x.rival == nil || x.fault.rivals.final == x.versionOf(r.Name)
}
