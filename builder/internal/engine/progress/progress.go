// SPDX-License-Identifier: AGPL-3.0-or-later

// Package progress shows the stages of a run and BuildKit's own progress in
// one display. A terminal has one line that moves; otherwise the display is BuildKit's, as
// users of docker buildx know it.
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
)

// modes lists what [New] takes as mode.
var modes = []progressui.DisplayMode{
	progressui.AutoMode, progressui.TtyMode, progressui.PlainMode, progressui.RawJSONMode, progressui.QuietMode,
}

const (
	// tick is the time to the first report of a running stage where each report is a line of
	// its own. It doubles with each one, up to maxTick, so that a log stays short.
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

// New starts a display on out. Mode is auto, tty, plain, rawjson or quiet; auto
// means tty where out is a terminal and plain where it is not. Tty is one line that moves; it
// is erased when the display is closed.
func New(out io.Writer, mode string) (*Display, error) {
	d := &Display{status: make(chan *client.SolveStatus), done: make(chan struct{}), tick: tick, maxTick: maxTick}
	// The display outlives the run's context, so that an interrupted run shows its end.
	follow := (&line{out: out}).follow
	if isLine := mode == string(progressui.TtyMode) || mode == string(progressui.AutoMode); isLine && IsTerminal(out) {
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
		for range d.status { // a display that cannot write must not hold up the run
		}
	}()
	return d, nil
}

// Close waits until everything is shown. Stages and engines must have ended.
func (d *Display) Close() error {
	d.sources.Wait()
	close(d.status)
	<-d.done
	return d.err
}

// Engine returns a channel for the status of one BuildKit build, which closes it.
func (d *Display) Engine() chan *client.SolveStatus {
	ch := make(chan *client.SolveStatus)
	d.sources.Go(func() {
		for s := range ch {
			d.status <- s
		}
	})
	return ch
}

// Stage runs fn as a named stage. While it runs, and when it ends, tell is asked
// how far it is; a nil tell means that there is nothing to say.
func (d *Display) Stage(name string, tell func() string, fn func() error) error {
	if tell == nil {
		return d.Narrate(name, func(func(string)) error { return fn() })
	}
	return d.Narrate(name, func(say func(string)) error {
		stop := make(chan struct{})
		var ticking sync.WaitGroup
		ticking.Go(func() { d.watch(say, tell, stop) })
		err := fn()
		close(stop)
		ticking.Wait()
		say(tell())
		return err
	})
}

// Narrate runs fn as a named stage, which says lines as things happen.
func (d *Display) Narrate(name string, fn func(say func(line string)) error) error {
	started := time.Now()
	vertex := client.Vertex{Digest: digest.FromString(name), Name: name, Started: &started}
	d.send(&client.SolveStatus{Vertexes: []*client.Vertex{&vertex}})
	err := fn(func(line string) { d.log(vertex.Digest, line) })
	ended := vertex
	now := time.Now()
	ended.Completed = &now
	if err != nil {
		ended.Error = d.describe(err)
	}
	d.send(&client.SolveStatus{Vertexes: []*client.Vertex{&ended}})
	return err
}

// describe returns the text of a stage's error. Stages that run at the same time end with
// the error of the one that failed: the display shows those others as cancelled.
func (d *Display) describe(err error) string {
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

// watch reports a stage until it ends.
func (d *Display) watch(say func(string), tell func() string, stop <-chan struct{}) {
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

// log adds a line below a stage.
func (d *Display) log(vertex digest.Digest, line string) {
	d.send(&client.SolveStatus{Logs: []*client.VertexLog{{
		Vertex: vertex, Stream: 1, Data: []byte(line + "\n"), Timestamp: time.Now(),
	}}})
}

// send counts as a source, so that Close waits for it.
func (d *Display) send(s *client.SolveStatus) {
	d.sources.Add(1)
	defer d.sources.Done()
	d.status <- s
}
