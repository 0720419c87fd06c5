// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// failing returns a state with all fields set.
func failing() *state.Snapshot {
	soon := now.Add(12 * time.Second)
	s := &state.Snapshot{SchemaVersion: state.SchemaVersion, Phase: state.Retrying, Since: now.Add(-3 * time.Minute),
		Mode: "import",
		Gate: state.Gate{Why: state.GateWaits}, NextAttempt: &soon,
		Release: state.Release{Name: "v1", Repository: "release", Verification: state.Full},
		Lock:    &state.LockInfo{By: "pod-1", Reason: "pull_in_progress", Since: now.Add(-time.Minute)},
		Drift:   &state.Drift{Workspaces: []string{"a", "b"}},
		Groups: []state.Group{
			{Name: "base1", State: state.GroupConfirmed, Workspaces: []state.Workspace{
				{Slug: "a", State: state.WorkspaceImported}, {Slug: "b", State: state.WorkspaceSkipped}, {Slug: "c", State: state.WorkspaceSkipped}}},
			{Name: "base2", State: state.GroupFailed, Workspaces: []state.Workspace{
				{Slug: "d", State: state.WorkspaceFailed, Error: "slug\x1b[2J is\ntaken"}}},
		}}
	s.Problem = state.NewProblem(state.SlugTaken, "slug\u009b is taken", "base2")
	return s
}

func TestStatusText(t *testing.T) {
	var out bytes.Buffer
	if err := writeStatus(&out, failing(), now); err != nil {
		t.Fatal(err)
	}
	advice := state.Advise(state.SlugTaken)
	want := `ready      no (waits)
phase      Retrying for 3m0s
release    v1 of repository release, 2 groups, 4 workspaces, verification full
mode       import
group      base1        confirmed  1 imported, 2 skipped
group      base2        failed     1 failed
           d: failed: slug�[2J is�taken
lock       held by pod-1 (pull_in_progress) for 1m0s
drift      a, b
problem    slug-taken: slug� is taken
remedy     ` + advice.Remedy + `
runbook    docs/runbooks/` + advice.Runbook + `.md
next       attempt in 12s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestVerdict(t *testing.T) {
	confirmed := &state.Snapshot{Confirmed: true}
	drifted := &state.Snapshot{Confirmed: true, Problem: state.NewProblem(state.Drifted, "", "")}
	for want, s := range map[int]*state.Snapshot{0: confirmed, exitUnknown: {}, exitImport: failing(),
		exitDrift: drifted} {
		if got := func() int { _, code := new(survey).judgePod(&podStatus{state: s}); return code }(); got != want {
			t.Errorf("exit code %d, want %d", got, want)
		}
	}
}

// answering serves a response that a sidecar would not send.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may have gone
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestStatusOfSomethingElse(t *testing.T) {
	other, err := json.Marshal(state.Snapshot{SchemaVersion: state.SchemaVersion + 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{answering(t, 404, "no"), answering(t, 200, "<html>"), answering(t, 200, string(other)),
		"http://127.0.0.1:1"} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), []string{"status", "--url", url}, IO{Out: &out, Err: &errs})
		if code != exitUnavailable || out.Len() > 0 || !strings.HasPrefix(errs.String(), "sidecar: ") {
			t.Errorf("exit code %d, %q, %q", code, &out, &errs)
		}
	}
}

func TestStatusUsesTheListenAddress(t *testing.T) {
	for env, want := range map[string]string{"": "127.0.0.1:9400", ":9500": "127.0.0.1:9500", "0.0.0.0:1": "127.0.0.1:1",
		"x": "127.0.0.1:9400"} {
		if got := localAddress(map[string]string{"SIDECAR_LISTEN": env}); got != want {
			t.Errorf("%q: %s, want %s", env, got, want)
		}
	}
}

func TestTerminationText(t *testing.T) {
	s := *failing()
	text := terminationText(s, nil)
	for _, want := range []string{"slug-taken: ", "docs/runbooks/", state.Advise(state.SlugTaken).Remedy} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	path := filepath.Join(t.TempDir(), "termination")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Problem.Message = strings.Repeat("x", 2*maxTermination)
	if err := writeMessage(path, terminationText(s, nil)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != maxTermination {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	s.Confirmed = true
	if text := terminationText(s, nil); text != "" {
		t.Errorf("a confirmed release leaves %q", text)
	}
	if text := terminationText(s, errors.New("no port")); text != "no port\n" {
		t.Errorf("%q", text)
	}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	level.Set(parseLevel(&config.Config{LogLevel: "warn"}))
	log := newLog(&out, config.LogAuto, level) // not a terminal
	log.Info("not logged")
	log.Warn("logged", "took", 1234567*time.Microsecond)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "logged" || line["took"] != "1.235s" {
		t.Errorf("%v: %s", err, &out)
	}
	out.Reset()
	newLog(&out, config.LogText, level).Error("logged", "a", 1)
	if !strings.Contains(out.String(), "msg=logged a=1") {
		t.Error(out.String())
	}
	out.Reset()
	newLog(&out, config.LogAuto, level).Error("logged") // not a terminal
	if !json.Valid(out.Bytes()) {
		t.Error(out.String())
	}
}

func TestAnAddressInUse(t *testing.T) {
	url := answering(t, 200, "")
	var errs bytes.Buffer
	code := Run(t.Context(), []string{"run", "--listen", strings.TrimPrefix(url, "http://"), "--termination-log="},
		IO{Out: io.Discard, Err: &errs})
	if code != exitInternal || !strings.Contains(errs.String(), "listen for probes") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}
