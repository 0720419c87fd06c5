// SPDX-License-Identifier: AGPL-3.0-or-later

package progress

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// frames splits the output of a line at its erasures.
func frames(out string) []string { return strings.Split(out, eraseLine)[1:] }

func TestLineMovesAndIsErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &line{out: &out}
		status := make(chan *client.SolveStatus)
		ended := make(chan error)
		go func() { ended <- l.followStatus(status) }()
		now := time.Now()
		read := client.Vertex{Digest: digest.FromString("read"), Name: "read"}
		status <- &client.SolveStatus{Vertexes: []*client.Vertex{&read}}
		time.Sleep(2 * frame) // not started: nothing is shown
		read.Started = &now
		status <- &client.SolveStatus{Vertexes: []*client.Vertex{&read}}
		time.Sleep(2 * frame)
		status <- &client.SolveStatus{Logs: []*client.VertexLog{{Vertex: read.Digest,
			Data: []byte("1 of 3\n2 of 3\x1b[31m\n")}}}
		push := client.Vertex{Digest: digest.FromString("push"), Name: "push", Started: &now}
		status <- &client.SolveStatus{
			Vertexes: []*client.Vertex{&push},
			Statuses: []*client.VertexStatus{{Vertex: push.Digest, ID: "layer", Current: 1_000_000, Total: 3_000_000}},
		}
		time.Sleep(2 * frame)
		read.Completed = &now
		status <- &client.SolveStatus{Vertexes: []*client.Vertex{&read}}
		time.Sleep(time.Second)
		close(status)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		want := []string{
			"[0s] read", "[0s] read: 2 of 3\ufffd[31m | push: layer 1MB of 3MB", "[0s] push: layer 1MB of 3MB",
			"[1s] push: layer 1MB of 3MB", "",
		}
		if diff := cmp.Diff(want, frames(out.String())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLineFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	l := &line{out: &out}
	if err := l.showText(strings.Repeat("ü", 300)); err != nil {
		t.Fatal(err)
	}
	shown := frames(out.String())
	if n := utf8.RuneCountInString(shown[0]); n != defaultColumns-1 {
		t.Errorf("the line has %d columns in a terminal of %d", n, defaultColumns)
	}
}

// Losing the terminal ends the display, but not the run.
func TestLineWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{out: broken{}}
		status := make(chan *client.SolveStatus)
		ended := make(chan error)
		go func() { ended <- l.followStatus(status) }()
		now := time.Now()
		status <- &client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString("a"), Name: "a", Started: &now}}}
		if err := <-ended; !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
	})
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
