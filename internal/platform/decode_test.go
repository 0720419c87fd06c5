// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/internal/platform"
)

var ignoreMeta = cmpopts.IgnoreTypes(platform.Meta{})

const completed = `{"repositoryId":"release","groups":["base1"],"duration":1500.5,"unknown":{"a":1},
	"errors":[{"error":"ImportError","message":"could not"},{"msg":"m","err":{"message":"inner"}},"text",{"err":{"code":"E1","message":"inner"}},{"x":1}],
	"createdWorkspaceIds":["a"],"updatedWorkspaceIds":["b"],"skippedWorkspaceIds":[],"importedFilesCount":3,"deletedFilesCount":"1",
	"workspaces":[{"slug":"s","workspaceId":"a","name":"S","version":"v1","status":"error","reason":"r","errors":[{"msg":"bad"}],
		"importedFilesCount":2,"deletedFilesCount":1,"duration":10,"app":{"slug":"S","description":{"en":"x"}}},{"slug":"t","status":"skipped"}]}`

func completedReport() *platform.ImportReport {
	return &platform.ImportReport{
		RepositoryID: "release", Groups: []string{"base1"}, Duration: 1500500 * time.Microsecond,
		Errors: []platform.Problem{{Code: "ImportError", Message: "could not"}, {Message: "m: inner"}, {Message: "text"},
			{Code: "E1", Message: "inner"}, {Message: `{"x":1}`}},
		Created: []string{"a"}, Updated: []string{"b"}, Skipped: []string{}, ImportedFilesCount: 3, DeletedFilesCount: 1,
		Workspaces: []platform.WorkspaceReport{
			{Slug: "s", ID: "a", Name: "S", Version: "v1", Status: platform.StatusError, Reason: "r", Errors: []platform.Problem{{Message: "bad"}},
				ImportedFilesCount: 2, DeletedFilesCount: 1, Duration: 10 * time.Millisecond, AppSlug: "S"},
			{Slug: "t", Status: platform.StatusSkipped},
		},
	}
}

