// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// SchemaVersion of [Snapshot] in JSON. Fields may be added under the same version.
const SchemaVersion = 1

// Snapshot is everything that the sidecar tells. Its slices are never changed in
// place, so that a copy is safe to read.
type Snapshot struct {
	SchemaVersion int       `json:"schemaVersion"`
	Phase         Phase     `json:"phase"`
	Since         time.Time `json:"since"` // of the phase
	Started       time.Time `json:"started"`
	// Mode is import or observe once it is decided.
	Mode string `json:"mode,omitempty"`
	Gate Gate   `json:"gate"`
	// Confirmed: the platform's word for every workspace of the desired release.
	Confirmed bool    `json:"confirmed"`
	Release   Release `json:"release"`
	// Current is what the deployment's file says, nil if no file is configured.
	Current *Current `json:"currentRelease,omitempty"`
	Groups  []Group  `json:"groups"`
	// Problem is nil when nothing is wrong.
	Problem      *Problem   `json:"problem,omitempty"`
	Passes       int        `json:"passes"`
	LastAttempt  *time.Time `json:"lastAttempt,omitempty"`
	LastSuccess  *time.Time `json:"lastSuccess,omitempty"`
	LastProgress *time.Time `json:"lastProgress,omitempty"`
	NextAttempt  *time.Time `json:"nextAttempt,omitempty"`
	// Lock is the write lock as last seen.
	Lock *LockInfo `json:"lock,omitempty"`
	// Drift is nil before the first comparison.
	Drift *Drift `json:"drift,omitempty"`
	// Warnings hold nothing back.
	Warnings []Warning `json:"warnings,omitempty"`
	// Foreign lists workspaces of a release that was confirmed that are at the version of
	// another release.
	Foreign []string `json:"foreign,omitempty"`
	// Look is what a caller of /status?fresh=true gets besides; it is never stored.
	Look *Look `json:"look,omitempty"`
	// CorrelationID of the last import, to be found in the platform's logs.
	CorrelationID string     `json:"correlationId,omitempty"`
	TokenExpires  *time.Time `json:"tokenExpires,omitempty"`
}

// Release is what the pod shall carry.
type Release struct {
	Name           string `json:"name,omitempty"`
	Repository     string `json:"repository,omitempty"`
	RepositoryName string `json:"repositoryName,omitempty"`
	ManifestDigest string `json:"manifestDigest,omitempty"`
	// Verification is full against a manifest, partial where only the platform's
	// own report says what was to be imported, and none before the first.
	Verification Verification `json:"verification"`
}

// Current is which release shall run, by the deployment's file.
type Current struct {
	// Named is the text of the file: the digest of a manifest, or an image reference.
	Named string `json:"named"`
	// Superseded: it names another release than this pod's.
	Superseded bool      `json:"superseded"`
	Since      time.Time `json:"since"` // when this text was first read
}

// Look is one look at the list of installed workspaces.
type Look struct {
	Time time.Time `json:"time"`
	// Missing and Foreign are slugs of the release that the platform does not have, or
	// has at the version of another release.
	Missing []string `json:"missing"`
	Foreign []string `json:"foreign"`
	// VersionsTold is false where the platform's list names no versions: then Foreign
	// is empty whatever is installed.
	VersionsTold bool `json:"versionsTold"`
}

// Problem is what a look found, nil if the platform has the release.
func (l *Look) Problem() *Problem {
	switch {
	case len(l.Foreign) > 0:
		return NewProblem(ForeignRelease, "at the version of another release: "+Some(l.Foreign), "")
	case len(l.Missing) > 0:
		return NewProblem(Drifted, "missing: "+Some(l.Missing), "")
	}
	return nil
}

// maxNamed bounds how many slugs one message names.
const maxNamed = 20

