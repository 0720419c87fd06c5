// SPDX-License-Identifier: AGPL-3.0-or-later

package engine_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// distribution starts Debian's docker-registry and returns a proxy in front of it that lets the
// test inspect every request.
func distribution(t *testing.T) *testRegistry {
	t.Helper()
	program := needs.Program(t, "docker-registry")
	address := needs.FreeAddress(t)
	config := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: "+
		"{rootdirectory: %s}}\nhttp: {addr: %s}\n", t.TempDir(), address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	waitFor(t, address)

	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.SetXForwarded() // so that upload locations lead back through the proxy
	}}
	return wrapRegistry(t, proxy)
}

func waitFor(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond) // polling another process
	}
	t.Fatalf("nothing listens on %s", address)
}

func TestNoByteOfTheBaseMovesWithinOneRegistry(t *testing.T) {
	reg := distribution(t)
	b := reg.pushBase(t, "base:1", "amd64", "arm64")
	blobs := baseBlobs(t, reg, b)

	var mu sync.Mutex
	var mounted, moved []string
	reg.fail(func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if digest := r.URL.Query().Get("mount"); blobs[digest] {
			mounted = append(mounted, digest)
		}
		_, digest, _ := strings.Cut(r.URL.Path, "/blobs/")
		if upload := r.URL.Query().Get("digest"); upload != "" {
			digest = upload
		}
		if blobs[digest] && (r.Method == http.MethodGet || r.Method == http.MethodPut) {
			moved = append(moved, r.Method+" "+digest)
		}
		return false
	})
	mustBuild(t, spec(t, b, engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}}))

	if len(moved) > 0 {
		t.Errorf("blobs of the base were moved: %v", moved)
	}
	if len(mounted) != len(blobs) {
		t.Errorf("%d blobs of the base were mounted instead of %d", len(mounted), len(blobs))
	}
}

// baseBlobs returns the digests of the base's layers.
func baseBlobs(t *testing.T, reg *testRegistry, b base) map[string]bool {
	t.Helper()
	index, err := remote.Index(reference(t, b.ref))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	blobs := map[string]bool{}
	for _, desc := range manifest.Manifests {
		image, err := index.Image(desc.Digest)
		if err != nil {
			t.Fatal(err)
		}
		m, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range m.Layers {
			blobs[layer.Digest.String()] = true
		}
	}
	return blobs
}

// childEnv marks the test binary as the unprivileged child.
const childEnv = "ENGINE_TEST_UNPRIVILEGED"

func TestBuildsAsNobodyWithoutCapabilities(t *testing.T) {
	needs.Root(t)
	home := needs.PublicDir(t)
	work := filepath.Join(home, "work")
	copied := filepath.Join(home, "engine.test")
	data, err := os.ReadFile("/proc/self/exe")
	if err := errors.Join(err, os.WriteFile(copied, data, 0o755), os.Mkdir(work, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run=^TestUnprivilegedChild$", "-test.v")
	cmd.Env = []string{childEnv + "=1", "TMPDIR=" + work, "HOME=/nonexistent"}
	cmd.Dir = work
	// The change of user drops the capabilities, and the child cannot gain new ones.
	needs.RunAsNobody(t, cmd, work)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnprivilegedChild") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestUnprivilegedChild runs in the unprivileged child process.
func TestUnprivilegedChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("runs as the child of TestBuildsAsNobodyWithoutCapabilities")
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil || !strings.Contains(string(status), "CapEff:\t0000000000000000\n") {
		t.Fatalf("this process has capabilities: %v\n%s", err, status)
	}
	reg := newRegistry(t)
	b := reg.pushBase(t, "base:1", "amd64", "arm64")
	tarball := filepath.Join(t.TempDir(), "image.tar")
	pushed := mustBuild(t, spec(t, b,
		engine.Output{Kind: engine.Push, Names: []string{reg.host + "/out:1"}},
		engine.Output{Kind: engine.OCI, Dest: tarball}))
	if got := layoutDigest(t, tarball); got != pushed.Digest.String() {
		t.Errorf("the OCI layout holds %s instead of %s", got, pushed.Digest)
	}
}
