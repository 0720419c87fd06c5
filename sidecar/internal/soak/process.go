// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// maxAnswer limits a response of a sidecar, in bytes.
const maxAnswer = 4 << 20

// process is a running sidecar.
type process struct {
	cmd    *exec.Cmd
	client *http.Client
	ended  chan struct{}
	listen chan string // receives the address once

	mu   sync.Mutex
	url  string
	life *Life
}

// startProcess starts a sidecar and waits until it listens.
func startProcess(s *slot, pod string) (*process, error) {
	log, err := os.OpenFile(s.joinPath(pod+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{
		ended:  make(chan struct{}),
		listen: make(chan string, 1),
		life:   &Life{Slot: s.number, Pod: pod, Begin: time.Now()},
		client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	p.cmd = exec.Command(s.opts.Sidecar, "run", "--listen", "127.0.0.1:0", "--termination-log", "", "--log-format", "json",
		"--platform-url", s.server.URL, "--identity", "token", "--mode", "import", "--pod-name", pod,
		"--token-file", s.files.Path("token"), "--config", s.files.Path("sidecar.yaml"),
		"--manifest", s.files.Path("manifest.json"), "--current-release-file", s.current.Path("release"))
	p.cmd.Env = []string{}
	stderr, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s.world.mu.Lock()
	s.record.Lives = append(s.record.Lives, p.life)
	s.world.mu.Unlock()
	go p.followLog(stderr, log)
	select {
	case p.url = <-p.listen:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the sidecar of %s exited during its start: see %s", pod, log.Name())
	}
}

// followLog reads the log until the process ends.
func (p *process) followLog(stderr io.Reader, log *os.File) {
	defer close(p.ended)
	defer log.Close()
	for lines := bufio.NewScanner(io.TeeReader(stderr, log)); lines.Scan(); {
		p.onLogLine(lines.Bytes())
	}
	_ = p.cmd.Wait() // ProcessState has the result
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life.End = time.Now()
	p.life.ExitCode = p.cmd.ProcessState.ExitCode()
}

// onLogLine records the events in a log line.
func (p *process) onLogLine(line []byte) {
	var entry struct {
		Time                       time.Time
		Level, Msg, Listen, Reason string
		Error                      string
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(string(line), secretMark) {
		p.life.Wrong = append(p.life.Wrong, fmt.Sprintf("I11: the log of %s has a token", p.life.Pod))
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		text := fmt.Sprintf("the log of %s has a line that is not JSON: %.100s", p.life.Pod, line)
		p.life.Wrong = append(p.life.Wrong, text)
		return
	}
	switch {
	case entry.Msg == "sidecar started":
		p.listen <- "http://" + entry.Listen
	case entry.Msg == "release confirmed":
		p.life.Confirmed = append(p.life.Confirmed, entry.Time)
	case entry.Level == "ERROR" && !p.life.Asked.IsZero():
		p.life.LateErrors = append(p.life.LateErrors, entry.Msg+" "+entry.Reason+" "+entry.Error)
	}
}

// stop sends SIGTERM, as Kubernetes does, and waits for the exit.
func (p *process) stop() {
	p.mu.Lock()
	p.life.Asked = time.Now()
	p.mu.Unlock()
	p.signalAndWait(syscall.SIGTERM)
}

// kill sends SIGKILL and waits for the exit.
func (p *process) kill() { p.signalAndWait(syscall.SIGKILL) }

func (p *process) signalAndWait(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have exited
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// fetchPath returns a response. The status is 0 if there is none.
func (p *process) fetchPath(ctx context.Context, path string) (status int, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return 0, ""
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := limit.ReadAll(resp.Body, "the response", maxAnswer)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(data)
}

func (p *process) fetchStatus(ctx context.Context) (s state.Snapshot, err error) {
	code, body := p.fetchPath(ctx, "/status")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, fmt.Errorf("read the status: HTTP %d, %w", code, err)
	}
	return s, nil
}

// countWatches counts the inotify watches of the process.
func (p *process) countWatches() (n int) {
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, info := range infos {
		data, err := os.ReadFile(info)
		if err == nil { // the descriptor may be closed
			n += strings.Count(string(data), "inotify wd:")
		}
	}
	return n
}
