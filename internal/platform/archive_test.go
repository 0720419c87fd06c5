// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
)

const zipped = "PK\x03\x04 and so on"

func export(t *testing.T, c *platform.Client) (string, error) {
	t.Helper()
	var out bytes.Buffer
	_, err := c.ExportArchive(t.Context(), platform.ExportRequest{Workspace: "a/b", Limit: 100}, &out)
	return out.String(), err
}

// The second path is only tried if the platform does not know the first.
func TestExportPaths(t *testing.T) {
	const first, second = "POST /v2/workspaces/a%2Fb/versions/current/export", "GET /v2/workspaces/a%2Fb/export"
	for _, tt := range []struct {
		status int // of the first path
		asked  []string
		class  platform.Class
	}{
		{200, []string{first}, 0},
		{404, []string{first, second}, 0},
		{405, []string{first, second}, 0},
		{403, []string{first}, platform.ClassForbidden},
		{500, []string{first}, platform.ClassServer},
	} {
		var asked []string
		c := clientOf(t, platform.Options{}, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.RequestURI())
			if r.Method == http.MethodPost && tt.status != 200 {
				w.WriteHeader(tt.status)
				return
			}
			io.WriteString(w, zipped)
		})
		got, err := export(t, c)
		if platform.ClassOf(err) != tt.class || (err == nil) != (got == zipped) {
			t.Errorf("%d: %q, %v", tt.status, got, err)
		}
		if diff := cmp.Diff(tt.asked, asked); diff != "" {
			t.Errorf("%d: %s", tt.status, diff)
		}
	}
}

func TestExportAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		class  platform.Class
		text   string
	}{
		"a workspace that is not there": {404, `{"error":"ObjectNotFound","message":"Could not find workspace"}`, platform.ClassNotFound, "Could not find workspace"},
		"HTML":                          {200, "<html>", platform.ClassMalformed, "HTML"},
		"JSON":                          {200, `{"processing":true}`, platform.ClassMalformed, "unexpected shape"},
		"nothing":                       {200, "", platform.ClassMalformed, "empty"},
		"as large as it may be":         {200, "PK" + strings.Repeat("x", 98), 0, ""},
		"too large":                     {200, "PK" + strings.Repeat("x", 99), platform.ClassTooLarge, "100 bytes"},
		"too large a refusal":           {500, strings.Repeat("x", 5000), platform.ClassTooLarge, "4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clientOf(t, platform.Options{MaxBody: 4096}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			_, err := export(t, c)
			if platform.ClassOf(err) != tt.class || (err != nil) != (tt.class != 0) ||
				err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestExportThatBreaksOff(t *testing.T) {
	c := clientOf(t, platform.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, zipped)
	})
	if _, err := export(t, c); platform.ClassOf(err) != platform.ClassInterrupted {
		t.Errorf("error %v", err)
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// A disk error is not an error of the platform.
func TestExportToAFullDisk(t *testing.T) {
	c := answering(t, 200, zipped)
	_, err := c.ExportArchive(t.Context(), platform.ExportRequest{Workspace: "a", Limit: 100}, full{})
	if !errors.Is(err, errFull) || platform.ClassOf(err) != platform.ClassNone {
		t.Errorf("error %v", err)
	}
}

func importing(t *testing.T, c *platform.Client, r platform.ArchiveRequest) (platform.ArchiveResult, error) {
	t.Helper()
	r.Archive, r.Size = strings.NewReader(zipped), int64(len(zipped))
	return c.ImportArchive(t.Context(), r)
}

func TestImportRequests(t *testing.T) {
	for want, r := range map[string]platform.ArchiveRequest{
		"POST /v2/workspaces/import":                  {},
		"POST /v2/workspaces/a%2Fb/import":            {Workspace: "a/b"},
		"POST /v2/workspaces/a%2Fb/import?prune=true": {Workspace: "a/b", Prune: true},
	} {
		var got, name, content string
		var length int64
		c := clientOf(t, platform.Options{}, func(w http.ResponseWriter, r *http.Request) {
			got, length = r.Method+" "+r.URL.RequestURI(), r.ContentLength
			file, header, err := r.FormFile("archive")
			if err != nil {
				t.Error(err)
				return
			}
			data, _ := io.ReadAll(file)
			name, content = header.Filename, string(data)
			io.WriteString(w, `{"imported":[]}`)
		})
		if _, err := importing(t, c, r); err != nil {
			t.Error(err)
		}
		if got != want || name != "workspace.zip" || content != zipped || length <= int64(len(zipped)) {
			t.Errorf("%s with %q in %s, %d bytes; want %s", got, content, name, length, want)
		}
	}
}

func TestImportAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   platform.ArchiveResult
		class  platform.Class
	}{
		"all of it": {200, `{"imported":["index.yml","automations/a.yml"],"deleted":["pages/x.yml"],"createdWorkspaceIds":["n"],"updatedWorkspaceIds":[],
			"errors":[{"msg":"it failed","workspaceId":"w","filepath":"current/automations/b.yml","err":{"error":"E","message":"bad"}},"odd"],"publishedApps":[],"workspace":{"id":"w","slug":"shop","name":"Shop"}}`,
			platform.ArchiveResult{Report: &platform.ArchiveReport{ListsDeleted: true, ID: "w", Slug: "shop",
				Imported: []string{"index.yml", "automations/a.yml"}, Deleted: []string{"pages/x.yml"}, Created: []string{"n"},
				Errors: []platform.FileProblem{{File: "current/automations/b.yml",
					Problem: platform.Problem{Code: "E", Message: "it failed: bad"}}, {Problem: platform.Problem{Message: "odd"}}}}},
			0},
		"only what is required": {200, `{"imported":[]}`, platform.ArchiveResult{Report: &platform.ArchiveReport{}}, 0},
		"only errors":           {200, `{"errors":[{"path":"a.yml","message":"m","error":"E"}]}`, platform.ArchiveResult{Report: &platform.ArchiveReport{Errors: []platform.FileProblem{{File: "a.yml", Problem: platform.Problem{Code: "E", Message: "m"}}}}}, 0},
		"goes on":               {200, `{"processing":true,"message":"wait"}`, platform.ArchiveResult{Message: "wait"}, 0},
		"something else":        {200, `{"id":"w"}`, platform.ArchiveResult{}, platform.ClassMalformed},
		"locked":                {423, `{"error":"WorkspaceLocked"}`, platform.ArchiveResult{}, platform.ClassLocked},
		"locked, in words":      {400, `{"error":"X","message":"Workspace is locked"}`, platform.ArchiveResult{}, platform.ClassLocked},
		"too large":             {413, `{"error":"PayloadTooLarge"}`, platform.ArchiveResult{}, platform.ClassRejected},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := importing(t, answering(t, tt.status, tt.body), platform.ArchiveRequest{Workspace: "w"})
			got.Meta = platform.Meta{}
			if platform.ClassOf(err) != tt.class {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEventOfAnImportedArchive(t *testing.T) {
	c := answering(t, 200,
		`{"result":{"events":[{"id":"1","type":"workspaces.imported","createdAt":"2026-08-01T10:00:00Z","source":{"correlationId":"c"},
		"payload":{"workspace":{"id":"w","slug":"shop"},"files":["index.yml"],"deleted":["x"],"errors":[{"msg":"m","filepath":"f"}]}},
		{"id":"2","type":"workspaces.imported","payload":[]}]}}`)
	page, err := c.Events(t.Context(), platform.EventQuery{Workspace: "w"})
	if err != nil {
		t.Fatal(err)
	}
	want := &platform.ArchiveReport{ListsDeleted: true, ID: "w", Slug: "shop", Imported: []string{"index.yml"},
		Deleted: []string{"x"},
		Errors:  []platform.FileProblem{{File: "f", Problem: platform.Problem{Message: "m"}}}}
	if diff := cmp.Diff(want, page.Events[0].Archive); diff != "" || page.Undecodable != 1 ||
		page.Events[1].Archive != nil {
		t.Errorf("%s\n%+v", diff, page)
	}
}

func TestStatusHasTheTimeOfTheImport(t *testing.T) {
	c := answering(t, 200, `{"version":{"type":"import","importedAt":"2026-08-01T10:00:00.5Z"}}`)
	s, err := c.WorkspaceStatus(t.Context(), "w")
	if want := time.Date(2026, 8, 1, 10, 0, 0, 5e8, time.UTC); err != nil || !s.ImportedAt.Equal(want) {
		t.Errorf("%+v, %v", s, err)
	}
}
