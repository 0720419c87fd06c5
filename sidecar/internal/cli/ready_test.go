// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/needs"
)

func runReady(t *testing.T, args ...string) (code int, line string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), append([]string{"ready"}, args...), IO{Out: &out, Err: &errs})
	if errs.Len() > 0 && code != exitUsage {
		t.Errorf("standard error has %q", &errs)
	}
	return code, out.String()
}

func TestReadyFollowsTheGate(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   int
		line   string
	}{
		"open":     {200, "ready: the release is confirmed\n", 0, "ready: the release is confirmed\n"},
		"closed":   {503, "not ready: Import; remedy: none\n", exitNotReady, "not ready: Import; remedy: none\n"},
		"terminal": {503, "not ready: \x1b[2J\n", exitNotReady, "not ready: \ufffd[2J\n"},
		"silent":   {503, "", exitNotReady, ""},
		"other":    {404, "page not found\n", exitNotReady, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("it asks for %s", r.URL)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer s.Close()
			code, line := runReady(t, "--target", s.Listener.Addr().String())
			if code != c.code || c.line != "" && line != c.line {
				t.Errorf("exit %d with %q, want %d with %q", code, line, c.code, c.line)
			}
			if strings.Count(line, "\n") != 1 {
				t.Errorf("not one line: %q", line)
			}
		})
	}
}

func TestReadyWithoutASidecar(t *testing.T) {
	code, line := runReady(t, "--target", needs.FreeAddress(t))
	if code != exitNotReady || !strings.HasPrefix(line, "not ready: the sidecar did not respond: ") {
		t.Errorf("exit %d with %q", code, line)
	}
	for _, target := range []string{"", "9400", "nowhere:", "a:b:c"} {
		if code, _ := runReady(t, "--target", target); code != exitUsage {
			t.Errorf("--target %q: exit %d, want %d", target, code, exitUsage)
		}
	}
}

// TestReadyEndsInTime covers a sidecar that accepts the connection but sends nothing.
func TestReadyEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
		defer cancel()
		start := time.Now()
		open, _, err := queryGate(ctx, ours)
		if open || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("open %v, %v", open, err)
		}
		if took := time.Since(start); took != readyTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

func TestTargetAddresses(t *testing.T) {
	both := []string{"127.0.0.1:9400", "[::1]:9400"}
	for address, want := range map[string][]string{
		":9400": both, "0.0.0.0:9400": both, "[::]:9400": both,
		"127.0.0.2:9400": {"127.0.0.2:9400"}, "[fd00::1]:9400": {"[fd00::1]:9400"}, "pod:9400": {"pod:9400"},
	} {
		got, err := targetAddresses(address)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", address, err, diff)
		}
	}
	for env, want := range map[string]string{"": ":9400", "nonsense": ":9400", "[::1]:1": "[::1]:1"} {
		if got := listenAddress(map[string]string{"SIDECAR_LISTEN": env}); got != want {
			t.Errorf("SIDECAR_LISTEN=%s: %s, want %s", env, got, want)
		}
	}
}
