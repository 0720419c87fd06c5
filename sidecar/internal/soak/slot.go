// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch/watchtest"
)

// slot is one replica: an address, its files, and its current pod and process.
type slot struct {
	*world
	number         int
	files, current *watchtest.Mount
	server         *platformtest.Server
	pod            atomic.Pointer[platformtest.Pod]
	faults         *platformtest.Script

	mu       sync.Mutex
	version  string // of the release that the pod carries
	settings string // content of the configuration
	pods     int    // number of pods so far
	mounted  string // the token in the mounted file
	swapped  time.Time
	process  *process
}

func newSlot(w *world, number int) (*slot, error) {
	s := &slot{world: w, number: number, faults: &platformtest.Script{}, settings: goodSettings(0)}
	var errs [3]error
	s.version = "v1"
	s.files, errs[0] = mountFiles(w.joinPath(fmt.Sprintf("slot-%d", number)), s.mountedFiles())
	s.current, errs[1] = mountFiles(w.joinPath(fmt.Sprintf("current-%d", number)), currentFiles(w, "v1"))
	s.server, errs[2] = platformtest.Listen(s, "127.0.0.1:0")
	return s, errors.Join(errs[:]...)
}

func mountFiles(dir string, files map[string]string) (*watchtest.Mount, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return watchtest.NewMount(dir, files)
}

func goodSettings(n int) string {
	return fmt.Sprintf("poll: 200ms\nretry-min: 100ms\nretry-max: %dms\nreconcile-interval: 2s\n"+
		"group-timeout: 20s\nlock-expiry: %s\nrequest-timeout: 3s\nservices: []\n", 900+n, lockExpiry)
}

// mountedFiles returns the mounted files. The caller holds mu or has exclusive access to the slot.
func (s *slot) mountedFiles() map[string]string {
	manifest := s.encodeManifest(s.version)
	return map[string]string{
		"token":                    s.currentToken(),
		"sidecar.yaml":             s.settings,
		"manifest.json":            string(manifest.Manifest),
		"manifest.workspaces.json": string(manifest.Workspaces),
	}
}

// refreshFiles updates the mounted files, as the kubelet does.
func (s *slot) refreshFiles() {
	s.mu.Lock()
	defer s.mu.Unlock()
	content := s.mountedFiles()
	s.recordError("swap failed", s.files.Swap(content))
	if s.mounted != content["token"] {
		s.mounted = content["token"]
		s.swapped = time.Now()
	}
}

// ServeHTTP forwards to the service of the slot's current pod.
func (s *slot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pod := s.pod.Load()
	if pod == nil {
		panic(http.ErrAbortHandler)
	}
	s.checkToken(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	pod.ServeHTTP(w, r)
}

// checkToken checks I7: soon after the file changed, no request has the old token.
func (s *slot) checkToken(token string) {
	s.mu.Lock()
	stale := token != s.mounted && time.Since(s.swapped) > noticeTime
	s.mu.Unlock()
	if stale {
		s.world.mu.Lock()
		text := fmt.Sprintf("I7: a request of slot %d at %s has an old token", s.number, formatTime(time.Now()))
		s.record.StaleTokens = append(s.record.StaleTokens, text)
		s.world.mu.Unlock()
	}
}

func (s *slot) podName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("pod-%d-%d", s.number, s.pods)
}

// deployPod gives the slot a pod of a release. The first slot keeps its pod name and its sidecar,
// which gets the other release in place. The others get new ones.
func (s *slot) deployPod(version string) error {
	s.terminate()
	s.mu.Lock()
	s.version = version
	if s.number > 0 {
		s.pods++
	}
	s.mu.Unlock()
	name := s.podName()
	s.world.mu.Lock()
	s.record.Carried[name] = append(s.record.Carried[name], Turn{time.Now(), version})
	s.world.mu.Unlock()
	pod := s.platform.NewPod(name, s.record.Releases[version])
	pod.Faults = s.faults
	s.refreshFiles()
	s.pod.Store(pod)
	if s.number == 0 && s.runningProcess() != nil {
		return nil
	}
	return s.startSidecar()
}

// terminate stops the pod as Kubernetes does: the sidecar gets SIGTERM and the service is killed,
// which may leave a lock behind.
func (s *slot) terminate() {
	if s.number > 0 {
		if p := s.runningProcess(); p != nil {
			p.stop()
		}
	}
	if pod := s.pod.Swap(nil); pod != nil {
		pod.Kill()
	}
}

func (s *slot) runningProcess() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// startSidecar starts a sidecar for the pod.
func (s *slot) startSidecar() error {
	p, err := startProcess(s, s.podName())
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	return nil
}

// stopSidecar stops the sidecar at the end of the soak.
func (s *slot) stopSidecar() {
	if p := s.runningProcess(); p != nil {
		p.stop()
	}
}

func (s *slot) close() {
	if p := s.runningProcess(); p != nil {
		p.kill()
	}
	s.server.Close()
}

// describeTrouble describes why the slot has not recovered, or returns "" if it has.
func (s *slot) describeTrouble(ctx context.Context) string {
	p := s.runningProcess()
	snapshot, err := p.fetchStatus(ctx)
	switch {
	case err != nil:
		return fmt.Sprintf("slot %d: %v", s.number, err)
	case !snapshot.Confirmed || !snapshot.Gate.Open || snapshot.Problem != nil:
		reason := "no reason"
		if snapshot.Problem != nil {
			reason = string(snapshot.Problem.Reason) + ": " + snapshot.Problem.Message
		}
		return fmt.Sprintf("slot %d: %s, confirmed %t, %s", s.number, snapshot.Phase, snapshot.Confirmed, reason)
	}
	return ""
}
