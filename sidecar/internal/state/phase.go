// SPDX-License-Identifier: Apache-2.0

package state

// Phase is the phase of the importer.
type Phase string

// Phases, in the order of a pass. Lock, Import and Confirm apply to one group; Retrying is the time
// between two passes.
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

// GroupState is the state of a group.
type GroupState string

// Group states.
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

// WorkspaceState is the state of a workspace.
type WorkspaceState string

// Workspace states. Confirmed means that the platform lists the expected version, regardless of who
// imported it.
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
	return []WorkspaceState{
		WorkspacePending, WorkspaceImported, WorkspaceSkipped,
		WorkspaceConfirmed, WorkspaceMissing, WorkspaceFailed,
	}
}
