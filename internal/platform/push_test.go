// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

const (
	pushStarted = `{"repositoryId":"git","groups":["base1"],"workspaces":[{"slug":"a","workspaceId":"ida","name":"A","status":"candidate"},
		{"slug":"b","workspaceId":"idb","name":"B","status":"mergeConflict"}]}`
	pushProgress = `{"repositoryId":"git","workspaceSlug":"a","workspaceId":"ida","workspaceName":"A","status":"pushed","duration":5,"errors":[],"current":1,"total":2,"percentage":50}`
	pushSummary  = `{"repositoryId":"git","groups":["base1"],"duration":1500,"errors":[],"pushedWorkspaceIds":["ida"],"mergeConflictWorkspaceIds":["idb"],"alreadyPushedWorkspaceIds":[],
		"workspaces":[{"slug":"a","workspaceId":"ida","name":"A","status":"pushed"},{"slug":"b","workspaceId":"idb","name":"B","status":"mergeConflict","reason":"conflict in index.yml"}]}`
)

var (
	pushReport = &platform.PushReport{RepositoryID: "git", Groups: []string{"base1"}, Duration: 1500 * time.Millisecond,
		Errors: []platform.Problem{},
		Pushed: []string{"ida"}, MergeConflict: []string{"idb"}, AlreadyPushed: []string{},
		Workspaces: []platform.WorkspaceReport{
			{Slug: "a", ID: "ida", Name: "A", Status: platform.StatusPushed},
			{Slug: "b", ID: "idb", Name: "B", Status: platform.StatusMergeConflict, Reason: "conflict in index.yml"}}}
	pushSteps = []platform.PushEvent{
		{Started: &platform.PushStarted{RepositoryID: "git", Groups: []string{"base1"}, Workspaces: []platform.WorkspaceReport{
			{Slug: "a", ID: "ida", Name: "A", Status: platform.StatusCandidate}, {Slug: "b", ID: "idb", Name: "B", Status: platform.StatusMergeConflict}}}},
		{Progress: &platform.Progress{RepositoryID: "git", Current: 1, Total: 2, Workspace: platform.WorkspaceReport{
			Slug: "a", ID: "ida", Name: "A", Status: platform.StatusPushed, Errors: []platform.Problem{},
			Duration: 5 * time.Millisecond}}},
		{Completed: pushReport},
	}
	pushRequest = platform.PushRequest{Repository: "git", Groups: []string{"base1"}, Name: "v2"}
)

// oneLine removes the line feeds of a document.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "") }

// lines encodes a document as several data lines.
func lines(s string) string { return "data: " + strings.ReplaceAll(s, "\n", "\ndata: ") + "\n\n" }

func push(t *testing.T, c *platform.Client) (platform.PushResult, []platform.PushEvent, error) {
	t.Helper()
	var steps []platform.PushEvent
	r, err := c.Push(t.Context(), pushRequest, func(e platform.PushEvent) { steps = append(steps, e) })
	return r, steps, err
}

// The events do not depend on the framing.
func TestPushStreams(t *testing.T) {
	plain := lines(pushStarted) + lines(pushProgress) + lines(pushSummary)
	for name, stream := range map[string]string{
		"several lines of data": plain,
		"CRLF":                  strings.ReplaceAll(plain, "\n", "\r\n"),
		"CR":                    strings.ReplaceAll(plain, "\n", "\r"),
		"no end":                strings.TrimRight(plain, "\n"),
		"keep-alives":           ": hi\n\n" + strings.ReplaceAll(plain, "\n\n", "\n\n:\n\n"),
		"names of events": "event: started\n" + lines(pushStarted) + "event: progress\nid: 2\n" + lines(pushProgress) +
			"event: completed\nretry: 10\n" + lines(pushSummary),
		"blank lines forgotten": strings.ReplaceAll(plain, "\n\n", "\n"),
		"lines of JSON":         fmt.Sprintf("data:%s\ndata:%s\n\ndata:%s", oneLine(pushStarted), oneLine(pushProgress), oneLine(pushSummary)),
		"other events":          "data: [DONE]\n\ndata: {}\n\ndata: {\"x\":\n\nevent: ping\ndata: 12:00\n\n" + plain + "data: more",
		"events of the platform": lines(`{"id":"1","type":"workspaces.bulkPush.started","payload":`+pushStarted+`}`) + lines(pushProgress) +
			lines(`{"type":"workspaces.bulkPush.completed","payload":`+pushSummary+`}`),
	} {
		t.Run(name, func(t *testing.T) {
			for _, media := range []string{"text/event-stream", "application/json", "text/html"} {
				r, steps, err := push(t, answering(t, 200, stream, "Content-Type", media))
				if diff := cmp.Diff(pushSteps, steps) + cmp.Diff(pushReport, r.Report); diff != "" || err != nil {
					t.Errorf("%v\n%s", err, diff)
				}
			}
		})
	}
}

