// SPDX-License-Identifier: Apache-2.0

package state

// Phase is where the importer is.
type Phase string

// The phases, in the order in which a pass goes through them. Lock, Import and
// Confirm belong to one group; Retrying is the time between two passes.
const (
	Waiting   Phase = "Waiting"
	Preflight Phase = "Preflight"
	Lock      Phase = "Lock"
	Import    Phase = "Import"
	Confirm   Phase = "Confirm"
	Imported  Phase = "Imported"
	Watching  Phase = "Watching"
	Retrying  Phase = "Retrying"
)

// Phases lists all phases.
func Phases() []Phase {
	return []Phase{Waiting, Preflight, Lock, Import, Confirm, Imported, Watching, Retrying}
}

// GroupState is where a group is.
type GroupState string

// The states of a group.
const (
	GroupPending   GroupState = "pending"
	GroupWaiting   GroupState = "waiting" // for the write lock, or for the service's own import
	GroupImporting GroupState = "importing"
	GroupConfirmed GroupState = "confirmed"
	GroupFailed    GroupState = "failed"
)

// GroupStates lists all states of a group.
func GroupStates() []GroupState {
	return []GroupState{GroupPending, GroupWaiting, GroupImporting, GroupConfirmed, GroupFailed}
}

// WorkspaceState is what is known about a workspace.
type WorkspaceState string

// The states of a workspace. Confirmed is what a list of installed versions
// tells, without word of who imported it.
const (
	WorkspacePending   WorkspaceState = "pending"
	WorkspaceImported  WorkspaceState = "imported"
	WorkspaceSkipped   WorkspaceState = "skipped"
	WorkspaceConfirmed WorkspaceState = "confirmed"
	WorkspaceMissing   WorkspaceState = "missing"
	WorkspaceFailed    WorkspaceState = "failed"
)

// WorkspaceStates lists all states of a workspace.
func WorkspaceStates() []WorkspaceState {
	return []WorkspaceState{WorkspacePending, WorkspaceImported, WorkspaceSkipped, WorkspaceConfirmed, WorkspaceMissing, WorkspaceFailed}
}
