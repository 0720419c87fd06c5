// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"
)

const (
	pushEvents  = "workspaces.bulkPush."
	eventStream = "text/event-stream"
)

// Push is the push of one workspace, for [Options.OnPush].
type Push struct {
	Repository, Name, Description string
	Workspace                     Workspace
	Force                         bool
}

// bulkPush is a push of groups to a repository. It holds the lock (platform contract §2).
type bulkPush struct {
	pod           *Pod
	life          context.Context
	body          pushBody
	workspaces    []Workspace
	status        map[string]string // by slug, at the start
	correlationID string
	lock          *lock
	begin         time.Time
	// steps has capacity for all events, so that sending never blocks.
	steps chan pushStep
}

type pushStep struct {
	kind    string
	payload object
}

type pushBody struct {
	Repository struct {
		ID string `json:"id"`
	} `json:"repository"`
	Groups      []string `json:"groups"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	DryRun      bool     `json:"dryRun"`
	Force       bool     `json:"force"`
}

// servePush serves POST /v2/workspaces/platform/versions, as a stream with ?sse=true.
func (pod *Pod) servePush(w http.ResponseWriter, r *http.Request) {
	p := pod.platform
	var in pushBody
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &in) != nil || len(in.Groups) == 0 {
		p.writeError(w, http.StatusBadRequest, "BadParameters", "Body needs groups and repository", nil)
		return
	}
	known := pod.release.Groups()
	unknown := slices.ContainsFunc(in.Groups, func(g string) bool { return !slices.Contains(known, g) })
	if unknown || in.Repository.ID != pod.release.ID {
		p.writeError(w, http.StatusNotFound, "ObjectNotFound", "Unknown repository or group", nil)
		return
	}
	b := pod.startPush(in, r.Header.Get(correlationHeader))
	switch {
	case b == nil:
		p.writeError(w, p.opts.LockedStatus, p.opts.LockedCode, p.opts.LockedMessage, nil)
	case r.URL.Query().Get("sse") == "true" && !p.opts.PushAsDocument:
		b.streamSteps(w)
	default:
		b.waitForEnd(w, r)
	}
}

// startPush returns nil if the lock is held.
func (pod *Pod) startPush(in pushBody, correlationID string) *bulkPush {
	p, workspaces := pod.platform, pod.release.Select(in.Groups)
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod.state.killed {
		return nil
	}
	l := p.acquireLock(pod.Name, "push_in_progress")
	if l == nil {
		return nil
	}
	b := &bulkPush{pod: pod, life: pod.state.life, body: in, workspaces: workspaces, status: map[string]string{},
		correlationID: correlationID,
		lock:          l, begin: l.at, steps: make(chan pushStep, len(workspaces)+2)}
	found := []object{}
	for _, w := range workspaces {
		b.status[w.Slug] = p.pushStatus(w.Slug, in.Force)
		found = append(found, object{"slug": w.Slug, "workspaceId": w.ID, "name": w.Name, "status": b.status[w.Slug]})
	}
	b.emitStep("started", object{"repositoryId": in.Repository.ID, "groups": in.Groups, "workspaces": found})
	pod.work.Go(b.pushAll)
	return b
}

// pushStatus returns the status of a workspace before a push. The caller holds mu.
func (p *Platform) pushStatus(slug string, force bool) string {
	switch {
	case p.aside[slug] != "":
		return p.aside[slug]
	case p.pushed[slug] && !force:
		return "alreadyPushed"
	}
	return "candidate"
}

// emitStep emits an event and sends it to the stream. The caller holds mu.
func (b *bulkPush) emitStep(kind string, payload object) {
	b.pod.platform.emit(b.pod, pushEvents+kind, b.correlationID, payload)
	b.steps <- pushStep{kind, payload}
}

// pushAll pushes the candidates one by one. A killed pod stops midway and leaves the lock.
func (b *bulkPush) pushAll() {
	defer close(b.steps)
	states, errs := []object{}, []object{}
	for i, w := range b.workspaces {
		state := object{"slug": w.Slug, "workspaceId": w.ID, "name": w.Name, "status": b.status[w.Slug], "errors": []object{}}
		if b.status[w.Slug] == "candidate" && !b.body.DryRun {
			if !sleep(b.life, b.pod.platform.opts.ImportTime(w.Slug)) {
				return
			}
			b.pushOne(w, state, i+1)
		}
		states, errs = append(states, state), append(errs, state["errors"].([]object)...)
	}
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.body.DryRun || !p.opts.DryRunWithoutSummary {
		b.emitStep("completed", b.buildSummary(states, errs))
	}
	p.releaseLock(b.lock, false)
}

func (b *bulkPush) buildSummary(states, errs []object) object {
	body := object{"repositoryId": b.body.Repository.ID, "groups": b.body.Groups, "errors": errs,
		"duration": time.Since(b.begin).Milliseconds(), "workspaces": states}
	for _, status := range []string{"pushed", "alreadyPushed", "mergeConflict"} {
		ids := []any{}
		for _, s := range states {
			if s["status"] == status {
				ids = append(ids, s["workspaceId"])
			}
		}
		body[status+"WorkspaceIds"] = ids
	}
	return body
}

// pushOne marks a workspace as pushed. An edit makes it a candidate again.
func (b *bulkPush) pushOne(w Workspace, state object, current int) {
	p := b.pod.platform
	p.mu.Lock()
	message, broken := p.nextFailure(w.Slug)
	p.mu.Unlock()
	if !broken {
		in := &b.body
		if err := p.opts.OnPush(Push{in.Repository.ID, in.Name, in.Description, w, in.Force}); err != nil {
			message, broken = err.Error(), true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state["status"] = "pushed"
	if broken {
		state["status"], state["errors"] = "error", []object{{"error": "PushError", "message": message}}
	}
	p.pushed[w.Slug] = p.pushed[w.Slug] || !broken
	b.emitStep("progress", object{"repositoryId": b.body.Repository.ID, "workspaceSlug": w.Slug, "workspaceId": w.ID,
		"workspaceName": w.Name,
		"status":        state["status"], "errors": state["errors"], "current": current, "total": len(b.workspaces),
		"percentage": 100 * current / len(b.workspaces)})
}

// streamSteps sends each event immediately. A killed pod ends the stream without a summary.
func (b *bulkPush) streamSteps(w http.ResponseWriter) {
	w.Header().Set("Content-Type", eventStream)
	_, _ = io.WriteString(w, ": stream of a bulk push\n\n") // the client may have gone
	_ = http.NewResponseController(w).Flush()
	for s := range b.steps {
		_, _ = io.WriteString(w, b.pod.platform.opts.PushFrame(s.kind, encodeJSON(s.payload)))
		_ = http.NewResponseController(w).Flush()
	}
	if b.life.Err() != nil {
		panic(http.ErrAbortHandler)
	}
}

// waitForEnd responds with the last payload, or that the push is still running.
func (b *bulkPush) waitForEnd(w http.ResponseWriter, r *http.Request) {
	limit := time.NewTimer(time.Duration(parseNumber(r, "timeout", defaultWait)) * time.Second)
	defer limit.Stop()
	var last object
	for {
		select {
		case s, more := <-b.steps:
			if more {
				last = s.payload
				continue
			}
			if b.life.Err() != nil {
				panic(http.ErrAbortHandler)
			}
			writeJSON(w, http.StatusOK, last)
			return
		case <-limit.C:
			writeJSON(w, http.StatusOK, object{"processing": true, "message": "Push is still processing"})
			return
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}
