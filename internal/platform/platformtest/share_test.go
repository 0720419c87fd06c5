// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// listen serves h during the test.
func listen(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	s, err := platformtest.Listen(h, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// sharing is a platform with pods in other processes.
type sharing struct {
	*platformtest.Platform
	t      *testing.T
	shared *url.URL
}

func share(t *testing.T, o platformtest.Options) *sharing {
	t.Helper()
	o.Token = token
	p := platformtest.New(o)
	t.Cleanup(p.Close)
	return &sharing{p, t, listen(t, p.Share())}
}

// member joins, and returns a client of the pod, its URL and a function that stops it.
func (s *sharing) member(name string, r *platformtest.Release, native ...string) (*platform.Client, *url.URL, func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	m, err := platformtest.Join(ctx, s.shared, name, r, native...)
	if err != nil {
		s.t.Fatal(err)
	}
	address := listen(s.t, m)
	return dial(s.t, address, platform.Headers(platform.LocalHeaders())), address, func() { cancel(); <-m.Left() }
}

func dial(t *testing.T, address *url.URL, id platform.Identity) *platform.Client {
	t.Helper()
	c, err := platform.New(platform.Options{BaseURL: address.String(), Identity: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// steer posts to a path of the shared platform.
func (s *sharing) steer(path, body string) {
	s.t.Helper()
	resp, err := http.Post(s.shared.JoinPath(path).String(), "text/plain", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
}

// read decodes a resource of the shared platform.
func read[T any](s *sharing, path string) (value T) {
	s.t.Helper()
	resp, err := http.Get(s.shared.JoinPath(path).String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&value); err != nil {
		s.t.Fatal(err)
	}
	return value
}

// until waits for a condition in another goroutine.
func until(t *testing.T, what string, good func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !good(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestMembersShareADatabase(t *testing.T) {
	s := share(t, platformtest.Options{})
	one, _, _ := s.member("one", release())
	next := release()
	next.Name = "Release v2"
	two, _, _ := s.member("two", next)
	for want, c := range map[string]*platform.Client{"Release v1": one, "Release v2": two} {
		if w, err := c.Platform(t.Context()); err != nil || w.Repositories["release"].Name != want {
			t.Errorf("%+v, %v", w, err)
		}
	}
	request := platform.PullRequest{Repository: "release", Groups: []string{"base1", "base2"}}
	if got, err := one.Pull(t.Context(), request); err != nil || len(got.Report.Workspaces) != 3 ||
		got.Report.Workspaces[0].Status != platform.StatusImported {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := two.Pull(t.Context(), request); err != nil ||
		got.Report.Workspaces[0].Status != platform.StatusSkipped {
		t.Errorf("%+v, %v", got, err)
	}
	l := read[platformtest.Ledger](s, "ledger")
	if len(l.Bulks) != 2 || l.Bulks[0].Pod != "one" || l.Bulks[1].Pod != "two" || len(l.Imports) != 3 {
		t.Errorf("%+v", l)
	}
	if all := read[[]platformtest.Installed](s, "installed"); len(all) != 3 || all[0].Version != "v1" {
		t.Errorf("%+v", all)
	}
}

// The end of a member is the end of its container: during an import it leaves the lock behind.
func TestMemberEndsWithItsProcess(t *testing.T) {
	s := share(t, platformtest.Options{})
	c, _, end := s.member("pod", release())
	s.steer("hold/b", "")
	failed := make(chan error)
	go func() {
		_, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release", Groups: []string{"base1"}})
		failed <- err
	}()
	until(t, "the import begins", func() bool { return len(s.Ledger().Imports) == 1 })
	end()
	if err := <-failed; err == nil {
		t.Error("the import of a killed pod has an answer")
	}
	until(t, "the platform knows of the end", func() bool { return s.Ledger().Bulks[0].Outcome == platformtest.Killed })
	_, _, _ = s.member("pod", release()) // the container restarts
	again, _, _ := s.member("pod", release())
	if w, err := again.Platform(t.Context()); err != nil || w.Lock == nil || w.Lock.LockedBy != "pod" {
		t.Errorf("%+v, %v", w, err)
	}
	s.Unlock()
	s.steer("resume/b", "")
	if got, err := again.Pull(t.Context(), platform.PullRequest{Repository: "release",
		Groups: []string{"base1"}}); err != nil || got.Report.Failed() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestHeldImportGoesOn(t *testing.T) {
	s := share(t, platformtest.Options{})
	s.steer("hold/b", "")
	_, _, _ = s.member("pod", release(), "base1") // with its own import
	until(t, "the import begins", func() bool { return len(s.Ledger().Imports) == 1 })
	s.steer("hold/b", "") // it is already held
	s.steer("resume/b", "")
	s.steer("resume/b", "") // it is not held
	until(t, "the import ends",
		func() bool { l := s.Ledger(); return len(l.Bulks) == 1 && l.Bulks[0].Outcome == platformtest.Imported })
}

func TestSteering(t *testing.T) {
	s := share(t, platformtest.Options{RefuseHeaders: true, PodToken: true})
	_, address, _ := s.member("pod", release())
	s.steer("token", "at:next")
	_, err := dial(t, address, platform.Bearer(platform.Fixed(secret.New(token)))).Platform(t.Context())
	wantClass(t, err, platform.ClassUnauthorized)
	c := dial(t, address, platform.Bearer(platform.Fixed(secret.New("at:next"))))
	s.steer("fail/a", "no good")
	got, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release", Groups: []string{"base1"}})
	if err != nil || !got.Report.Failed() || !strings.Contains(fmt.Sprint(got.Report.Errors), "no good") {
		t.Errorf("%+v, %v", got, err)
	}
	s.steer("heal/a", "")
	if got, err := c.Pull(t.Context(), platform.PullRequest{Repository: "release",
		Groups: []string{"base1"}}); err != nil || got.Report.Failed() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestJoiningIsChecked(t *testing.T) {
	s := share(t, platformtest.Options{})
	if _, err := platformtest.Join(t.Context(), s.shared, "pod", nil); err == nil ||
		!strings.Contains(err.Error(), "400") {
		t.Error(err)
	}
	nobody := *s.shared
	nobody.Host = "127.0.0.1:1"
	if _, err := platformtest.Join(t.Context(), &nobody, "pod", release()); err == nil {
		t.Error("joined a platform that does not exist")
	}
	if resp, err := http.Get(s.shared.JoinPath("pods/unknown/sys/healthcheck").String()); err == nil {
		t.Errorf("an unknown pod answers %s", resp.Status)
	}
}

// The gateway reaches members through the address of their Service.
func TestGatewayForwardsToAService(t *testing.T) {
	s := share(t, platformtest.Options{ReadinessNeedsPod: true})
	_, address, end := s.member("pod", release())
	g := s.NewGateway()
	g.Service = address
	c := dial(t, listen(t, g), platform.Bearer(platform.Fixed(secret.New(token))))
	if w, err := c.Platform(t.Context()); err != nil || w.Repositories["release"].Name != "Release v1" {
		t.Errorf("%+v, %v", w, err)
	}
	if r, err := c.Readiness(t.Context()); err != nil || !r.Services["api-gateway"].Ready {
		t.Errorf("%+v, %v", r, err)
	}
	end()
	var err error
	until(t, "the platform knows of the end", func() bool { _, err = c.Platform(t.Context()); return err != nil })
	wantClass(t, err, platform.ClassServer)
	if r, err := c.Readiness(t.Context()); err != nil || r.Services["api-gateway"].Ready {
		t.Errorf("%+v, %v", r, err)
	}
	servers := []string{}
	for _, r := range s.Ledger().Requests {
		servers = append(servers, r.Server)
	}
	if !slices.Contains(servers, "gateway") || !slices.Contains(servers, "pod") {
		t.Error(servers)
	}
}
