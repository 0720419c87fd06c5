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

// PullRequest asks for a bulk import (contract §1.1).
type PullRequest struct {
	// Repository is the id of the platform repository, such as release.
	Repository string
	// Groups to import.
	Groups []string
	// Force imports workspaces that are at the repository's version already.
	Force bool
	// Wait is how long the platform may hold the answer, in whole seconds; past
	// it the answer is [PullProcessing]. 0 leaves it to the platform (15 s).
	Wait time.Duration
	// CorrelationID marks the events of this import. A gateway overwrites it:
	// use the one of the answer.
	CorrelationID string
}

// PullKind tells the answers of a pull apart.
type PullKind int

// The kinds of [PullResult].
const (
	// PullCompleted: the import ended; the result has its report, with or without errors.
	PullCompleted PullKind = iota + 1
	// PullProcessing: the import goes on; events tell its end.
	PullProcessing
	// PullFallback: the platform did not know the repository and pulled something
	// else, or the report is about another repository (contract §0, finding 8).
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

// PullResult is the answer of a pull that was accepted.
type PullResult struct {
	Meta
	Kind PullKind
	// Report is set for [PullCompleted] only.
	Report *ImportReport
	// Message is the text of a [PullProcessing].
	Message string
}

// Pull starts a bulk import and waits for its end as long as the request says.
// It is not idempotent while it runs: see [OutcomeUnknown].
func (c *Client) Pull(ctx context.Context, r PullRequest) (PullResult, error) {
	body := map[string]any{"repository": map[string]string{"id": r.Repository}, "groups": r.Groups}
	if r.Force {
		body["forceReimport"] = true
	}
	k := call{op: OpPull, method: http.MethodPost, path: "/v2/workspaces/platform/versions/latest/pull",
		body: body, correlationID: r.CorrelationID}
	if r.Wait > 0 {
		k.query = url.Values{"timeout": {strconv.Itoa(int(r.Wait / time.Second))}}
		k.timeout = r.Wait + c.opts.Grace
	}
	out := pullAnswer{repository: r.Repository}
	meta, err := c.do(ctx, k, &out)
	if err != nil {
		return PullResult{Meta: meta}, err
	}
	out.result.Meta = meta
	return out.result, nil
}

// pullAnswer decodes any of the answers to a pull for a repository.
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
