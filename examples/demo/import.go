// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	// importErrors is the sidecar's exit code for an import with errors.
	importErrors = 5
	// importTime is the time for each workspace. The real platform takes longer.
	importTime = 150 * time.Millisecond
	// readyTimeout limits the wait for readiness.
	readyTimeout = 20 * time.Second
)

// pod runs the sidecar beside a fake of the platform's service, like a pod of the image.
type pod struct {
	demo
	sidecar, manifest string
	workspaces        *platformtest.Release
}

// newPod reads the manifest from the image, and the workspaces from the directory that it was built from.
func newPod(ctx context.Context, d demo, sidecar, workspaces string) (*pod, error) {
	p := &pod{demo: d, sidecar: sidecar, manifest: filepath.Join(d.dir, "manifest.json")}
	copyFile := func(from, to string) ([]byte, error) {
		data, err := readImageFile(ctx, d.image+":v1.0.0", from)
		if err != nil {
			return nil, err
		}
		return data, os.WriteFile(to, data, 0o600)
	}
	data, err := copyFile(release.ManifestPath, p.manifest)
	if err != nil {
		return nil, err
	}
	m, err := release.Load(data, func(release.FileReference) ([]byte, error) {
		return copyFile(release.WorkspacesPath(release.ManifestPath), release.WorkspacesPath(p.manifest))
	})
	if err != nil {
		return nil, err
	}
	p.workspaces, err = platformtest.ReadRelease(workspaces, m.Repository.ID, m.Repository.Name)
	return p, err
}

// readImageFile reads a file of an image.
func readImageFile(ctx context.Context, image, path string) ([]byte, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, err
	}
	img, err := remote.Image(ref, remote.WithContext(ctx),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		return nil, err
	}
	files := mutate.Extract(img)
	defer files.Close()
	for archive := tar.NewReader(files); ; {
		h, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("find %s in %s: %w", path, image, err)
		}
		if "/"+h.Name == path {
			return limit.ReadAll(archive, path, release.MaxSize)
		}
	}
}

// startPlatform serves an empty platform with one pod. The caller must call stop.
func (p *pod) startPlatform() (platform *platformtest.Platform, url string, stop func(), err error) {
	platform = platformtest.New(platformtest.Options{ImportTime: func(string) time.Duration { return importTime }})
	server, err := platformtest.Listen(platform.NewPod("prismeai-workspaces-0", p.workspaces), "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	return platform, server.URL, func() { server.Close(); platform.Close() }, nil
}

// importRelease shows a pod that turns Ready when its release is verified.
func (p *pod) importRelease(ctx context.Context) error {
	printTitle("Deploy the image. A fake workspaces service with an empty database runs in this process.")
	_, url, stop, err := p.startPlatform()
	if err != nil {
		return err
	}
	defer stop()
	printTitle("Check what the sidecar would import. This changes nothing.")
	if err := runProgram(ctx, p.sidecar, 0, "check", "--platform-url", url, "--manifest", p.manifest); err != nil {
		return err
	}
	printTitle("The sidecar starts with the pod, and the kubelet probes its readiness.")
	s, err := p.startSidecar(ctx, url)
	if err != nil {
		return err
	}
	defer s.stopSidecar()
	if err := s.waitUntilReady(ctx); err != nil {
		return err
	}
	printTitle("Read the metrics and the status.")
	if err := s.printMetrics(ctx, "ready", "manifest_verified", "release_info", "workspaces{",
		"group_attempts_total{reason=\"\""); err != nil {
		return err
	}
	return runProgram(ctx, p.sidecar, 0, "status", "--url", s.url)
}

// refuseRelease shows a pod that stays unready because its import fails.
func (p *pod) refuseRelease(ctx context.Context) error {
	printTitle("On another platform, a slug is taken. The pod stays unready and says what to do.")
	platform, url, stop, err := p.startPlatform()
	if err != nil {
		return err
	}
	defer stop()
	platform.Fail("ticket-classifier", "SlugAlreadyInUse: ticket-classifier belongs to another workspace")
	s, err := p.startSidecar(ctx, url)
	if err != nil {
		return err
	}
	defer s.stopSidecar()
	isTaken := func(_ int, text string) bool { return strings.Contains(text, "slug-taken") }
	if err := s.pollReadiness(ctx, isTaken); err != nil {
		return err
	}
	if err := runProgram(ctx, p.sidecar, importErrors, "status", "--url", s.url); err != nil {
		return err
	}
	printTitle("Someone frees the slug. The sidecar retries on its own.")
	platform.Heal("ticket-classifier")
	return s.waitUntilReady(ctx)
}

// sidecarProcess is a sidecar in the background.
type sidecarProcess struct {
	cmd *exec.Cmd
	url string
}

func (p *pod) startSidecar(ctx context.Context, url string) (*sidecarProcess, error) {
	address, err := findFreeAddress()
	if err != nil {
		return nil, err
	}
	args := []string{"run", "--platform-url", url, "--manifest", p.manifest, "--listen", address, "--log-level", "error",
		"--poll", "100ms"}
	fmt.Printf("\n$ %s %s &\n", filepath.Base(p.sidecar), strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, p.sidecar, args...)
	return &sidecarProcess{cmd: cmd, url: "http://" + address}, cmd.Start()
}

// findFreeAddress returns a loopback address with an unused port.
func findFreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stopSidecar stops the sidecar as Kubernetes does.
func (s *sidecarProcess) stopSidecar() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have exited
	_ = s.cmd.Wait()
}

func (s *sidecarProcess) waitUntilReady(ctx context.Context) error {
	return s.pollReadiness(ctx, func(status int, _ string) bool { return status == http.StatusOK })
}

// pollReadiness polls /readyz and prints each change, until done returns true.
func (s *sidecarProcess) pollReadiness(ctx context.Context, done func(status int, text string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	started, last := time.Now(), ""
	for {
		status, text, err := s.fetchPath(ctx, "/readyz")
		if err == nil && text != last {
			fmt.Printf("%6s  /readyz %d  %s", time.Since(started).Round(10*time.Millisecond), status, text)
			last = text
		}
		if err == nil && done(status, text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the pod did not reach the expected state within %s", readyTimeout)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *sidecarProcess) fetchPath(ctx context.Context, path string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

// printMetrics prints the metrics whose names start with one of names.
func (s *sidecarProcess) printMetrics(ctx context.Context, names ...string) error {
	fmt.Printf("\n$ curl -s %s/metrics\n", s.url)
	_, text, err := s.fetchPath(ctx, "/metrics")
	for line := range strings.Lines(text) {
		for _, name := range names {
			if strings.HasPrefix(line, "workspaces_import_"+name) && !strings.HasSuffix(line, " 0\n") {
				fmt.Print(line)
			}
		}
	}
	fmt.Println("…")
	return err
}
