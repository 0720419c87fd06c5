// SPDX-License-Identifier: Apache-2.0

package state

// Reason explains why the release is not confirmed. The set is closed and shared by metrics,
// status, logs and runbooks.
type Reason string

// The reasons.
const (
	TargetDown         Reason = "target-down"
	TargetError        Reason = "target-error"
	PlatformMissing    Reason = "platform-missing"
	IdentityRefused    Reason = "identity-refused"
	Forbidden          Reason = "forbidden"
	TokenUnreadable    Reason = "token-unreadable"
	ManifestUnreadable Reason = "manifest-unreadable"
	ManifestMismatch   Reason = "manifest-mismatch"
	RepositoryUnknown  Reason = "repository-unknown"
	WrongRelease       Reason = "wrong-release"
	PullFellBack       Reason = "pull-fell-back"
	ServicesNotReady   Reason = "services-not-ready"
	LockHeld           Reason = "lock-held"
	LockStuck          Reason = "lock-stuck"
	MergeConflict      Reason = "merge-conflict"
	RateLimited        Reason = "rate-limited"
	OutcomeUnknown     Reason = "outcome-unknown"
	ImportErrors       Reason = "import-errors"
	SlugTaken          Reason = "slug-taken"
	MissingPhoto       Reason = "missing-photo"
	OrphanedApp        Reason = "orphaned-app"
	FilesDeleted       Reason = "files-deleted"
	WorkspaceSilent    Reason = "workspace-silent"
	WrongVersion       Reason = "wrong-version"
	EmptyGroup         Reason = "empty-group"
	BadAnswer          Reason = "bad-answer"
	Rejected           Reason = "rejected"
	GroupTimeout       Reason = "group-timeout"
	NotImportedYet     Reason = "not-imported-yet"
	NothingToObserve   Reason = "nothing-to-observe"
	Drifted            Reason = "drifted"
	Draining           Reason = "draining"
	Superseded         Reason = "superseded"
	CurrentUnreadable  Reason = "current-release-unreadable"
	ForeignRelease     Reason = "foreign-release"
	ReleaseContended   Reason = "release-contended"
)

// Advice is the explanation of a reason for users.
type Advice struct {
	// Title is a short headline.
	Title string
	// Remedy is what to do, in one or two sentences.
	Remedy string
	// Runbook is the name of a page in docs/runbooks, without .md.
	Runbook string
}

// Advise returns the advice for r. Every reason has one.
func Advise(r Reason) Advice { return adviceByReason()[r] }

// Reasons lists all reasons, in the order of a pass.
func Reasons() []Reason {
	return []Reason{
		TargetDown, TargetError, PlatformMissing, IdentityRefused, Forbidden, TokenUnreadable,
		ManifestUnreadable, ManifestMismatch, RepositoryUnknown, WrongRelease, PullFellBack,
		ServicesNotReady, LockHeld, LockStuck, MergeConflict, RateLimited, OutcomeUnknown,
		ImportErrors, SlugTaken, MissingPhoto, OrphanedApp, FilesDeleted, WorkspaceSilent,
		WrongVersion, EmptyGroup, BadAnswer, Rejected, GroupTimeout, NotImportedYet,
		NothingToObserve, Drifted, Draining, Superseded, CurrentUnreadable, ForeignRelease,
		ReleaseContended,
	}
}

// IsTransient reports whether the reason is a normal part of a start that resolves without help.
// Transient reasons are shown, but neither logged nor counted as errors.
func (r Reason) IsTransient() bool {
	switch r {
	case TargetDown, ServicesNotReady, LockHeld, RateLimited, OutcomeUnknown, NotImportedYet, Draining, Superseded:
		return true
	}
	return false
}

// TolerableReasons lists the reasons that a policy may tolerate. They concern the publication of a
// workspace as an app; its content is imported nevertheless.
func TolerableReasons() []Reason { return []Reason{MissingPhoto, OrphanedApp} }