func TestPushAnswers(t *testing.T) {
	processing := platform.PushEvent{Processing: true}
	problem := platform.PushEvent{Problem: &platform.Problem{Code: "PushError", Message: "clone failed"}}
	done := pushSteps[2]
	for name, tt := range map[string]struct {
		body   string
		steps  []platform.PushEvent
		report *platform.PushReport
		class  platform.Class
		text   string
	}{
		"summary as a document":                {"\n " + pushSummary, pushSteps[2:], pushReport, 0, ""},
		"processing as a document":             {`{"processing":true,"message":"m"}`, []platform.PushEvent{processing}, nil, 0, ""},
		"processing as an event":               {"data: {\"processing\":true}\n\n", []platform.PushEvent{processing}, nil, 0, ""},
		"error and then a summary":             {lines(`{"error":"PushError","message":"clone failed"}`) + lines(pushSummary), []platform.PushEvent{problem, done}, pushReport, 0, ""},
		"error and no summary":                 {lines(pushStarted) + lines(`{"error":"PushError","message":"clone failed"}`), []platform.PushEvent{pushSteps[0], problem}, nil, platform.ClassServer, "PushError: clone failed"},
		"error, nested":                        {"event: error\n" + lines(`{"error":{"code":"PushError","message":"clone failed"}}`), []platform.PushEvent{problem}, nil, platform.ClassServer, "clone failed"},
		"error after processing":               {lines(`{"processing":true}`) + lines(`{"error":"PushError","message":"clone failed"}`), []platform.PushEvent{processing, problem}, nil, platform.ClassServer, "clone failed"},
		"no summary":                           {lines(pushStarted) + lines(pushProgress), pushSteps[:2], nil, platform.ClassInterrupted, "without its summary"},
		"half a summary":                       {lines(pushStarted) + "data: " + oneLine(pushSummary)[:100], pushSteps[:1], nil, platform.ClassInterrupted, "without its summary"},
		"summary of nothing":                   {lines(`{"pushedWorkspaceIds":[]}`), nil, nil, platform.ClassInterrupted, ""},
		"keep-alives only":                     {":\n\n:\n\n", nil, nil, platform.ClassInterrupted, ""},
		"nothing":                              {"", nil, nil, platform.ClassMalformed, "empty"},
		"HTML":                                 {"<html></html>", nil, nil, platform.ClassMalformed, "HTML"},
		"started as a document":                {pushStarted, pushSteps[:1], nil, platform.ClassMalformed, "unexpected shape"},
		"an ordinary push":                     {`{"name":"v2","createdAt":"2026-08-01T10:00:00Z"}`, nil, nil, platform.ClassMalformed, "unexpected shape"},
		"half a document":                      {pushSummary[:100], nil, nil, platform.ClassMalformed, "not valid JSON"},
		"large event":                          {"data: " + strings.Repeat("x", 5000), nil, nil, platform.ClassTooLarge, ""},
		"large document":                       {`{"x":"` + strings.Repeat("x", 5000) + `"}`, nil, nil, platform.ClassTooLarge, ""},
		"summary without statuses, of a name":  {"event: workspaces.bulkPush.completed\ndata: {\"repositoryId\":\"git\"}\n\n", []platform.PushEvent{{Completed: &platform.PushReport{RepositoryID: "git"}}}, &platform.PushReport{RepositoryID: "git"}, 0, ""},
		"summary without ids, but with errors": {`{"repositoryId":"git","workspaces":[],"errors":["e"]}`, nil, &platform.PushReport{RepositoryID: "git", Errors: []platform.Problem{{Message: "e"}}}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, platform.Options{MaxBody: 4096},
				func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tt.body) })
			r, steps, err := push(t, c)
			if tt.steps != nil || err != nil {
				if diff := cmp.Diff(tt.steps, steps); diff != "" {
					t.Error(diff)
				}
			}
			if diff := cmp.Diff(tt.report, r.Report, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if got := platform.ClassOf(err); got != tt.class || err != nil && (!strings.Contains(err.Error(), tt.text) ||
				!platform.OutcomeUnknown(err)) {
				t.Errorf("got class %s (%v), want %s, and an unknown outcome", got, err, tt.class)
			}
		})
	}
}

