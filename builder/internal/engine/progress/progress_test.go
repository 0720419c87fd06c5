// SPDX-License-Identifier: AGPL-3.0-or-later

package progress

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

func TestPlainDisplayShowsStagesAndTheEngine(t *testing.T) {
	var out bytes.Buffer
	display, err := New(&out, "plain")
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("token refused")
	if err := display.Stage("read the workspaces", func() string { return "12 files, 3 MB" },
		func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := display.Stage("resolve the base", nil, func() error { return failure }); err != failure {
		t.Errorf("error %v instead of the stage's", err)
	}
	if err := display.Narrate("push",
		func(say func(string)) error { say("1/2 a"); say("2/2 b"); return failure }); err != failure {
		t.Errorf("error %v instead of the stage's", err)
	}
	now := time.Now()
	engine := display.Engine()
	engine <- &client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString("m"), Name: "merge", Started: &now,
		Completed: &now}}}
	close(engine)
	if err := display.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"read the workspaces", "12 files, 3 MB", "DONE", "push", "1/2 a\n", "2/2 b\n",
		"resolve the base", "ERROR: token refused", "merge"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the display does not show %q:\n%s", want, &out)
		}
	}
}

func TestLongStageReportsRegularly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		display, err := New(&out, "plain")
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		tell := func() string { calls++; return "still reading" }
		err = display.Stage("read", tell, func() error { time.Sleep(time.Hour + tick/2); return nil })
		if err := errors.Join(err, display.Close()); err != nil {
			t.Fatal(err)
		}
		// After 2, 6, 14, 30 and 62 seconds, then once a minute, and at the end.
		if want := 5 + 58 + 1; calls != want {
			t.Errorf("asked %d times instead of %d", calls, want)
		}
	})
}

func TestQuietDisplayShowsNothing(t *testing.T) {
	var out bytes.Buffer
	display, err := New(&out, "quiet")
	if err != nil {
		t.Fatal(err)
	}
	err = display.Stage("read", func() string { return "x" }, func() error { return nil })
	if err := errors.Join(err, display.Close()); err != nil || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, &out)
	}
}

func TestUnknownModeIsRefused(t *testing.T) {
	_, err := New(&bytes.Buffer{}, "loud")
	if err == nil || !strings.Contains(err.Error(), `"loud"`) || !strings.Contains(err.Error(), "rawjson") {
		t.Errorf("error %v names neither the mode nor the modes", err)
	}
}

// Concurrent stages end with the error of the one that failed. That stage shows the error, and the
// others are cancelled.
func TestFailureIsShownWhereItHappened(t *testing.T) {
	var out strings.Builder
	d, err := New(&out, "plain")
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("the base is not there")
	d.Stage("resolve base", nil, func() error { return failure })
	d.Stage("read source", nil, func() error { return fmt.Errorf("read: %w", failure) })
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "ERROR: the base is not there"); n != 1 {
		t.Errorf("the failure is shown %d times:\n%s", n, out.String())
	}
	if !strings.Contains(out.String(), "CANCELED") {
		t.Errorf("the other stage is not cancelled:\n%s", out.String())
	}
}
