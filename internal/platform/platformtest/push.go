// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

const pushEvents = "workspaces.bulkPush."

// bulkPush is a push of groups to a repository, which holds the lock (contract §2).
type bulkPush struct {
	pod           *Pod
	life          context.Context
	body          pushBody
	workspaces    []Workspace
	correlationID string
	lock          *lock
	begin         time.Time
	// steps are the payloads of its events; it has room for all, so that nobody has to read.
	steps chan object
}

type pushBody struct {
	Repository struct {
		ID string `json:"id"`
	} `json:"repository"`
	Groups []string `json:"groups"`
	Name   string   `json:"name"`
	DryRun bool     `json:"dryRun"`
	Force  bool     `json:"force"`
}

// push answers POST /v2/workspaces/platform/versions, as a stream with ?sse=true.
func (pod *Pod) push(w http.ResponseWriter, r *http.Request) {
	p := pod.platform
	var in pushBody
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &in) != nil || len(in.Groups) == 0 {
		p.refuse(w, http.StatusBadRequest, "BadParameters", "Body needs groups and repository", nil)
		return
	}
	known := pod.release.Groups()
	unknown := slices.ContainsFunc(in.Groups, func(g string) bool { return !slices.Contains(known, g) })
	if unknown || in.Repository.ID != pod.release.ID {
		p.refuse(w, http.StatusNotFound, "ObjectNotFound", "Unknown repository or group", nil)
		return
	}
	b := pod.startPush(in, r.Header.Get(correlationHeader))
	switch {
	case b == nil:
		p.refuse(w, p.opts.LockedStatus, p.opts.LockedCode, p.opts.LockedMessage, nil)
	case r.URL.Query().Get("sse") == "true":
		b.stream(w)
	default:
		b.wait(w, r)
	}
}

// startPush returns nil when the lock is held.
func (pod *Pod) startPush(in pushBody, correlationID string) *bulkPush {
	p, workspaces := pod.platform, pod.release.Select(in.Groups)
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod.state.killed {
		return nil
	}
	l := p.acquire(pod.Name, "push_in_progress")
	if l == nil {
		return nil
	}
	b := &bulkPush{pod, pod.state.life, in, workspaces, correlationID, l, l.at, make(chan object, len(workspaces)+2)}
	candidates := []object{}
	for _, w := range workspaces {
		candidates = append(candidates, object{"slug": w.Slug, "workspaceId": w.ID, "name": w.Name, "status": "candidate"})
	}
	b.step("started", object{"repositoryId": in.Repository.ID, "groups": in.Groups, "workspaces": candidates})
	pod.work.Go(b.run)
	return b
}

// step emits an event and sends its payload to whoever listens. The caller holds mu.
func (b *bulkPush) step(kind string, payload object) {
	b.pod.platform.emit(b.pod, pushEvents+kind, b.correlationID, payload)
	b.steps <- payload
}

func (b *bulkPush) run() {
	defer close(b.steps)
	states, errs := []object{}, []object{}
	ids := map[string][]string{"pushed": {}, "alreadyPushed": {}}
	for i, w := range b.workspaces {
		if !sleep(b.life, b.pod.platform.opts.ImportTime(w.Slug)) {
			return // the lock stays
		}
		state := b.pushOne(w, i+1)
		states, errs = append(states, state), append(errs, state["errors"].([]object)...)
		ids[state["status"].(string)] = append(ids[state["status"].(string)], w.ID)
	}
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	b.step("completed", object{"repositoryId": b.body.Repository.ID, "groups": b.body.Groups, "errors": errs,
		"duration": time.Since(b.begin).Milliseconds(), "workspaces": states, "pushedWorkspaceIds": ids["pushed"],
		"alreadyPushedWorkspaceIds": ids["alreadyPushed"], "mergeConflictWorkspaceIds": []string{}})
	p.release(b.lock, false)
}

// pushOne remembers what is pushed; after an edit there is something to push again.
func (b *bulkPush) pushOne(w Workspace, current int) object {
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	status, errs := "pushed", []object{}
	if message, broken := p.broken(w.Slug); broken {
		status, errs = "error", []object{{"error": "PushError", "message": message}}
	} else if p.pushed[w.Slug] && !b.body.Force {
		status = "alreadyPushed"
	} else if !b.body.DryRun {
		p.pushed[w.Slug] = true
	}
	b.step("progress", object{"repositoryId": b.body.Repository.ID, "workspaceSlug": w.Slug, "workspaceId": w.ID, "workspaceName": w.Name,
		"status": status, "errors": errs, "current": current, "total": len(b.workspaces), "percentage": 100 * current / len(b.workspaces)})
	return object{"slug": w.Slug, "workspaceId": w.ID, "name": w.Name, "status": status, "errors": errs}
}

// stream sends each payload as a server-sent event. A killed pod ends it before the summary.
func (b *bulkPush) stream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, ": stream of a bulk push\n\n") // the client may be gone
	for payload := range b.steps {
		fmt.Fprintf(w, "data: %s\n\n", asJSON(payload))
		_ = http.NewResponseController(w).Flush()
	}
	if b.life.Err() != nil {
		panic(http.ErrAbortHandler)
	}
}

// wait answers with the last payload, or that the push goes on.
func (b *bulkPush) wait(w http.ResponseWriter, r *http.Request) {
	limit := time.NewTimer(time.Duration(number(r, "timeout", defaultWait)) * time.Second)
	defer limit.Stop()
	var last object
	for {
		select {
		case payload, more := <-b.steps:
			if more {
				last = payload
				continue
			}
			if b.life.Err() != nil {
				panic(http.ErrAbortHandler)
			}
			reply(w, http.StatusOK, last)
			return
		case <-limit.C:
			reply(w, http.StatusOK, object{"processing": true, "message": "Push is still processing"})
			return
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}
