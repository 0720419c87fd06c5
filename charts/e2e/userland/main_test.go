// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCp(t *testing.T) {
	from := t.TempDir()
	to := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the container may be restarted
		if err := run(t.Context(), []string{"/bin/cp", "-R", from + "/.", to}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one", "two"} {
		if text, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(text) != "text of "+name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestPollURLPrintsChanges(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked++; {
		case r.Header.Get("x-prismeai-role") != "superadmin":
			w.WriteHeader(http.StatusForbidden)
		case asked < 3:
			_, _ = w.Write([]byte("one"))
		case asked == 3:
			w.WriteHeader(http.StatusTeapot)
		default:
			cancel()
		}
	}))
	defer server.Close()
	var out strings.Builder
	if err := pollURL(ctx, &out, server.URL); err != nil || out.String() != "200 one\n418 \n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestWrongCalls(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := run(stopped, []string{"sleep", "1000"}); err != nil {
		t.Error(err)
	}
	for want, args := range map[string][]string{
		"usage":         {"userland"},
		"usage: cp":     {"cp", "one"},
		"usage: cp ":    {"sleep", "1", "2"},
		"invalid":       {"sleep", "long"},
		"no such file":  {"cp", "-R", "/none/.", "/none"},
		"no process of": {"kill9", "no-such-container"},
	} {
		if err := run(t.Context(), args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
