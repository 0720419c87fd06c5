// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/secret"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// slugRemedy is the end of the line for a problem of [problemAt].
const slugRemedy = "; remedy: Rename or delete the workspace that has the slug, or correct its labels; then retry."

// TestReadyz checks the line for each case, and that no text breaks it.
func TestReadyz(t *testing.T) {
	off := waiting()
	off.Problem = nil
	broken := failing()
	broken.Problem.Message = "two\r\nlines " + strings.Repeat("long ", 1000)
	for name, c := range map[string]struct {
		s      *state.Snapshot
		policy state.GatePolicy
		code   int
		line   string
	}{
		"healthy": {healthy(), state.GatePolicy{}, 200, "ready: the release is confirmed, release 2026.11.2"},
		"drifted": {drifted(), state.GatePolicy{}, 200, "ready: the release is confirmed, release 2026.11.2; drifted: changed or missing: claims-intake, mail-sender"},
		"waiting": {waiting(), state.GatePolicy{}, 503, "not ready: Waiting; target-down: GET http://127.0.0.1:80/v2/workspaces/platform: connection refused" + slugRemedy},
		"failing": {failing(), state.GatePolicy{}, 503, "not ready: Retrying, release 2026.11.2; slug-taken in group base2: " +
			"workspace ticket-classifier: SlugAlreadyInUse: Slug ticket-classifier already used by workspace 6f1c2a" + slugRemedy},
		"importing": {importing(), state.GatePolicy{}, 503, "not ready: Import, release 2026.11.2"},
		"timed out": {waiting(), state.GatePolicy{OpenAfter: time.Second}, 200, "ready without confirmation: the gate timed out; target-down: GET http://127.0.0.1:80/v2/workspaces/platform: connection refused"},
		"off":       {off, state.GatePolicy{Off: true}, 200, "ready without confirmation: the gate is off"},
		"broken":    {broken, state.GatePolicy{}, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Gate = func() state.GatePolicy { return c.policy }
			got := ask(t, New(storeOf(c.s), o).Handler(), httptest.NewRequest("GET", "/readyz", nil))
			body := got.Body.String()
			if got.Code != c.code || c.line != "" && body != c.line+"\n" {
				t.Errorf("answer %d %q, want %d %q", got.Code, body, c.code, c.line)
			}
			if strings.Count(body, "\n") != 1 || strings.Contains(body, "\r") || len(body) > maxReason+8 ||
				got.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("not one short line of text: %q, %v", body, got.Header())
			}
		})
	}
}