func TestAnswersOfAPull(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       platform.PullResult
	}{
		{"report", completed, platform.PullResult{Kind: platform.PullCompleted, Report: completedReport()}},
		{"shortest report", `{"repositoryId":"release"}`,
			platform.PullResult{Kind: platform.PullCompleted, Report: &platform.ImportReport{RepositoryID: "release"}}},
		{"nulls", `{"repositoryId":"release","errors":null,"workspaces":null,"duration":null}`,
			platform.PullResult{Kind: platform.PullCompleted, Report: &platform.ImportReport{RepositoryID: "release"}}},
		{"processing", `{"processing":true,"message":"wait"}`, platform.PullResult{Kind: platform.PullProcessing, Message: "wait"}},
		{"other repository", `{"repositoryId":"builtin","errors":[]}`, platform.PullResult{Kind: platform.PullFallback}},
		{"ordinary pull", `{"imported":[],"errors":[],"deleted":[],"workspace":{"id":"platform"}}`, platform.PullResult{Kind: platform.PullFallback}},
		{"ordinary pull, processing", `{"processing":true,"workspace":{"id":"x"}}`, platform.PullResult{Kind: platform.PullFallback}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := answering(t, 200, c.body).Pull(t.Context(), platform.PullRequest{Repository: "release"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, ignoreMeta); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPullKindsHaveNames(t *testing.T) {
	got := fmt.Sprint(platform.PullCompleted, platform.PullProcessing, platform.PullFallback, platform.PullKind(0))
	if want := "completed processing fallback unknown"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestReportFails(t *testing.T) {
	for body, want := range map[string]bool{
		`{"repositoryId":"r"}`: false,
		`{"repositoryId":"r","workspaces":[{"status":"imported"},{"status":"skipped"}]}`: false,
		`{"repositoryId":"r","errors":[{}]}`:                                             true,
		`{"repositoryId":"r","workspaces":[{"status":"error"}]}`:                         true,
		`{"repositoryId":"r","workspaces":[{"status":"imported","errors":["x"]}]}`:       true,
	} {
		var r platform.ImportReport
		if err := json.Unmarshal([]byte(body), &r); err != nil || r.Failed() != want {
			t.Errorf("%s: failed is %t, error %v", body, r.Failed(), err)
		}
	}
}

func TestProblemTexts(t *testing.T) {
	for body, want := range map[string]string{
		`"plain"`:                              "plain",
		`{"message":"m"}`:                      "m",
		`{"msg":"m","message":""}`:             "m",
		`{"error":"E","message":"m"}`:          "E: m",
		`{"error":"E"}`:                        "E",
		`{"err":"e"}`:                          "e",
		`{"code":"C","message":"m"}`:           "C: m",
		`{"error":{"code":"C","message":"m"}}`: "C: m",
		`{"message":{"msg":"deep"}}`:           "deep",
		`{"err":{"stack":["a"]}}`:              `{"stack":["a"]}`,
		`{}`:                                   "{}",
		`42`:                                   "42",
		`null`:                                 "null",
		`[]`:                                   "[]",
	} {
		var p platform.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if body == "null" {
			p.UnmarshalJSON([]byte(body)) // encoding/json does not call it for null
		}
		if p.String() != want {
			t.Errorf("%s reads %q, want %q", body, p, want)
		}
	}
}

func TestEvents(t *testing.T) {
	body := `{"result":{"events":[
		{"id":"1","type":"workspaces.bulkImport.started","createdAt":"2026-08-01T10:00:00.123Z","source":{"correlationId":"c","host":{"service":"workspaces","replica":"pod-1"}},
			"payload":{"repositoryId":"release","groups":["base1"],"workspaces":[{"slug":"a"},{"slug":"b"}]}},
		{"id":"2","type":"workspaces.bulkImport.progress","createdAt":1785578400000,
			"payload":{"repositoryId":"release","workspaceSlug":"a","workspaceId":"i","workspaceName":"A","status":"error","duration":5,"errors":["x"],"importedFilesCount":1,"deletedFilesCount":2,"current":1,"total":2,"percentage":50}},
		{"id":"3","type":"workspaces.bulkImport.completed","createdAt":"never","payload":` + completed + `},
		{"id":"4","type":"error","error":{"error":"EventTooLarge","message":"dropped"}},
		{"id":"5","type":"workspaces.bulkImport.progress","payload":{"repositoryId":"release"}},
		{"id":"6","type":"workspaces.bulkImport.started"},
		{"id":"7","type":"workspaces.bulkImport.completed","payload":{"groups":[]}},
		7]}}`
	got, err := answering(t, 200, body).Events(t.Context(), platform.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	want := platform.EventPage{Undecodable: 4, Events: []platform.Event{
		{ID: "1", Type: platform.EventImportStarted, CreatedAt: time.Date(2026, 8, 1, 10, 0, 0, 123e6, time.UTC), CorrelationID: "c", Replica: "pod-1",
			Started: &platform.ImportStarted{RepositoryID: "release", Groups: []string{"base1"}, Slugs: []string{"a", "b"}}},
		{ID: "2", Type: platform.EventImportProgress, CreatedAt: time.UnixMilli(1785578400000).UTC(),
			Progress: &platform.Progress{RepositoryID: "release", Current: 1, Total: 2,
				Workspace: platform.WorkspaceReport{Slug: "a", ID: "i", Name: "A",
					Status: platform.StatusError, Errors: []platform.Problem{{Message: "x"}}, Duration: 5 * time.Millisecond,
					ImportedFilesCount: 1, DeletedFilesCount: 2}}},
		{ID: "3", Type: platform.EventImportCompleted, Completed: completedReport()},
		{ID: "4", Type: "error", Error: &platform.Problem{Code: "EventTooLarge", Message: "dropped"}},
		{ID: "5", Type: platform.EventImportProgress}, {ID: "6", Type: platform.EventImportStarted}, {ID: "7", Type: platform.EventImportCompleted}, {},
	}}
	if diff := cmp.Diff(want, got, ignoreMeta); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRootWorkspace(t *testing.T) {
	body := `{"id":"p","slug":"platform","automations":{},"platformRepositories":{"release":{"name":"Release v2","type":"filesystem","mode":"read-only","groups":["base1"]}},
		"writeLock":{"lockedAt":"2026-08-01T10:00:00Z","lockedBy":"user","reason":"pull_in_progress"}}`
	got, err := answering(t, 200, body).Platform(t.Context())
	want := platform.RootWorkspace{ID: "p", Slug: "platform",
		Repositories: map[string]platform.Repository{"release": {Name: "Release v2", Type: "filesystem", Mode: "read-only",
			Groups: []string{"base1"}}},
		Lock: &platform.WriteLock{LockedAt: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), LockedBy: "user",
			Reason: "pull_in_progress"}}
	if diff := cmp.Diff(want, got, ignoreMeta); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = answering(t, 200, `{"id":"p","writeLock":null}`).Platform(t.Context())
	if err != nil || got.Lock != nil || got.Repositories != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWorkspacesOfAnyPageSize(t *testing.T) {
	for _, c := range []struct{ total, pageCap, want int }{{0, 100, 1}, {7, 100, 2}, {100, 100, 2}, {250, 100, 3},
		{50, 20, 3}, {40, 20, 3}} {
		t.Run(fmt.Sprintf("%d by %d", c.total, c.pageCap), func(t *testing.T) {
			asked := 0
			client := clientOf(t, platform.Options{}, func(w http.ResponseWriter, r *http.Request) {
				asked++
				page, _ := strconv.Atoi(r.URL.Query().Get("page"))
				items := []map[string]any{}
				for i := page * c.pageCap; i < min(c.total, (page+1)*c.pageCap); i++ {
					items = append(items, map[string]any{"id": strconv.Itoa(i)})
				}
				json.NewEncoder(w).Encode(items)
			})
			got, _, err := client.Workspaces(t.Context())
			if err != nil || len(got) != c.total || asked != c.want {
				t.Errorf("%d workspaces by %d requests, want %d by %d; error %v", len(got), asked, c.total, c.want, err)
			}
		})
	}
}

// A database without an order moves a changed row to the end. Then another workspace is on no page.
func TestWorkspacesThatMoveBetweenPages(t *testing.T) {
	for _, c := range []struct{ total, moves, want int }{
		{250, 1, 2 * 3},
		{101, 1, 2 * 2}, // the last page has only what moved
		{250, 2, 3 * 3},
		{250, 100, 3 * 3},
	} {
		ids := make([]int, c.total)
		for i := range ids {
			ids[i] = i
		}
		asked := 0
		moved := 0
		client := clientOf(t, platform.Options{}, func(w http.ResponseWriter, r *http.Request) {
			asked++
			page, _ := strconv.Atoi(r.URL.Query().Get("page"))
			items := []map[string]any{}
			for _, id := range ids[min(page*100, c.total):min(page*100+100, c.total)] {
				items = append(items, map[string]any{"id": strconv.Itoa(id)})
			}
			if page == 0 && moved < c.moves {
				ids = append(ids[1:], ids[0])
				moved++
			}
			json.NewEncoder(w).Encode(items)
		})
		got, _, err := client.Workspaces(t.Context())
		if err != nil || len(got) != c.total || asked != c.want {
			t.Errorf("%d workspaces, %d moves: %d by %d requests, want %d; error %v", c.total, c.moves, len(got), asked,
				c.want, err)
		}
	}
}

func TestWorkspacesOfAPlatformWithoutPages(t *testing.T) {
	dirty := true
	body := `[{"id":"a","slug":"s","name":"S","dirty":true,"lastPull":{"version":"v1","repositoryId":"release","createdAt":"2026-08-01T10:00:00Z"}},{"id":"b","lastPull":null}]`
	got, _, err := answering(t, 200, body).Workspaces(t.Context())
	want := []platform.Installed{{ID: "a", Slug: "s", Name: "S", Dirty: &dirty,
		LastPull: &platform.InstalledVersion{Version: "v1", RepositoryID: "release",
			CreatedAt: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)}}, {ID: "b"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestListThatNeverEndsIsAnError(t *testing.T) {
	n := 0
	c := clientOf(t, platform.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, `[{"id":"%d"}]`, n)
	})
	if _, _, err := c.Workspaces(t.Context()); platform.ClassOf(err) != platform.ClassMalformed {
		t.Errorf("got %v", err)
	}
}

func TestWorkspaceStatus(t *testing.T) {
	body := `{"version":{"type":"import"},"errors":[{"msg":"x"}],"changes":[{"type":"automations","slug":"a","currentChecksum":"1","expectedChecksum":"2","updatedAt":"2026-08-01T10:00:00Z","updatedBy":"me"}]}`
	got, err := answering(t, 200, body).WorkspaceStatus(t.Context(), "id")
	want := platform.WorkspaceStatus{Errors: []platform.Problem{{Message: "x"}}, Changes: []platform.Change{
		{Type: "automations", Slug: "a", Current: "1", Expected: "2", UpdatedAt: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), UpdatedBy: "me"}}}
	if diff := cmp.Diff(want, got, ignoreMeta); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestSecretNames(t *testing.T) {
	got, err := answering(t, 200, `{"b":{"value":"v","description":"d"},"a":{},"c":null,"d":1}`).SecretNames(t.Context(),
		"id")
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, body := range []string{`["value"]`, `{"a":{"value":"value"`, `"value"`} {
		_, err := answering(t, 200, body).SecretNames(t.Context(), "id")
		if platform.ClassOf(err) != platform.ClassMalformed || strings.Contains(err.Error(), "value") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestReadiness(t *testing.T) {
	const gateway = `"api-gateway":{"status":"error","errors":[{"error":"E","module":"workspaces","driver":"http",` +
		`"message":"workspaces: refused"}]}`
	for _, c := range []struct {
		name, body string
		status     int
		want       []string
	}{
		{"ready", `{"status":"ready","services":{"api-gateway":{"status":"ready"},"events":{"status":"ready","url":"u","response":{"status":"ready"}}}}`, 200, nil},
		{"one is not", `{"services":{"events":{"status":"error","response":{"status":"error","errors":[{"module":"broker","message":"down"}]}}}}`, 400, []string{"events"}},
		{"nested error wins", `{"services":{"events":{"status":"ready","response":{"status":"error"}}}}`, 200, []string{"events"}},
		{"gateway misses only us", `{"services":{` + gateway + `,"workspaces":{"status":"error"}}}`, 400, nil},
		{"gateway misses more", `{"services":{"api-gateway":{"status":"error","errors":[{"message":"workspaces"},{"module":"redis","message":"down"}]}}}`, 400, []string{"api-gateway"}},
		{"error without words", `{"services":{"runtime":{"status":"error"},"events":{}}}`, 400, []string{"events", "runtime"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := answering(t, c.status, c.body).Readiness(t.Context())
			if diff := cmp.Diff(c.want, r.NotReady("workspaces")); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestReadinessOfAWrongServiceIsAnError(t *testing.T) {
	_, err := answering(t, 400, `{"error":"BadParameters","message":"unknown service"}`).Readiness(t.Context(), "nope")
	if platform.ClassOf(err) != platform.ClassRejected {
		t.Errorf("got %v", err)
	}
}

func TestHealthcheckHasToSayHealthy(t *testing.T) {
	if _, err := answering(t, 200,
		`{"healthy":false}`).Healthcheck(t.Context()); platform.ClassOf(err) != platform.ClassMalformed {
		t.Errorf("got %v", err)
	}
}

func TestMe(t *testing.T) {
	got, err := answering(t, 200,
		`{"id":"u","email":"a@b","sessionId":"s","expires":"2026-08-01T10:00:00Z"}`).Me(t.Context())
	want := platform.User{ID: "u", Email: "a@b", SessionID: "s", Expires: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got, ignoreMeta); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := answering(t, 200, `{}`).Me(t.Context()); platform.ClassOf(err) != platform.ClassMalformed {
		t.Errorf("nobody is accepted: %v", err)
	}
}

// JSON of another program is not a workspace without repositories.
func TestOtherJSONIsMalformed(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"processing":true}`, `{"repositoryId":"release","errors":[]}`} {
		if _, err := answering(t, 200, body).Platform(t.Context()); platform.ClassOf(err) != platform.ClassMalformed {
			t.Errorf("%s: %v", body, err)
		}
	}
}
