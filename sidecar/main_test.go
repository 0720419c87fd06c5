// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/needs"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestAnEndInOrder(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.listen(t, p)
	s := start(t, p.args()...)
	s.awaitReady()
	// A client that never completes its request must not delay the exit.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n")); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.noErrors()
	if got := p.imports(); got != "8 imports by 3 requests" {
		t.Error(got)
	}
}

func TestAnEndInTheMiddleOfAnImport(t *testing.T) {
	t.Parallel()
	p := newPod(t, 10*time.Second)
	p.listen(t, p)
	word := filepath.Join(t.TempDir(), "termination")
	if err := os.WriteFile(word, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, append(p.args(), "--termination-log", word)...)
	s.awaitPhase(state.Import)
	s.stop()
	s.noErrors()
	if text, err := os.ReadFile(word); err != nil || len(text) > 0 {
		t.Errorf("an end in order leaves word: %q, %v", text, err)
	}
}

func TestAnEndInTheMiddleOfAComparison(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	asked := make(chan struct{})
	p.Faults = new(platformtest.Script).Add(platformtest.Fault{Op: "status", Kind: platformtest.Hang,
		Before: func() { close(asked) }})
	p.listen(t, p)
	s := start(t, append(p.args(), "--reconcile-interval", "50ms")...)
	s.awaitReady()
	<-asked
	s.stop()
	s.noErrors()
}

func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	p := newPod(t, 300*time.Millisecond)
	p.listen(t, p)
	for kills := range 3 { // one per group
		s := start(t, p.args()...)
		s.eventually("import", func() bool { return len(p.platform.Ledger().Imports) > 2*kills }) // a later one each time
		s.signal(syscall.SIGKILL)
		<-s.done
	}
	s := start(t, p.args()...)
	s.awaitReady()
	s.stop()
	p.complete(t)
	if got := p.imports(); !strings.HasPrefix(got, "8 imports by ") {
		t.Errorf("something was imported twice: %s", got)
	}
}

func TestStoppedAndContinued(t *testing.T) {
	t.Parallel()
	p := newPod(t, 250*time.Millisecond)
	p.listen(t, p)
	s := start(t, p.args()...)
	s.awaitPhase(state.Import)
	s.signal(syscall.SIGSTOP)
	time.Sleep(time.Second) // the platform completes the group in the meantime
	s.signal(syscall.SIGCONT)
	if code, _ := s.get("/livez"); code != http.StatusOK {
		t.Errorf("liveness: HTTP %d", code)
	}
	s.awaitReady()
	s.stop()
	s.noErrors()
	p.complete(t)
	if got := p.imports(); got != "8 imports by 3 requests" {
		t.Error(got)
	}
}

func TestThePortOpensLater(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	address := needs.FreeAddress(t)
	p.url = "http://" + address
	s := start(t, p.args()...)
	s.awaitPhase(state.Waiting)
	s.eventually("try", func() bool { return s.status().Passes > 2 })
	if code, text := s.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "target-down") {
		t.Errorf("HTTP %d, %s", code, text)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: p}
	defer server.Close()
	go func() { _ = server.Serve(l) }() // it returns after Close
	s.awaitReady()
	s.stop()
	s.noErrors()
	p.complete(t)
}

func TestTheServiceEndsFirst(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	server := p.listen(t, p)
	s := start(t, append(p.args(), "--reconcile-interval", "50ms")...)
	s.awaitReady()
	server.Close()
	passes := s.status().Passes
	s.eventually("look again", func() bool { return s.status().Passes > passes+2 })
	for _, path := range []string{"/readyz", "/livez"} {
		if code, text := s.get(path); code != http.StatusOK {
			t.Errorf("%s: HTTP %d, %s", path, code, text)
		}
	}
	s.stop()
	if log := s.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log has errors:\n%s", log)
	}
}

func TestNoSpaceForTheTerminationMessage(t *testing.T) {
	t.Parallel()
	p := newPod(t, time.Millisecond)
	p.platform.Fail("audit-trail", "the disk of the database is full")
	p.listen(t, p)
	s := start(t, append(p.args(), "--termination-log", "/dev/full")...)
	s.awaitPhase(state.Retrying)
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "cannot write the termination message") ||
		!strings.Contains(log, "no space left") {
		t.Errorf("the log is:\n%s", log)
	}
}
