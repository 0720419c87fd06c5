// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"
)

// checkText fails for text that must not reach a log.
func checkText(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if len(s) > maxText+len("…") || !utf8.ValidString(s) || truncateText(s, len(s)) != s {
			t.Errorf("unsafe text of %d bytes: %.80q", len(s), s)
		}
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{"", "null", "<html>", `{"error":"E","message":"m","details":{"retryAfter":1.5}}`,
		`{"error":{"code":"C","message":"m","requestId":"r","details":{"retryAfter":"2"}}}`, `{"error":{"error":{"error":{}}}}`, `{"msg":"\u0000"}`} {
		f.Add(429, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := refusalError(OpPull, answer{status: status, header: http.Header{}, body: body})
		checkText(t, e.Code, e.Message, e.CorrelationID)
		if e.Class == ClassNone || e.Message == "" || e.RetryAfter < 0 || e.RetryAfter > 0 && e.Class != ClassRateLimited {
			t.Errorf("%+v", e)
		}
	})
}

func FuzzPullAnswer(f *testing.F) {
	for _, s := range []string{`{"processing":true}`,
		`{"repositoryId":"release","workspaces":[{"errors":[{}]}],"duration":1e300}`, `{"imported":[]}`, `[]`, `{"repositoryId":""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := pullAnswer{repository: "release"}
		if json.Unmarshal(body, &a) != nil || string(body) == "null" {
			return
		}
		if a.result.Kind.String() == "unknown" || (a.result.Kind == PullCompleted) != (a.result.Report != nil) {
			t.Errorf("%+v", a.result)
		}
		checkText(t, a.result.Message)
		if r := a.result.Report; r != nil {
			for _, p := range r.Errors {
				checkText(t, p.Message)
			}
			if r.Duration < -1e18 || r.Duration > 1e18 {
				t.Errorf("duration %s", r.Duration)
			}
		}
	})
}

func FuzzArchiveAnswer(f *testing.F) {
	for _, s := range []string{`{"processing":true,"message":"m"}`,
		`{"imported":["a"],"errors":[{"msg":"m","filepath":"f","err":{"error":"E","message":"x"}}]}`,
		`{"errors":[{"msg":"m","err":"x"},null,1]}`, `{"imported":null,"workspace":[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var a archiveAnswer
		if json.Unmarshal(body, &a) != nil || string(body) == "null" {
			return
		}
		checkText(t, a.message)
		if a.report == nil {
			return
		}
		checkText(t, append(a.report.Imported, a.report.ID, a.report.Slug)...)
		for _, p := range a.report.Errors {
			checkText(t, p.File, p.Code, p.Message)
		}
	})
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{`{"result":{"events":[{"id":"1","type":"workspaces.bulkImport.progress","payload":{"repositoryId":"r","workspaceSlug":"s","current":1e99}}]}}`,
		`{"result":{"events":[{"type":"workspaces.bulkImport.completed","payload":null}]}}`, `{"result":null}`, `{"result":{"events":[1,null,{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var page EventPage
		if json.Unmarshal(body, &page) != nil {
			return
		}
		bare := 0
		for _, e := range page.Events {
			checkText(t, e.ID, e.Type, e.CorrelationID, e.Replica)
			known := e.Type == EventImportStarted || e.Type == EventImportProgress || e.Type == EventImportCompleted
			if known && e.Started == nil && e.Progress == nil && e.Completed == nil {
				bare++
			}
		}
		if bare > page.Undecodable {
			t.Errorf("%d events without payload, %d counted", bare, page.Undecodable)
		}
	})
}

func FuzzReads(f *testing.F) {
	for _, s := range []string{`[{"id":"a","lastPull":{"createdAt":1}}]`,
		`{"services":{"events":{"errors":[{"module":"m"}]}}}`,
		`{"changes":[{"slug":1}],"errors":[null]}`, `{"writeLock":{"lockedBy":{}}}`, `{"id":"u","expires":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var list []Installed
		var ready Readiness
		for _, out := range []any{&list, &ready, new(WorkspaceStatus), new(RootWorkspace), new(User), new(health)} {
			_ = json.Unmarshal(body, out) // it must not panic
		}
		for _, w := range list {
			checkText(t, w.ID, w.Slug, w.Name)
		}
		ready.NotReady("workspaces")
	})
}