// Some returns the first of many slugs as a text.
func Some(slugs []string) string {
	text := strings.Join(slugs[:min(len(slugs), maxNamed)], ", ")
	if more := len(slugs) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Verification tells how far a confirmation was checked.
type Verification string

// The extents of a verification.
const (
	Unverified Verification = "none"
	Partial    Verification = "partial"
	Full       Verification = "full"
)

// Group is one group of the release.
type Group struct {
	Name       string      `json:"name"`
	State      GroupState  `json:"state"`
	Workspaces []Workspace `json:"workspaces"`
}

// Workspace is one workspace of a group.
type Workspace struct {
	Slug    string         `json:"slug"`
	Name    string         `json:"name,omitempty"`
	Version string         `json:"version,omitempty"`
	State   WorkspaceState `json:"state"`
	Error   string         `json:"error,omitempty"`
	// Reason of the error, if it failed.
	Reason Reason `json:"reason,omitempty"`
	// Tolerated are the reasons of errors that do not count.
	Tolerated []Reason `json:"tolerated,omitempty"`
}

// Problem is why the release is not confirmed, and what to do.
type Problem struct {
	Reason  Reason    `json:"reason"`
	Title   string    `json:"title"`
	Message string    `json:"message"`
	Group   string    `json:"group,omitempty"`
	Remedy  string    `json:"remedy"`
	Runbook string    `json:"runbook"`
	Since   time.Time `json:"since"`
}

// LockInfo is the platform's write lock.
type LockInfo struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Pod whose service took the lock, if that is known.
	Pod string `json:"pod,omitempty"`
	// EndsBy is when the platform drops the lock at the latest, nil if it never does.
	EndsBy *time.Time `json:"endsBy,omitempty"`
	// Orphaned: the service of this pod took the lock, and was stopped since, so
	// that nobody frees it. Whether other pods are gone is not known here.
	Orphaned bool `json:"orphaned,omitempty"`
}

// Drift is the last comparison with the release.
type Drift struct {
	Checked    time.Time `json:"checked"`
	Workspaces []string  `json:"workspaces"`
}

// Store holds the current [Snapshot]. It is safe for concurrent use.
type Store struct {
	mu      sync.RWMutex
	current Snapshot
}

// NewStore returns a store that waits, with a closed gate.
func NewStore() *Store {
	now := time.Now()
	return &Store{current: Snapshot{SchemaVersion: SchemaVersion, Phase: Waiting, Since: now, Started: now,
		Release: Release{Verification: Unverified}, Groups: []Group{}, Gate: Gate{Why: GateWaits}}}
}

// Get returns the current state.
func (s *Store) Get() Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current
}

// Update changes the state. Change must replace slices and pointers, not write through them.
func (s *Store) Update(change func(*Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.current)
}

// Gate decides about the gate now. Changed tells the one caller that sees it open.
func (s *Store) Gate(p GatePolicy) (gate Gate, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Gate
	s.current.Gate = p.Decide(&s.current, time.Now())
	return s.current.Gate, s.current.Gate.Why != old.Why
}

// SetGroup changes one group; unknown names are ignored.
func (s *Snapshot) SetGroup(name string, change func(*Group)) {
	s.Groups = slices.Clone(s.Groups)
	for i := range s.Groups {
		if s.Groups[i].Name == name {
			change(&s.Groups[i])
		}
	}
}

// NewProblem returns the problem with the advice for its reason.
func NewProblem(r Reason, message, group string) *Problem {
	a := Advise(r)
	return &Problem{Reason: r, Title: a.Title, Message: message, Group: group, Remedy: a.Remedy, Runbook: "docs/runbooks/" + a.Runbook + ".md", Since: time.Now()}
}

// ToleratedSlugs are the workspaces with an error that a policy lets pass.
func (s *Snapshot) ToleratedSlugs() map[string]bool {
	slugs := map[string]bool{}
	for _, g := range s.Groups {
		for _, w := range g.Workspaces {
			if len(w.Tolerated) > 0 {
				slugs[w.Slug] = true
			}
		}
	}
	return slugs
}
