// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

// platformAt serves a platform with two workspaces. hook handles pushes.
func platformAt(t *testing.T, token string, hook func(platformtest.Push) error) (*platformtest.Platform, string) {
	t.Helper()
	p := platformtest.New(platformtest.Options{Token: token, OnPush: hook})
	p.NewPod("pod-0", &platformtest.Release{ID: "git", Workspaces: []platformtest.Workspace{
		{Slug: "a", ID: "ida", Name: "A", Groups: []string{"base1"}}, {
			Slug:   "b",
			ID:     "idb",
			Name:   "B",
			Groups: []string{"base1"},
		}}}).SetReady(true)
	server, err := platformtest.Listen(p.NewGateway(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); p.Close() })
	return p, server.URL
}

// An interrupted push reports that the platform continues.
func TestInterruptedPushContinues(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			reached, over, pushed := make(chan struct{}), make(chan struct{}), make(chan string, 2)
			_, url := platformAt(t, "at:token", func(p platformtest.Push) error {
				if p.Workspace.Slug == "b" {
					close(reached)
					<-over
				}
				pushed <- p.Workspace.Slug
				return nil
			})
			report := t.TempDir() + "/report.json"
			p := builder(t, map[string]string{"BUILDER_TOKEN": "at:token"}, "bulk-push", "--api-url", url,
				"--repository", "git", "--groups", "base1",
				"--progress", "plain", "--report", "json="+report)
			p.interruptAfter(t, reached, sig)
			p.says(t, "interrupted: the platform continues the push")
			p.says(t, "activity of the workspace platform")
			close(over)
			for _, want := range []string{"a", "b"} {
				if got := <-pushed; got != want {
					t.Errorf("the platform pushed %s instead of %s", got, want)
				}
			}
			checkUnknownOutcome(t, report)
		})
	}
}

// The token never appears in any output, in any display, even if the platform quotes it.
func TestTokenOfThePlatformIsNotShown(t *testing.T) {
	for _, mode := range []string{"plain", "tty", "rawjson", "quiet"} {
		t.Run(mode, func(t *testing.T) {
			w := world{canaries: canaries{}}
			token := w.canaries.plant("BUILDER_TOKEN")
			p, url := platformAt(t, token, nil)
			p.Fail("a", "remote refuses token "+token+" of Bearer "+token)
			out := t.TempDir()
			run := builder(t, map[string]string{"BUILDER_TOKEN": token}, "bulk-push", "--api-url", url, "--repository",
				"git", "--groups", "base1",
				"--progress", mode, "--report", "json="+out+"/report.json", "--report", "junit="+out+"/report.xml")
			var term *terminal
			if mode == "tty" {
				term = newTerminal(t)
				run.Stderr = term.tty
			}
			run.run(t, 10)
			if term != nil {
				run.stderr.WriteString(term.text())
			}
			w.silent(t, "standard output", run.stdout.Bytes())
			w.silent(t, "standard error", run.stderr.Bytes())
			for name, text := range tree(t, out) {
				w.silent(t, name, []byte(text))
				if !strings.Contains(text, "remote refuses token ***") {
					t.Errorf("%s does not hold what was masked:\n%s", name, text)
				}
			}
			run.says(t, "remote refuses token ***")
			if mode == "plain" {
				run.says(t, "[####################] 2/2 b pushed")
			}
		})
	}
}
