// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// PullRequest requests a bulk import (platform contract §1.1).
type PullRequest struct {
	// Repository is the ID of the platform repository, such as release.
	Repository string
	// Groups are the groups to import.
	Groups []string
	// Force reimports workspaces that already have the repository's version.
	Force bool
	// Wait is how long the platform may delay the response, rounded down to seconds. After it the
	// platform responds with [PullProcessing]. 0 means the platform's default (15 s).
	Wait time.Duration
	// CorrelationID marks the events of this import. A gateway replaces it: use the one in the
	// result.
	CorrelationID string
}

// PullKind is the kind of the response to a pull.
type PullKind int

// Kinds of [PullResult].
const (
	// PullCompleted means that the import has ended. The result has its report, with or without
	// errors.
	PullCompleted PullKind = iota + 1
	// PullProcessing means that the import is still running. Events report its end.
	PullProcessing
	// PullFallback means that the platform did not know the repository and pulled from another
	// source, or that the report is about another repository (platform contract §0, finding 8).
	PullFallback
)

func (k PullKind) String() string {
	switch k {
	case PullCompleted:
		return "completed"
	case PullProcessing:
		return "processing"
	case PullFallback:
		return "fallback"
	}
	return "unknown"
}

// PullResult is the response to an accepted pull.
type PullResult struct {
	Meta
	Kind PullKind
	// Report is only set for [PullCompleted].
	Report *ImportReport
	// Message is the text of a [PullProcessing] response.
	Message string
}

// Pull starts a bulk import and waits for its end for up to r.Wait. It is not idempotent while the
// import runs: see [OutcomeUnknown].
func (c *Client) Pull(ctx context.Context, r PullRequest) (PullResult, error) {
	body := map[string]any{"repository": map[string]string{"id": r.Repository}, "groups": r.Groups}
	if r.Force {
		body["forceReimport"] = true
	}
	k := call{
		op:            OpPull,
		method:        http.MethodPost,
		path:          "/v2/workspaces/platform/versions/latest/pull",
		body:          body,
		correlationID: r.CorrelationID,
	}
	if r.Wait > 0 {
		k.query = url.Values{"timeout": {strconv.Itoa(int(r.Wait / time.Second))}}
		k.timeout = r.Wait + c.opts.Grace
	}
	out := pullAnswer{repository: r.Repository}
	meta, err := c.doRequest(ctx, k, &out)
	if err != nil {
		return PullResult{Meta: meta}, err
	}
	out.result.Meta = meta
	return out.result, nil
}

// pullAnswer decodes all responses to a pull for a repository.
type pullAnswer struct {
	repository string
	result     PullResult
}

func (a *pullAnswer) UnmarshalJSON(data []byte) error {
	var shape struct {
		Processing   bool            `json:"processing"`
		Message      lenient         `json:"message"`
		RepositoryID *string         `json:"repositoryId"`
		Imported     json.RawMessage `json:"imported"`
		Workspace    json.RawMessage `json:"workspace"`
	}
	if err := json.Unmarshal(data, &shape); err != nil {
		return err
	}
	switch {
	case shape.RepositoryID != nil && *shape.RepositoryID == a.repository:
		a.result = PullResult{Kind: PullCompleted, Report: new(ImportReport)}
		return json.Unmarshal(data, a.result.Report)
	case shape.RepositoryID != nil, shape.Imported != nil, shape.Workspace != nil:
		a.result = PullResult{Kind: PullFallback}
	case shape.Processing:
		a.result = PullResult{Kind: PullProcessing, Message: string(shape.Message)}
	default:
		return errShape
	}
	return nil
}
