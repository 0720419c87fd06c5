// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// defaultWait is how long a pull waits by default, in seconds.
const defaultWait = 15

type pullBody struct {
	Repository struct {
		ID string `json:"id"`
	} `json:"repository"`
	Groups []string `json:"groups"`
	Force  bool     `json:"forceReimport"`
}

// servePull serves POST /v2/workspaces/platform/versions/latest/pull (platform contract §1.1 to §1.5).
func (pod *Pod) servePull(w http.ResponseWriter, r *http.Request) {
	p := pod.platform
	var in pullBody
	// Read the whole body: a server only notices past it that the client has gone.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(body, &in) != nil {
		p.writeError(w, http.StatusBadRequest, "BadParameters", "Body is not valid JSON", nil)
		return
	}
	if in.Repository.ID != pod.release.ID {
		p.rejectUnknownRepository(w, in.Repository.ID)
		return
	}
	taken := pod.release.Select(in.Groups)
	if len(taken) == 0 && p.opts.EmptyGroupIs400 {
		p.writeError(w, http.StatusBadRequest, "BadParameters", "No workspace belongs to the requested groups", nil)
		return
	}
	b := pod.startBulk(in, taken, r.Header.Get(correlationHeader))
	if b == nil {
		p.writeError(w, p.opts.LockedStatus, p.opts.LockedCode, p.opts.LockedMessage, nil)
		return
	}
	wait := time.NewTimer(time.Duration(parseNumber(r, "timeout", defaultWait)) * time.Second)
	defer wait.Stop()
	select {
	case <-b.done:
		pod.replyBulk(w, b)
	case <-wait.C:
		writeJSON(w, http.StatusOK, object{"processing": true, "message": "Import is still processing"})
	case <-r.Context().Done(): // the client has gone, the import continues
		panic(http.ErrAbortHandler)
	}
}

func (pod *Pod) replyBulk(w http.ResponseWriter, b *bulk) {
	if b.report == nil { // the pod was killed
		panic(http.ErrAbortHandler)
	}
	writeJSON(w, http.StatusOK, b.report)
}

// rejectUnknownRepository implements platform contract §0, finding 8.
func (p *Platform) rejectUnknownRepository(w http.ResponseWriter, id string) {
	if p.opts.UnknownRepositoryIs404 {
		p.writeError(w, http.StatusNotFound, "ObjectNotFound", "Unknown platform repository "+id, nil)
		return
	}
	writeJSON(w, http.StatusOK, object{"imported": []string{}, "errors": []object{}, "deleted": []string{},
		"workspace": object{"id": "platform"}})
}
