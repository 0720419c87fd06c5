// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Documented states of a workspace in a push. The first four are known at its start, and are the
// result of a dry run.
const (
	StatusCandidate     Status = "candidate"
	StatusMergeConflict Status = "mergeConflict"
	StatusInProgress    Status = "inProgress"
	StatusAlreadyPushed Status = "alreadyPushed"
	StatusPushed        Status = "pushed"
)

// PushEvent is an event of a bulk push, from its stream or from the events of the workspace
// platform. Exactly one field is set.
type PushEvent struct {
	Started   *PushStarted
	Progress  *Progress
	Completed *PushReport
	// Problem is an error of the push as a whole.
	Problem *Problem
	// Processing is true if the push continues without further events in this stream.
	Processing bool
}

// PushStarted announces a push.
type PushStarted struct {
	RepositoryID string   `json:"repositoryId"`
	Groups       []string `json:"groups"`
	// Workspaces only have a slug, an ID, a name and a status.
	Workspaces []WorkspaceReport `json:"workspaces"`
}

// PushReport is the result of a bulk push.
type PushReport struct {
	RepositoryID string
	Groups       []string
	Duration     time.Duration
	// Errors of the push as a whole.
	Errors                               []Problem
	Pushed, MergeConflict, AlreadyPushed []string // IDs of workspaces
	Workspaces                           []WorkspaceReport
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *PushReport) UnmarshalJSON(data []byte) error {
	var in struct {
		RepositoryID  string            `json:"repositoryId"`
		Groups        []string          `json:"groups"`
		Duration      count             `json:"duration"`
		Errors        []Problem         `json:"errors"`
		Pushed        []string          `json:"pushedWorkspaceIds"`
		MergeConflict []string          `json:"mergeConflictWorkspaceIds"`
		AlreadyPushed []string          `json:"alreadyPushedWorkspaceIds"`
		Workspaces    []WorkspaceReport `json:"workspaces"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.RepositoryID == "" {
		return errShape
	}
	*r = PushReport{
		RepositoryID:  in.RepositoryID,
		Groups:        in.Groups,
		Duration:      in.Duration.milliseconds(),
		Errors:        in.Errors,
		Pushed:        in.Pushed,
		MergeConflict: in.MergeConflict,
		AlreadyPushed: in.AlreadyPushed,
		Workspaces:    in.Workspaces,
	}
	return nil
}

// decodePushEvent decodes an event, either alone or in the envelope of a platform event. kind is the
// event type, if known.
func decodePushEvent(kind string, data json.RawMessage) (*PushEvent, error) {
	var event struct {
		Type    lenient         `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(data, &event) == nil && event.Type != "" && len(event.Payload) > 0 {
		kind = string(event.Type)
		data = event.Payload
	}
	return decodePushPayload(kind, data)
}

// decodePushPayload determines the type from the fields, because sources disagree about the type
// names. The name only decides if the fields are ambiguous.
func decodePushPayload(kind string, data json.RawMessage) (*PushEvent, error) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return len(in[name]) > 0 && string(in[name]) != "null" })
	}
	var e PushEvent
	var err error
	switch {
	case string(in["processing"]) == "true":
		e.Processing = true
	case has("workspaceSlug", "current"):
		e.Progress, err = decodeProgress(data)
	case has("pushedWorkspaceIds", "mergeConflictWorkspaceIds", "alreadyPushedWorkspaceIds"),
		has("workspaces") && has("errors", "duration"), has("repositoryId") && strings.HasSuffix(kind, "completed"):
		e.Completed = new(PushReport)
		err = json.Unmarshal(data, e.Completed)
	case has("workspaces"):
		e.Started = new(PushStarted)
		err = json.Unmarshal(data, e.Started)
	case has("error", "message", "msg", "err"):
		e.Problem = new(Problem)
		err = json.Unmarshal(data, e.Problem)
	default:
		err = errShape
	}
	if err != nil {
		return nil, err
	}
	return &e, nil
}

// dryRunReport returns the report of a dry run that ended with the started event.
func (s *PushStarted) dryRunReport() *PushReport {
	return &PushReport{RepositoryID: s.RepositoryID, Groups: s.Groups, Workspaces: s.Workspaces}
}

// Failed reports whether the push failed for any workspace.
func (r *PushReport) Failed() bool {
	for i := range r.Workspaces {
		if w := &r.Workspaces[i]; w.Failed() || w.Status == StatusMergeConflict || w.Status == StatusInProgress {
			return true
		}
	}
	return len(r.Errors)+len(r.MergeConflict) > 0
}
