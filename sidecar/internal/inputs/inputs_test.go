// SPDX-License-Identifier: Apache-2.0

package inputs

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// put writes a file with an old modification time.
func put(t *testing.T, path, content string) string {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, long, long)); err != nil {
		t.Fatal(err)
	}
	return path
}

// source returns a source with the settings in args.
func source(t *testing.T, args ...string) *Source {
	t.Helper()
	live, err := config.NewLive(t.Context(), config.NewLoader(args, nil), func(*config.Config, error) {})
	if err != nil {
		t.Fatal(err)
	}
	return New(live, nil, "test/1")
}

func mustLoad(t *testing.T, s *Source) *importer.Inputs {
	t.Helper()
	in, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// encoded returns an encoded manifest with a workspace for each slug.
func encoded(t *testing.T, slugs ...string) string {
	t.Helper()
	r := &platformtest.Release{ID: "release", Name: "Release v1"}
	for _, slug := range slugs {
		r.Workspaces = append(r.Workspaces, platformtest.Workspace{Slug: slug, Name: slug, Version: "v1",
			Groups: []string{"base1"}})
	}
	data, err := release.Encode(r.Manifest("v1"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// listener records the headers of the last request.
type listener struct {
	mu   sync.Mutex
	last http.Header
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = r.Header
	_, _ = io.WriteString(w, `{"id":"platform"}`) // the client may have gone
}

// seen returns the headers that identify the caller.
func (l *listener) seen() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]string{}
	for name := range l.last {
		if name == "Authorization" || strings.HasPrefix(name, "X-") {
			found[name] = l.last.Get(name)
		}
	}
	return found
}

func TestIdentities(t *testing.T) {
	dir := t.TempDir()
	token, key := put(t, filepath.Join(dir, "token"), "\nat:t \n"), put(t, filepath.Join(dir, "key"), "k")
	pod, gateway := new(listener), new(listener)
	podServer, gatewayServer := httptest.NewServer(pod), httptest.NewServer(gateway)
	defer podServer.Close()
	defer gatewayServer.Close()
	all := []string{"--platform-url", podServer.URL + "/v2", "--gateway-url", gatewayServer.URL, "--repository=r",
		"--groups=g", "--identity-headers=X-A=1"}
	for name, c := range map[string]struct {
		args         []string
		pod, gateway map[string]string
	}{
		"both": {[]string{"--token-file", token},
			map[string]string{"X-A": "1", "Authorization": "Bearer at:t"}, map[string]string{"Authorization": "Bearer at:t"}},
		"headers": {[]string{"--token-file", token, "--identity=headers"},
			map[string]string{"X-A": "1"}, map[string]string{"Authorization": "Bearer at:t"}},
		"token": {[]string{"--token-file", token, "--identity=token", "--internal-key-file", key},
			map[string]string{"Authorization": "Bearer at:t", "X-Prismeai-Api-Key": "k"},
			map[string]string{"Authorization": "Bearer at:t"}},
		"key": {[]string{"--internal-key-file", key},
			map[string]string{"X-A": "1", "X-Prismeai-Api-Key": "k"}, map[string]string{"X-Prismeai-Api-Key": "k"}},
	} {
		in := mustLoad(t, source(t, append(c.args, all...)...))
		_, err := in.Pod.Platform(t.Context())
		_, err2 := in.Gateway.Platform(t.Context())
		if err != nil || err2 != nil {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
		if diff := cmp.Diff(c.pod, pod.seen()); diff != "" {
			t.Errorf("%s to the pod: %s", name, diff)
		}
		if diff := cmp.Diff(c.gateway, gateway.seen()); diff != "" {
			t.Errorf("%s to the gateway: %s", name, diff)
		}
	}
}

func TestATokenIsReadForEachRequest(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), "token"), "at:1")
	pod := new(listener)
	server := httptest.NewServer(pod)
	defer server.Close()
	s := source(t, "--platform-url", server.URL, "--token-file", path, "--repository=r", "--groups=g",
		"--enable-lifecycle", "--admin-token-file", path)
	in := mustLoad(t, s)
	for n := range 3 {
		put(t, path, fmt.Sprint("at:", n))
		if _, err := in.Pod.Platform(t.Context()); err != nil || pod.seen()["Authorization"] != fmt.Sprint("Bearer at:", n) {
			t.Errorf("%v, %v", pod.seen(), err)
		}
		if got := s.AdminToken().Reveal(); got != fmt.Sprint("at:", n) {
			t.Errorf("admin token %s", got)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Pod.Platform(t.Context()); !errors.Is(err, importer.ErrToken) {
		t.Errorf("without a file: %v", err)
	}
	if !s.AdminToken().Empty() || !source(t).AdminToken().Empty() {
		t.Error("there is an admin token without a file")
	}
}

func TestAManifestIsDecodedOnce(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), "manifest.json"), encoded(t, "a", "b"))
	file := put(t, filepath.Join(t.TempDir(), "sidecar.yaml"), "")
	s := source(t, "--manifest", path, "--config", file)
	first, second := mustLoad(t, s), mustLoad(t, s)
	if first.Desired.Digest != digest.FromString(encoded(t, "a", "b")).String() ||
		len(first.Desired.Groups[0].Workspaces) != 2 {
		t.Errorf("%+v", first.Desired)
	}
	if &first.Desired.Groups[0] != &second.Desired.Groups[0] {
		t.Error("the same manifest is decoded again")
	}
	if first.Pod != second.Pod {
		t.Error("the same settings make another client")
	}
	put(t, path, encoded(t, "a"))
	if third := mustLoad(t, s); len(third.Desired.Groups[0].Workspaces) != 1 || third.Pod != first.Pod {
		t.Errorf("%+v", third.Desired)
	}
	put(t, file, "groups: [base1]\npoll: 3s") // each pass reads the settings
	if fourth := mustLoad(t, s); fourth.Pod == first.Pod || fourth.Policy.Poll != 3*time.Second {
		t.Errorf("%+v", fourth)
	}
	put(t, file, "groups: [base9]")
	wantFailure(t, s, state.ManifestMismatch, "base9")
	put(t, file, "grups: [base9]") // the old settings stay in effect
	wantFailure(t, s, state.ManifestMismatch, "base9")
}

