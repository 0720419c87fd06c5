// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// platformID is the workspace that bulk operations belong to.
const platformID = "platform"

// event is an event of a workspace.
type event struct {
	workspace string // ID
	kind      string
	at        time.Time
	fields    object // as served
}

// emit adds an event of the workspace platform. The caller holds mu.
func (p *Platform) emit(pod *Pod, kind, correlationID string, payload object) {
	p.emitIn(pod, platformID, kind, correlationID, payload)
}

// emitIn adds an event of a workspace. The caller holds mu.
func (p *Platform) emitIn(pod *Pod, workspace, kind, correlationID string, payload object) {
	if strings.HasSuffix(kind, ".completed") && p.opts.DropCompleted {
		return
	}
	host := object{"service": "workspaces"}
	if !p.opts.NoReplica {
		host["replica"] = pod.Name
	}
	at := time.Now()
	p.events = append(p.events, event{workspace, kind, at, object{
		"id": p.nextID("event"), "type": kind, "createdAt": formatISO(at), "size": len(payload), "payload": payload,
		"source": object{"workspaceId": workspace, "correlationId": correlationID, "host": host},
	}})
}

// serveEvents serves GET /v2/workspaces/{id}/events (platform contract §1.7).
func (p *Platform) serveEvents(w http.ResponseWriter, r *http.Request) {
	id, keep := r.PathValue("id"), newEventFilter(r)
	found := p.visibleEvents(func(e event) bool { return e.workspace == id && keep(e) })
	if r.URL.Query().Get("sort") != "asc" {
		slices.Reverse(found)
	}
	page := []object{}
	for _, e := range cutPage(found, parseNumber(r, "page", 0), parseNumber(r, "limit", 50)) {
		if p.opts.HideEvent == nil || !p.opts.HideEvent(e.kind) {
			page = append(page, e.fields)
		}
	}
	writeJSON(w, http.StatusOK, object{"result": object{"events": page}})
}

func (p *Platform) visibleEvents(keep func(event) bool) []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []event{}
	for _, e := range p.events {
		if time.Since(e.at) >= p.opts.EventLag && keep(e) {
			found = append(found, e)
		}
	}
	return found
}

// newEventFilter converts the query to a predicate. Undocumented parameters are JSON paths.
func newEventFilter(r *http.Request) func(event) bool {
	query := r.URL.Query()
	after, _ := time.Parse(time.RFC3339, query.Get("afterDate"))
	before, _ := time.Parse(time.RFC3339, query.Get("beforeDate"))
	types, text := query.Get("types"), query.Get("text")
	for _, known := range []string{"types", "afterDate", "beforeDate", "beforeId", "text", "page", "limit", "sort",
		"appInstanceDepth"} {
		query.Del(known)
	}
	return func(e event) bool {
		at := e.at.UTC().Truncate(time.Millisecond) // the precision of createdAt
		switch {
		case types != "" && !slices.Contains(strings.Split(types, ","), e.kind),
			!after.IsZero() && !at.After(after),
			!before.IsZero() && !at.Before(before),
			text != "" && !strings.Contains(encodeJSON(e.fields), text):
			return false
		}
		for path := range query {
			if lookUpPath(e.fields, path) != query.Get(path) {
				return false
			}
		}
		return true
	}
}

func encodeJSON(v any) string {
	data, _ := json.Marshal(v) // it consists of strings and numbers
	return string(data)
}

func lookUpPath(fields object, path string) string {
	head, rest, more := strings.Cut(path, ".")
	if inner, ok := fields[head].(object); ok && more {
		return lookUpPath(inner, rest)
	}
	return fmt.Sprint(fields[head])
}