func TestDryRunMayEndWithItsStart(t *testing.T) {
	want := &platform.PushReport{RepositoryID: "git", Groups: []string{"base1"},
		Workspaces: pushSteps[0].Started.Workspaces}
	for _, body := range []string{pushStarted, lines(pushStarted), lines(pushStarted) + ": bye\n"} {
		r, err := answering(t, 200, body).Push(t.Context(), platform.PushRequest{Repository: "git", Groups: []string{"base1"},
			DryRun: true}, nil)
		if diff := cmp.Diff(want, r.Report); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	r, err := answering(t, 200, lines(pushStarted)+lines(pushSummary)).Push(t.Context(),
		platform.PushRequest{DryRun: true}, nil)
	if diff := cmp.Diff(pushReport, r.Report); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// A broken connection, a timeout, and a caller that cancels.
func TestPushThatIsNotWatchedToItsEnd(t *testing.T) {
	started := func(w http.ResponseWriter) {
		io.WriteString(w, lines(pushStarted))
		http.NewResponseController(w).Flush()
	}
	for name, tt := range map[string]struct {
		end   func(cancel func(), r *http.Request)
		class platform.Class
	}{
		"reset":    {func(func(), *http.Request) { panic(http.ErrAbortHandler) }, platform.ClassInterrupted},
		"timeout":  {func(_ func(), r *http.Request) { <-r.Context().Done() }, platform.ClassTimeout},
		"canceled": {func(cancel func(), r *http.Request) { cancel(); <-r.Context().Done() }, platform.ClassCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			heard := make(chan bool, 1)
			options := platform.Options{Timeout: platformtest.TimeoutFor(tt.class)}
			c := clientOf(t, options, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("X-Correlation-Id", "corr-1")
				started(w)
				<-heard
				tt.end(cancel, r)
			})
			r, err := c.Push(ctx, pushRequest, func(platform.PushEvent) { heard <- true })
			if got := platform.ClassOf(err); got != tt.class || !platform.OutcomeUnknown(err) || r.CorrelationID != "corr-1" {
				t.Errorf("got class %s (%v) of %q, want %s", got, err, r.CorrelationID, tt.class)
			}
		})
	}
}

func TestPushRefused(t *testing.T) {
	for body, want := range map[string]platform.Class{
		`400 {"error":"WorkspaceLocked","message":"Workspace platform is locked: push_in_progress"}`: platform.ClassLocked,
		`400 {"error":"BadParameters","message":"groups"}`:                                           platform.ClassRejected,
		`404 {"error":"ObjectNotFound","message":"Unknown group"}`:                                   platform.ClassNotFound,
		`429 {"error":"TooManyRequests"}`:                                                            platform.ClassRateLimited,
		"500 data: x\n\n":                                                                            platform.ClassServer,
	} {
		var status int
		fmt.Sscan(body, &status)
		_, steps, err := push(t, answering(t, status, body[4:]))
		if got := platform.ClassOf(err); got != want || steps != nil {
			t.Errorf("%s: got class %s (%v), steps %v", body, got, err, steps)
		}
	}
}

