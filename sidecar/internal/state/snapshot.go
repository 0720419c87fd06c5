// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// SchemaVersion is the version of [Snapshot] in JSON. New fields do not change it.
const SchemaVersion = 1

// Snapshot is the state that the sidecar publishes. Its slices are never modified in place, so a
// copy is safe to read.
type Snapshot struct {
	SchemaVersion int       `json:"schemaVersion"`
	Phase         Phase     `json:"phase"`
	Since         time.Time `json:"since"` // of the phase
	Started       time.Time `json:"started"`
	// Mode is import or observe, or empty before the sidecar has decided.
	Mode string `json:"mode,omitempty"`
	Gate Gate   `json:"gate"`
	// Confirmed is true if the platform confirmed every workspace of the desired release.
	Confirmed bool    `json:"confirmed"`
	Release   Release `json:"release"`
	// Current is the content of --current-release-file, or nil if no file is configured.
	Current *Current `json:"currentRelease,omitempty"`
	Groups  []Group  `json:"groups"`
	// Problem is nil if there is no problem.
	Problem      *Problem   `json:"problem,omitempty"`
	Passes       int        `json:"passes"`
	LastAttempt  *time.Time `json:"lastAttempt,omitempty"`
	LastSuccess  *time.Time `json:"lastSuccess,omitempty"`
	LastProgress *time.Time `json:"lastProgress,omitempty"`
	NextAttempt  *time.Time `json:"nextAttempt,omitempty"`
	// Lock is the write lock at the last check.
	Lock *LockInfo `json:"lock,omitempty"`
	// Drift is nil before the first comparison.
	Drift *Drift `json:"drift,omitempty"`
	// Warnings do not affect readiness.
	Warnings []Warning `json:"warnings,omitempty"`
	// Foreign lists workspaces of a confirmed release that are now at the version of another
	// release.
	Foreign []string `json:"foreign,omitempty"`
	// PlatformCheck is the result of the check for /status?fresh=true. The store never holds it.
	PlatformCheck *PlatformCheck `json:"look,omitempty"`
	// CorrelationID identifies the last import in the platform's logs.
	CorrelationID string     `json:"correlationId,omitempty"`
	TokenExpires  *time.Time `json:"tokenExpires,omitempty"`
}

// Release is the release of the pod.
type Release struct {
	Name           string `json:"name,omitempty"`
	Repository     string `json:"repository,omitempty"`
	RepositoryName string `json:"repositoryName,omitempty"`
	ManifestDigest string `json:"manifestDigest,omitempty"`
	// Verification is full if a manifest was compared, partial if only the platform's own report
	// was available, and none before the first verification.
	Verification Verification `json:"verification"`
}

// Current is the release that the deployment selects in --current-release-file.
type Current struct {
	// Named is the content of the file: the digest of a manifest, or an image reference.
	Named string `json:"named"`
	// Superseded is true if the file names another release than this pod's.
	Superseded bool      `json:"superseded"`
	Since      time.Time `json:"since"` // when this text was first read
}

// PlatformCheck is the result of one check of the installed workspaces.
type PlatformCheck struct {
	Time time.Time `json:"time"`
	// Missing and Foreign list slugs of the release that the platform lacks, or has at the version
	// of another release.
	Missing []string `json:"missing"`
	Foreign []string `json:"foreign"`
	// VersionsReported is false if the platform does not list versions. Foreign is always empty then.
	VersionsReported bool `json:"versionsTold"`
}

// FindProblem returns the problem that the check found, or nil if the platform has the release.
func (l *PlatformCheck) FindProblem() *Problem {
	switch {
	case len(l.Foreign) > 0:
		return NewProblem(ForeignRelease, "at the version of another release: "+JoinSlugs(l.Foreign), "")
	case len(l.Missing) > 0:
		return NewProblem(Drifted, "missing: "+JoinSlugs(l.Missing), "")
	}
	return nil
}

// maxJoined is the maximum number of slugs in a message.
const maxJoined = 20

// JoinSlugs joins the first 20 slugs of a list and counts the rest.
func JoinSlugs(slugs []string) string { return terminal.JoinFirst(slugs, maxJoined) }

// Verification is the extent of a verification.
type Verification string

// Extents of a verification.
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
	// Reason is the reason of the error, if there is one.
	Reason Reason `json:"reason,omitempty"`
	// Tolerated lists the reasons of tolerated errors.
	Tolerated []Reason `json:"tolerated,omitempty"`
}

// Problem is why the release is not confirmed, and what to do about it.
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
	// Pod is the pod whose service took the lock, if known.
	Pod string `json:"pod,omitempty"`
	// EndsBy is when the lock expires, or nil if it never does.
	EndsBy *time.Time `json:"endsBy,omitempty"`
	// Orphaned is true if the service of this pod took the lock and has stopped since, so that it
	// will not release the lock. For other pods this is unknown.
	Orphaned bool `json:"orphaned,omitempty"`
}

// Drift is the result of the last comparison with the release.
type Drift struct {
	Checked    time.Time `json:"checked"`
	Workspaces []string  `json:"workspaces"`
}

// Store holds the current [Snapshot]. It is safe for concurrent use.
type Store struct {
	mu      sync.RWMutex
	current Snapshot
}

// NewStore returns a store in phase Waiting with a closed gate.
func NewStore() *Store {
	now := time.Now()
	return &Store{current: Snapshot{
		SchemaVersion: SchemaVersion,
		Phase:         Waiting,
		Since:         now,
		Started:       now,
		Release:       Release{Verification: Unverified},
		Groups:        []Group{},
		Gate:          Gate{Why: GateWaits},
	}}
}

// Get returns the current state.
func (s *Store) Get() Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current
}

// Update changes the state. change must replace slices and pointers, not modify their targets.
func (s *Store) Update(change func(*Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.current)
}

// Gate evaluates the gate now. changed is true for exactly one caller after a change.
func (s *Store) Gate(p GatePolicy) (gate Gate, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Gate
	s.current.Gate = p.Decide(&s.current, time.Now())
	return s.current.Gate, s.current.Gate.Why != old.Why
}

// SetGroup changes one group. Unknown names are ignored.
func (s *Snapshot) SetGroup(name string, change func(*Group)) {
	s.Groups = slices.Clone(s.Groups)
	for i := range s.Groups {
		if s.Groups[i].Name == name {
			change(&s.Groups[i])
		}
	}
}

// NewProblem returns a problem with the advice for its reason.
func NewProblem(r Reason, message, group string) *Problem {
	a := Advise(r)
	return &Problem{
		Reason:  r,
		Title:   a.Title,
		Message: message,
		Group:   group,
		Remedy:  a.Remedy,
		Runbook: "docs/runbooks/" + a.Runbook + ".md",
		Since:   time.Now(),
	}
}

// ToleratedSlugs returns the slugs of the workspaces with tolerated errors.
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
