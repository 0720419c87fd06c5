// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/cli"
)

// canaries are the secrets that the sidecar gets.
var canaries = map[string]string{"token": "at:canary-4d1f0a67-token", "key": "canary-88ab31cc-key",
	"admin": "canary-5be0d2f9-admin"}

// parrot repeats all parts of a request in every text field of the response.
func parrot(w http.ResponseWriter, r *http.Request) {
	said := fmt.Sprintf("%v %v", r.URL, r.Header)
	w.Header().Set("X-Correlation-Id", r.Header.Get("Authorization"))
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": said, "message": said,
		"details": said}) // the client may have gone
}

// leaks returns the names of the secrets in a text.
func leaks(text string) (names []string) {
	for name, value := range canaries {
		if strings.Contains(text, value) {
			names = append(names, name)
		}
	}
	return names
}

// TestNoSecretIsPrinted configures secrets, runs against a platform that repeats them, and checks all
// output of the sidecar (I11).
func TestNoSecretIsPrinted(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	errs := []error{os.WriteFile(path("termination"), nil, 0o600)}
	for name, value := range canaries {
		errs = append(errs, os.WriteFile(path(name), []byte(value), 0o600))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	platform, err := platformtest.Listen(http.HandlerFunc(parrot), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	args := []string{"--platform-url", platform.URL, "--gateway-url", platform.URL, "--repository=release",
		"--groups=base1", "--token-file", path("token"),
		"--internal-key-file", path("key"), "--enable-lifecycle", "--admin-token-file", path("admin"), "--log-level=debug", "--services=",
		"--listen=127.0.0.1:0", "--termination-log", path("termination"), "--retry-min=10ms", "--metrics-workspaces"}
	outputs := map[string]string{}
	for _, command := range []string{"once", "check"} {
		var out bytes.Buffer
		if code := cli.Run(t.Context(), append([]string{command}, args...), cli.IO{Out: &out, Err: &out}); code == 0 {
			t.Errorf("%s: exit code 0", command)
		}
		outputs[command] = out.String()
	}
	outputs["run"] = runAndAsk(t, args, outputs)
	word, err := os.ReadFile(path("termination"))
	if err != nil {
		t.Fatal(err)
	}
	outputs["termination message"] = string(word)
	for where, text := range outputs {
		if found := leaks(text); len(found) > 0 {
			t.Errorf("%s contains %v", where, found)
		}
		if text == "" {
			t.Errorf("%s is empty: the test checks nothing", where)
		}
	}
}

// runAndAsk returns the log of a sidecar after requests to all endpoints.
func runAndAsk(t *testing.T, args []string, outputs map[string]string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log syncbuffer.Buffer
	code := make(chan int, 1)
	go func() { code <- cli.Run(ctx, append([]string{"run"}, args...), cli.IO{Out: &log, Err: &log}) }()
	defer func() { cancel(); <-code }()
	url := ""
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, rest, _ := strings.Cut(log.String(), `"listen":"`)
		if address, _, ok := strings.Cut(rest, `"`); ok {
			url = "http://" + address
		}
		if url != "" && strings.Contains(ask(t, http.MethodGet, url+"/readyz"), "rejected") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not fail:\n%s", &log)
		}
	}
	for _, path := range []string{"/", "/status", "/metrics", "/readyz", "/livez", "/" + canaries["admin"]} {
		outputs["GET "+path] = ask(t, http.MethodGet, url+path)
	}
	outputs["POST"] = ask(t, http.MethodPost, url+"/-/reload")
	return log.String()
}

func ask(t *testing.T, method, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
