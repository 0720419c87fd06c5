// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event types of a bulk import, in the workspace platform (platform contract §1.6).
const (
	EventImportStarted   = "workspaces.bulkImport.started"
	EventImportProgress  = "workspaces.bulkImport.progress"
	EventImportCompleted = "workspaces.bulkImport.completed"
)

// Event types of a bulk push (platform contract §2).
const (
	EventPushStarted   = "workspaces.bulkPush.started"
	EventPushProgress  = "workspaces.bulkPush.progress"
	EventPushCompleted = "workspaces.bulkPush.completed"
)

// EventQuery selects events (platform contract §1.7).
type EventQuery struct {
	// Workspace is an ID or a slug. Empty means platform.
	Workspace string
	// Types lists event types. Empty means all.
	Types []string
	// After and Before are exclusive bounds of CreatedAt, by the server's clock.
	After, Before time.Time
	// Text is a full-text search.
	Text string
	// Match filters by JSON path, such as source.correlationId.
	Match map[string]string
	// Page counts from 0. A Limit of 0 means 50.
	Page, Limit int
	// NewestFirst reverses the chronological order.
	NewestFirst bool
}

func (q EventQuery) encodeQuery() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, value := range q.Match {
		set(name, value)
	}
	set("types", strings.Join(q.Types, ","))
	set("text", q.Text)
	set("afterDate", formatTime(q.After))
	set("beforeDate", formatTime(q.Before))
	if q.Page > 0 {
		set("page", strconv.Itoa(q.Page))
	}
	if q.Limit > 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	if !q.NewestFirst {
		set("sort", "asc")
	}
	return v
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// Event is one event. Started, Progress, Completed, Push or Archive is set according to its type.
type Event struct {
	// ID is opaque. Events are ordered by CreatedAt.
	ID, Type  string
	CreatedAt time.Time
	// CorrelationID is the ID of the request that caused the event.
	CorrelationID string
	// Replica is the pod that emitted the event, if known.
	Replica   string
	Error     *Problem
	Started   *ImportStarted
	Progress  *Progress
	Completed *ImportReport
	Push      *PushEvent
	Archive   *ArchiveReport
}

// ImportStarted announces an import.
type ImportStarted struct {
	RepositoryID string
	Groups       []string
	Slugs        []string
}

// Progress reports that an import or a push has finished a workspace. It does not include the
// groups.
type Progress struct {
	RepositoryID   string
	Workspace      WorkspaceReport // without Version and Reason
	Current, Total int             // Current counts from 1
}

// EventPage is a page of events.
type EventPage struct {
	Meta
	Events []Event
	// Undecodable counts events of bulk operations with an undocumented payload.
	Undecodable int
}

// Events returns one page of events. The platform filters out events that the caller may not read
// after it has cut the page, so a short page is not necessarily the last one.
func (c *Client) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	workspace := q.Workspace
	if workspace == "" {
		workspace = "platform"
	}
	var page EventPage
	meta, err := c.doRequest(ctx, call{
		op:     OpEvents,
		method: http.MethodGet,
		path:   "/v2/workspaces/" + url.PathEscape(workspace) + "/events",
		query:  q.encodeQuery(),
	}, &page)
	page.Meta = meta
	return page, err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *EventPage) UnmarshalJSON(data []byte) error {
	var in struct {
		Result *struct {
			Events []json.RawMessage `json:"events"`
		} `json:"result"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Result == nil {
		return errShape
	}
	*p = EventPage{}
	for _, raw := range in.Result.Events {
		e, ok := decodeEvent(raw)
		if !ok {
			p.Undecodable++
		}
		p.Events = append(p.Events, e)
	}
	return nil
}

// decodeEvent decodes as much as possible. ok is false if the payload is missing from the result.
func decodeEvent(raw json.RawMessage) (e Event, ok bool) {
	var in struct {
		ID        lenient         `json:"id"`
		Type      lenient         `json:"type"`
		CreatedAt moment          `json:"createdAt"`
		Error     *Problem        `json:"error"`
		Payload   json.RawMessage `json:"payload"`
		Source    struct {
			CorrelationID lenient `json:"correlationId"`
			Host          struct {
				Replica lenient `json:"replica"`
			} `json:"host"`
		} `json:"source"`
	}
	if json.Unmarshal(raw, &in) != nil {
		return Event{}, false
	}
	e = Event{
		ID:            string(in.ID),
		Type:          string(in.Type),
		CreatedAt:     in.CreatedAt.Time,
		Error:         in.Error,
		CorrelationID: string(in.Source.CorrelationID),
		Replica:       string(in.Source.Host.Replica),
	}
	return e, e.decodePayload(in.Payload) == nil
}

func (e *Event) decodePayload(payload json.RawMessage) (err error) {
	switch e.Type {
	case EventImportStarted:
		e.Started, err = decodeStarted(payload)
	case EventImportProgress:
		e.Progress, err = decodeProgress(payload)
	case EventImportCompleted:
		report := new(ImportReport)
		if err = json.Unmarshal(payload, report); err == nil {
			e.Completed = report
		}
	case EventPushStarted, EventPushProgress, EventPushCompleted:
		e.Push, err = decodePushEvent(e.Type, payload)
	case EventArchiveImported:
		report := new(ArchiveReport)
		if err = json.Unmarshal(payload, report); err == nil {
			e.Archive = report
		}
	}
	return err
}

func decodeStarted(payload json.RawMessage) (*ImportStarted, error) {
	var in struct {
		RepositoryID string            `json:"repositoryId"`
		Groups       []string          `json:"groups"`
		Workspaces   []WorkspaceReport `json:"workspaces"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	if in.RepositoryID == "" {
		return nil, errShape
	}
	out := &ImportStarted{RepositoryID: in.RepositoryID, Groups: in.Groups}
	for _, w := range in.Workspaces {
		out.Slugs = append(out.Slugs, w.Slug)
	}
	return out, nil
}

func decodeProgress(payload json.RawMessage) (*Progress, error) {
	var in struct {
		RepositoryID string    `json:"repositoryId"`
		Slug         lenient   `json:"workspaceSlug"`
		ID           lenient   `json:"workspaceId"`
		Name         lenient   `json:"workspaceName"`
		Status       lenient   `json:"status"`
		Errors       []Problem `json:"errors"`
		Duration     count     `json:"duration"`
		Imported     count     `json:"importedFilesCount"`
		Deleted      count     `json:"deletedFilesCount"`
		Current      count     `json:"current"`
		Total        count     `json:"total"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	if in.RepositoryID == "" || in.Slug == "" {
		return nil, errShape
	}
	return &Progress{
		RepositoryID: in.RepositoryID,
		Current:      int(in.Current),
		Total:        int(in.Total),
		Workspace: WorkspaceReport{
			Slug:               string(in.Slug),
			ID:                 string(in.ID),
			Name:               string(in.Name),
			Status:             Status(in.Status),
			Errors:             in.Errors,
			Duration:           in.Duration.milliseconds(),
			ImportedFilesCount: int(in.Imported),
			DeletedFilesCount:  int(in.Deleted),
		},
	}, nil
}
