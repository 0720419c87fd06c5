// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/watch/watchtest"
)

// doorkeeper inspects the token of each request before the pod.
type doorkeeper struct {
	next http.Handler
	mu   sync.Mutex
	seen map[string]bool
	torn []string
}

func (d *doorkeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.look(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	d.next.ServeHTTP(w, r)
}

func (d *doorkeeper) look(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[token] = true
	var n int
	if _, err := fmt.Sscanf(token, "at:%d:", &n); err != nil || token != tokenOf(n) {
		d.torn = append(d.torn, fmt.Sprintf("%d bytes", len(token)))
	}
}

// tokenOf returns a token that is larger than a page, so that a partial read would be noticed.
func tokenOf(n int) string { return fmt.Sprintf("at:%d:%s:end", n, strings.Repeat("x", 8000)) }

// TestAThousandSwaps replaces token, settings and manifest a thousand times during an import, the
// way Kubernetes replaces mounted files.
func TestAThousandSwaps(t *testing.T) {
	t.Parallel()
	const swaps = 1000
	p := newPod(t, 250*time.Millisecond)
	door := &doorkeeper{next: p, seen: map[string]bool{}}
	p.listen(t, door)
	manifest := encode(t, p.release)
	files := func(n int) map[string]string {
		return map[string]string{"token": tokenOf(n), "manifest.json": string(manifest.Manifest),
			"manifest.workspaces.json": string(manifest.Workspaces), "sidecar.yaml": fmt.Sprintf("retry-max: %dm\n", 1+n%2)}
	}
	m, err := watchtest.NewMount(t.TempDir(), files(0))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "--platform-url", p.url, "--config", m.Path("sidecar.yaml"), "--token-file", m.Path("token"),
		"--manifest", m.Path("manifest.json"))
	for n := range swaps {
		if err := m.Swap(files(n + 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	s.awaitReady()
	_, metrics := s.get("/metrics")
	s.stop()
	s.noErrors()
	p.complete(t)
	if got := p.imports(); got != "8 imports by 3 requests" {
		t.Error(got)
	}
	if len(door.torn) > 0 || len(door.seen) < 3 {
		t.Errorf("torn tokens: %v of %d", door.torn, len(door.seen))
	}
	for _, want := range []string{`workspaces_import_config_reloads_total{result="failure"} 0`,
		`workspaces_import_config_last_reload_successful 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, `workspaces_import_group_attempts_total{reason="`) && !strings.Contains(line,
			`reason=""`) && !strings.HasSuffix(line, " 0\n") {
			t.Errorf("a group failed: %s", line)
		}
	}
}