func wantFailure(t *testing.T, s *Source, reason state.Reason, text string) {
	t.Helper()
	in, err := s.Load(t.Context())
	f, ok := errors.AsType[*importer.Failure](err)
	if in != nil && err == nil || !ok || f.Reason != reason || !strings.Contains(f.Message, text) {
		t.Errorf("%v, want %s with %q", err, reason, text)
	}
}

func TestWhatCannotBeLoaded(t *testing.T) {
	dir := t.TempDir()
	empty, garbage, good := put(t, filepath.Join(dir, "empty"), " \n"), put(t, filepath.Join(dir, "garbage"), "{"), put(t,
		filepath.Join(dir, "good"), encoded(t, "a"))
	none := filepath.Join(dir, "none")
	wantFailure(t, source(t, "--manifest", none), state.ManifestUnreadable, "none")
	wantFailure(t, source(t, "--manifest", garbage), state.ManifestUnreadable, "garbage")
	wantFailure(t, source(t, "--manifest", dir), state.ManifestUnreadable, dir)
	wantFailure(t, source(t, "--manifest", good, "--repository", "other"), state.ManifestMismatch, "other")
	wantFailure(t, source(t, "--manifest", good, "--token-file", none), state.TokenUnreadable, "none")
	wantFailure(t, source(t, "--manifest", good, "--token-file", empty), state.TokenUnreadable, "empty")
	wantFailure(t, source(t, "--manifest", good, "--ca-file", none), state.TargetError, "CA file")
	wantFailure(t, source(t, "--manifest", good, "--ca-file", garbage), state.TargetError, "no PEM")
	wantFailure(t, source(t), state.ManifestMismatch, "mount the manifest") // the default path does not exist
	if in := mustLoad(t, source(t, "--repository=r", "--groups=g")); in.Desired.Digest != "" || in.Gateway != nil {
		t.Errorf("%+v", in)
	}
}

// authority returns a self-signed certificate authority.
func authority(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestAuthoritiesThatAreReplaced(t *testing.T) {
	server := httptest.NewUnstartedServer(new(listener))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	right := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	path := put(t, filepath.Join(t.TempDir(), "ca.crt"), authority(t))
	s := source(t, "--platform-url", server.URL, "--ca-file", path, "--repository=r", "--groups=g")
	if _, err := mustLoad(t, s).Pod.Platform(t.Context()); err == nil {
		t.Error("a certificate of another authority is accepted")
	}
	put(t, path, right)
	if _, err := mustLoad(t, s).Pod.Platform(t.Context()); err != nil {
		t.Errorf("after the authorities were replaced: %v", err)
	}
}

func TestFilesAndGateway(t *testing.T) {
	dir := t.TempDir()
	token := put(t, filepath.Join(dir, "token"), "t")
	s := source(t, "--manifest=/m", "--token-file", token, "--internal-key-file=/k", "--gateway-url=http://127.0.0.1:1",
		"--current-release-file=/c")
	want := map[string]string{"/m": "manifest", "/m.workspaces.json": "manifest", token: "token", "/k": "token",
		"/c": "current-release", "": "config"}
	got := map[string]string{}
	for _, f := range s.Files() {
		got[f.Path] = f.Name
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if g := s.Gateway(); g == nil || g.BaseURL() != "http://127.0.0.1:1" {
		t.Errorf("%v", g)
	}
	if source(t).Gateway() != nil {
		t.Error("a gateway out of nothing")
	}
}
