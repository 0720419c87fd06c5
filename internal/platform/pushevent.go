// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The documented states of a workspace in a push. The first four are known when it
// starts, and a dry run ends with them.
const (
	StatusCandidate     Status = "candidate"
	StatusMergeConflict Status = "mergeConflict"
	StatusInProgress    Status = "inProgress"
	StatusAlreadyPushed Status = "alreadyPushed"
	StatusPushed        Status = "pushed"
)

// PushEvent is a step of a bulk push, as its stream and the events of the workspace
// platform tell it. One of the fields is set.
type PushEvent struct {
	Started   *PushStarted
	Progress  *Progress
	Completed *PushReport
	// Problem is an error of the push as a whole.
	Problem *Problem
	// Processing: the push goes on, and whoever asked is not told more.
	Processing bool
}

// PushStarted tells what a push is about to do.
type PushStarted struct {
	RepositoryID string   `json:"repositoryId"`
	Groups       []string `json:"groups"`
	// Workspaces have a slug, an id, a name and a status.
	Workspaces []WorkspaceReport `json:"workspaces"`
}

// PushReport is the end of a bulk push.
type PushReport struct {
	RepositoryID string
	Groups       []string
	Duration     time.Duration
	// Errors of the push as a whole.
	Errors                               []Problem
	Pushed, MergeConflict, AlreadyPushed []string // ids of workspaces
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
	*r = PushReport{in.RepositoryID, in.Groups, in.Duration.milliseconds(), in.Errors, in.Pushed, in.MergeConflict, in.AlreadyPushed, in.Workspaces}
	return nil
}

// decodePush decodes a step, alone or as an event of the platform has it. kind is the
// type of its event, if there is one.
func decodePush(kind string, data json.RawMessage) (*PushEvent, error) {
	var event struct {
		Type    lenient         `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(data, &event) == nil && event.Type != "" && len(event.Payload) > 0 {
		kind, data = string(event.Type), event.Payload
	}
	return decodePushPayload(kind, data)
}

// decodePushPayload goes by the fields: as sources differ about the types, those decide
// only where the fields do not.
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

// categories is the report of a dry run that ended with what it found.
func (s *PushStarted) categories() *PushReport {
	return &PushReport{RepositoryID: s.RepositoryID, Groups: s.Groups, Workspaces: s.Workspaces}
}

// Failed reports whether something was not pushed that should have been.
func (r *PushReport) Failed() bool {
	for i := range r.Workspaces {
		if w := &r.Workspaces[i]; w.Failed() || w.Status == StatusMergeConflict || w.Status == StatusInProgress {
			return true
		}
	}
	return len(r.Errors)+len(r.MergeConflict) > 0
}