// TestI3LivenessIsTheProcess checks that liveness does not depend on the import.
func TestI3LivenessIsTheProcess(t *testing.T) {
	for name, s := range pages() {
		if got := ask(t, New(storeOf(s), options()).Handler(), httptest.NewRequest("GET", "/livez", nil)); got.Code != 200 {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
}

// TestI2ReadyStaysReady checks that a failure after the confirmation does not close the gate.
func TestI2ReadyStaysReady(t *testing.T) {
	store := storeOf(healthy())
	store.Update(func(s *state.Snapshot) { s.Gate = state.Gate{Why: state.GateWaits} })
	h := New(store, options()).Handler()
	for _, change := range []func(*state.Snapshot){
		func(*state.Snapshot) {},
		func(s *state.Snapshot) { s.Confirmed, s.Problem, s.Phase = false, failing().Problem, state.Retrying },
		func(s *state.Snapshot) { s.Release, s.Groups = state.Release{Name: "another"}, nil },
	} {
		store.Update(change)
		if got := ask(t, h, httptest.NewRequest("GET", "/readyz", nil)); got.Code != 200 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
}

// TestGateOpensOnce checks that the opening of the gate is logged once, regardless of concurrent
// callers.
func TestGateOpensOnce(t *testing.T) {
	for name, c := range map[string]struct {
		s      *state.Snapshot
		policy state.GatePolicy
		want   string
	}{
		"confirmed": {healthy(), state.GatePolicy{}, `"level":"INFO","msg":"gate opened","why":"confirmed","policy":"strict","confirmed":true`},
		"timed out": {failing(), state.GatePolicy{OpenAfter: time.Second}, `"level":"WARN","msg":"gate opened","why":"timed-out","policy":"open-after=1s","confirmed":false`},
		"off":       {failing(), state.GatePolicy{Off: true}, `"level":"WARN","msg":"gate opened","why":"off","policy":"off","confirmed":false`},
	} {
		for _, path := range []string{"/readyz", "/status", "/metrics", "/"} {
			var log logBuffer
			o := options()
			o.Log, o.Gate = log.logger(), func() state.GatePolicy { return c.policy }
			store := storeOf(c.s)
			store.Update(func(s *state.Snapshot) { s.Gate = state.Gate{Why: state.GateWaits} })
			h := New(store, o).Handler()
			var all sync.WaitGroup
			for range maxConcurrent {
				all.Go(func() { ask(t, h, httptest.NewRequest("GET", path, nil)) })
			}
			all.Wait()
			if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, c.want) {
				t.Errorf("%s, %s: the log is %s", name, path, got)
			}
		}
	}
}

// TestStatus checks that the status is the snapshot with the current gate.
func TestStatus(t *testing.T) {
	store := storeOf(failing())
	o := options()
	o.Gate = func() state.GatePolicy { return state.GatePolicy{Off: true} }
	got := ask(t, New(store, o).Handler(), httptest.NewRequest("GET", "/status", nil))
	var s state.Snapshot
	if err := json.Unmarshal(got.Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.SchemaVersion != 1 || !s.Gate.Open || s.Gate.Why != state.GateOff || len(s.Groups) != 3 || s.Problem == nil {
		t.Errorf("%+v", s)
	}
	if h := got.Header(); got.Code != 200 || h.Get("Content-Type") != "application/json" ||
		h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", got.Code, h)
	}
}

// TestContentSecurity checks that the page only allows its own style and script, and that other
// responses allow nothing.
func TestContentSecurity(t *testing.T) {
	const nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	h := New(storeOf(healthy()), options()).Handler()
	for path, want := range map[string]string{"/": "page", "/status": nothing, "/readyz": nothing, "/nothing": nothing,
		"/metrics": nothing} {
		got := ask(t, h, httptest.NewRequest("GET", path, nil))
		if want == "page" {
			style, script := sumOf(t, got.Body.Bytes(), "style"), sumOf(t, got.Body.Bytes(), "script")
			want = nothing + "; style-src 'sha256-" + style + "'; script-src 'sha256-" + script +
				"'; connect-src 'self'; img-src data:"
		}
		if policy := got.Header().Get("Content-Security-Policy"); policy != want {
			t.Errorf("%s: %s, want %s", path, policy, want)
		}
	}
}

// sumOf returns the hash of the content of the first element called name.
func sumOf(t *testing.T, page []byte, name string) string {
	t.Helper()
	_, after, _ := bytes.Cut(page, []byte("<"+name+">"))
	content, _, found := bytes.Cut(after, []byte("</"+name+">"))
	if !found {
		t.Fatalf("the page has no %s", name)
	}
	sum := sha256.Sum256(content)
	return base64.StdEncoding.EncodeToString(sum[:])
}

const tokenCanary = "at:canary-5f2c9d7e41b8"

// echo is a platform, or a proxy in front of it, that repeats the request in its rejection.
func echo(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusUnauthorized)
	var all bytes.Buffer
	r.Header.Write(&all)
	body, _ := json.Marshal(map[string]string{"error": "InvalidToken", "message": "refused: " + all.String()})
	w.Write(body)
}

// silent records nothing.
type silent struct{}

func (silent) Pass(state.Reason, time.Duration)          {}
func (silent) Group(string, state.Reason, time.Duration) {}
func (silent) LockWait(time.Duration)                    {}

// TestI11NoTokenIsShown checks that no route and no log contains a token that the platform or the
// request sent.
func TestI11NoTokenIsShown(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(echo))
	defer target.Close()
	client, err := platform.New(platform.Options{BaseURL: target.URL,
		Identity: platform.Bearer(platform.Fixed(secret.New(tokenCanary)))})
	if err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	store := state.NewStore()
	load := func(context.Context) (*importer.Inputs, error) {
		return &importer.Inputs{Policy: importer.DefaultPolicy(), Pod: client,
			Desired: importer.Desired{Repository: "release", Groups: []importer.GroupPlan{{Name: "base1"}}}}, nil
	}
	if _, err := importer.New(load, store, silent{}, log.logger()).Pass(t.Context()); err == nil {
		t.Fatal("the refusal is no error")
	}
	if p := store.Get().Problem; p == nil || p.Reason != state.IdentityRefused || !strings.Contains(p.Message, "refused") {
		t.Fatalf("the test looks at nothing: %+v", p)
	}
	o := options()
	o.Log = log.logger()
	o.Reload = func(context.Context) error { return errors.New("token " + secret.New(tokenCanary).String()) }
	h := New(store, o).Handler()
	for _, route := range []string{"GET /livez", "GET /readyz", "GET /metrics", "GET /status", "GET /", "GET /nothing",
		"POST /readyz", "POST /-/reload", "POST /-/import"} {
		method, path, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, path+"?token="+tokenCanary, io.NopCloser(strings.NewReader(tokenCanary)))
		r.Header.Set("Authorization", "Bearer "+adminToken)
		r.Header.Set("X-Token", tokenCanary)
		w := ask(t, h, r)
		var all bytes.Buffer
		w.Header().Write(&all)
		all.Write(w.Body.Bytes())
		for _, canary := range []string{tokenCanary, adminToken} {
			if strings.Contains(all.String(), canary) {
				t.Errorf("%s shows %s: %s", route, canary, &all)
			}
		}
	}
	if got := log.String(); strings.Contains(got, tokenCanary) || strings.Contains(got, adminToken) {
		t.Errorf("the log shows a token: %s", got)
	}
}