// A credential that an event quotes is masked before the caller sees it.
func TestPushMasksTheToken(t *testing.T) {
	o := platform.Options{Identity: platform.Bearer(platform.Fixed(secret.New(canary)))}
	for _, body := range []string{
		lines(`{"error":"E","message":"token ` + canary + ` refused"}`),
		lines(strings.ReplaceAll(pushSummary, "index.yml", canary)),
		strings.ReplaceAll(pushSummary, "index.yml", canary),
	} {
		r, steps, err := push(t, clientOf(t, o, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		if text := fmt.Sprintf("%+v %+v %v", steps[0], r.Report, err); strings.Contains(fmt.Sprint(text, steps[0].Problem,
			steps[0].Completed), canary) {
			t.Errorf("shown: %s", text)
		}
	}
}

func TestPushEvents(t *testing.T) {
	event := func(kind, payload string) string { return `{"type":"` + kind + `","payload":` + payload + `}` }
	body := `{"result":{"events":[` + strings.Join([]string{event(platform.EventPushStarted, pushStarted),
		event(platform.EventPushProgress, pushProgress),
		event(platform.EventPushCompleted, pushSummary), event(platform.EventPushCompleted, `{}`)}, ",") + `]}}`
	page, err := answering(t, 200, body).Events(t.Context(), platform.EventQuery{})
	if err != nil || page.Undecodable != 1 || len(page.Events) != 4 {
		t.Fatalf("%v %+v", err, page)
	}
	for i, want := range pushSteps {
		if diff := cmp.Diff(&want, page.Events[i].Push); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPushReportFails(t *testing.T) {
	for status, want := range map[platform.Status]bool{platform.StatusPushed: false, platform.StatusAlreadyPushed: false,
		platform.StatusCandidate:     false,
		platform.StatusMergeConflict: true, platform.StatusInProgress: true, platform.StatusError: true, "new": false} {
		r := platform.PushReport{Workspaces: []platform.WorkspaceReport{{Status: status}}}
		if r.Failed() != want {
			t.Errorf("%s: failed %t", status, r.Failed())
		}
	}
	for _, r := range []platform.PushReport{{Errors: make([]platform.Problem, 1)}, {MergeConflict: []string{"a"}},
		{Workspaces: []platform.WorkspaceReport{{Status: platform.StatusPushed, Errors: make([]platform.Problem, 1)}}}} {
		if !r.Failed() {
			t.Errorf("%+v has not failed", r)
		}
	}
}

// FuzzPush checks that no stream crashes the client, and that its results are safe to print.
func FuzzPush(f *testing.F) {
	for _, s := range []string{lines(pushStarted) + lines(pushProgress) + lines(pushSummary), pushSummary, "",
		`{"processing":true}`, "event: completed\ndata: {\"repositoryId\":1}\n\n",
		"data: {\"payload\":{\"payload\":{}},\"type\":\"t\"}", lines(`{"error":{"error":{}}}`), "<html>"} {
		f.Add(s)
	}
	c := newFuzzClient(f)
	f.Fuzz(func(t *testing.T, stream string) {
		c.body = stream
		r, err := c.client.Push(t.Context(), pushRequest, func(e platform.PushEvent) {
			set := 0
			for _, is := range []bool{e.Started != nil, e.Progress != nil, e.Completed != nil, e.Problem != nil, e.Processing} {
				if is {
					set++
				}
			}
			if set != 1 {
				t.Errorf("%d fields are set: %+v", set, e)
			}
		})
		if err != nil && (r.Report != nil || !platform.OutcomeUnknown(err)) {
			t.Errorf("%+v with %v", r.Report, err)
		}
	})
}

// fuzzClient responds with a body, without a network.
type fuzzClient struct {
	client *platform.Client
	body   string
}

func newFuzzClient(f *testing.F) *fuzzClient {
	c := new(fuzzClient)
	var err error
	if c.client, err = platform.New(platform.Options{BaseURL: "http://platform", Transport: c}); err != nil {
		f.Fatal(err)
	}
	return c
}

func (c *fuzzClient) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)),
		Request: r}, nil
}
