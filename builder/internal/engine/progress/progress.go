// SPDX-License-Identifier: AGPL-3.0-or-later

// Package progress shows the stages of a run and BuildKit's progress in one display. On a terminal,
// the display is a single line that is updated in place. Otherwise it is BuildKit's display, as in
// docker buildx.
package progress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/internal/terminal"
)

// modes lists the modes that [New] accepts.
var modes = []progressui.DisplayMode{
	progressui.AutoMode, progressui.TtyMode, progressui.PlainMode, progressui.RawJSONMode, progressui.QuietMode,
}

const (
	// tick is the time until the first report of a running stage, if each report is a separate
	// line. The time doubles with each report, up to maxTick, to keep logs short.
	tick    = 2 * time.Second
	maxTick = time.Minute
)

// Display is a running display. Its methods are safe for concurrent use.
type Display struct {
	status  chan *client.SolveStatus
	sources sync.WaitGroup
	done    chan struct{}
	err     error
	// tick and maxTick are the shortest and the longest time between two reports of a stage.
	tick, maxTick time.Duration

	mu sync.Mutex
	// failure is the error of the first stage that failed.
	failure error
}

// New starts a display on out. The mode is auto, tty, plain, rawjson or quiet. The mode auto selects
// tty if out is a terminal, and plain otherwise. The mode tty shows a single line and erases it when
// the display is closed.
func New(out io.Writer, mode string) (*Display, error) {
	d := &Display{status: make(chan *client.SolveStatus), done: make(chan struct{}), tick: tick, maxTick: maxTick}
	// The display does not use the context of the run, so that it shows the end of an interrupted
	// run.
	follow := (&line{out: out}).followStatus
	if isLine := mode == string(progressui.TtyMode) || mode == string(progressui.AutoMode); isLine &&
		terminal.IsTerminal(out) {
		d.tick = frame
		d.maxTick = frame
	} else {
		ui, err := progressui.NewDisplay(out, progressui.DisplayMode(mode))
		if err != nil {
			return nil, fmt.Errorf("progress mode %q: %w; use one of %v", mode, err, modes)
		}
		follow = func(status <-chan *client.SolveStatus) error {
			_, err := ui.UpdateFrom(context.Background(), d.status)
			return err
		}
	}
	go func() {
		defer close(d.done)
		d.err = follow(d.status)
		for range d.status { // a display that cannot write must not block the run
		}
	}()
	return d, nil
}

// Close waits until everything is shown. All stages and engines must have ended.
func (d *Display) Close() error {
	d.sources.Wait()
	close(d.status)
	<-d.done
	return d.err
}

// Engine returns a channel for the status of one BuildKit build, which closes the channel.
func (d *Display) Engine() chan *client.SolveStatus {
	ch := make(chan *client.SolveStatus)
	d.sources.Go(func() {
		for s := range ch {
			d.status <- s
		}
	})
	return ch
}

// Stage runs fn as a named stage. It calls tell for a progress message while fn runs and when fn
// ends. If tell is nil, the stage shows no progress.
func (d *Display) Stage(name string, tell func() string, fn func() error) error {
	if tell == nil {
		return d.Narrate(name, func(func(string)) error { return fn() })
	}
	return d.Narrate(name, func(say func(string)) error {
		stop := make(chan struct{})
		var ticking sync.WaitGroup
		ticking.Go(func() { d.reportProgress(say, tell, stop) })
		err := fn()
		close(stop)
		ticking.Wait()
		say(tell())
		return err
	})
}

// Narrate runs fn as a named stage. fn calls say to show a line.
func (d *Display) Narrate(name string, fn func(say func(line string)) error) error {
	started := time.Now()
	vertex := client.Vertex{Digest: digest.FromString(name), Name: name, Started: &started}
	d.sendStatus(&client.SolveStatus{Vertexes: []*client.Vertex{&vertex}})
	err := fn(func(line string) { d.showLogLine(vertex.Digest, line) })
	ended := vertex
	now := time.Now()
	ended.Completed = &now
	if err != nil {
		ended.Error = d.describeError(err)
	}
	d.sendStatus(&client.SolveStatus{Vertexes: []*client.Vertex{&ended}})
	return err
}

// describeError returns the text of a stage's error. If one of several concurrent stages fails, the
// others end with the same error and are shown as cancelled.
func (d *Display) describeError(err error) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure == nil {
		d.failure = err
		return err.Error()
	}
	if errors.Is(err, d.failure) {
		return context.Canceled.Error()
	}
	return err.Error()
}

// reportProgress reports the progress of a stage until stop is closed.
func (d *Display) reportProgress(say func(string), tell func() string, stop <-chan struct{}) {
	wait := d.tick
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
			say(tell())
			wait = min(2*wait, d.maxTick)
			timer.Reset(wait)
		}
	}
}

// showLogLine shows a line below a stage.
func (d *Display) showLogLine(vertex digest.Digest, line string) {
	d.sendStatus(&client.SolveStatus{Logs: []*client.VertexLog{{
		Vertex: vertex, Stream: 1, Data: []byte(line + "\n"), Timestamp: time.Now(),
	}}})
}

// sendStatus counts as a source, so that Close waits for it.
func (d *Display) sendStatus(s *client.SolveStatus) {
	d.sources.Add(1)
	defer d.sources.Done()
	d.status <- s
}
