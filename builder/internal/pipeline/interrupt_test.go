// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/scan"
)

// interruption is the cause of an early end. Like the cause of a signal, it is a
// [context.Canceled].
type interruption struct{}

func (interruption) Error() string        { return "interrupt signal received" }
func (interruption) Is(target error) bool { return target == context.Canceled }

// An interruption at any point ends the run soon, reports the cause, and leaves nothing behind.
func TestInterruptions(t *testing.T) {
	// request interrupts a run at a request to the registry, which gets no response.
	request := func(method, path string) func(*testing.T, *fixture, func()) {
		return func(_ *testing.T, f *fixture, stop func()) {
			f.hook.on(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method != method || !strings.Contains(r.URL.Path, path) {
					return false
				}
				io.Copy(io.Discard, r.Body) // a server notices a disconnect only after reading the body
				stop()
				<-r.Context().Done()
				return true
			})
		}
	}
	tests := map[string]func(t *testing.T, f *fixture, stop func()){
		"before it begins":        func(_ *testing.T, _ *fixture, stop func()) { stop() },
		"base is resolved":        request(http.MethodHead, "/base/manifests/1"),
		"base's manifest is read": request(http.MethodGet, "/base/manifests/"),
		"base's configuration":    request(http.MethodGet, "/base/blobs/"),
		"blob is looked for":      request(http.MethodHead, "/out/blobs/"),
		"blob is uploaded":        request(http.MethodPost, "/blobs/uploads/"),
		"blob is committed":       request(http.MethodPut, "/blobs/uploads/"),
		"manifest is pushed":      request(http.MethodPut, "/manifests/sha256:"),
		"name is looked for":      request(http.MethodHead, "/out/manifests/v1"),
		"first name is pushed":    request(http.MethodPut, "/out/manifests/v1"),
		"scan, which hangs": func(t *testing.T, f *fixture, stop func()) {
			f.detect(t, func(ctx context.Context, _ scan.File) (scan.Result, error) {
				stop()
				<-ctx.Done()
				return scan.Result{}, ctx.Err()
			})
		},
		"scan, which goes on": func(t *testing.T, f *fixture, stop func()) {
			f.duringTheScan(t, func() error { stop(); return nil })
		},
		"scan, while the base hangs": func(t *testing.T, f *fixture, stop func()) {
			request(http.MethodHead, "/base/")(t, f, func() {})
			f.duringTheScan(t, func() error { stop(); return nil })
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			prepare(t, f, func() { cancel(interruption{}) })
			started := time.Now()
			_, _, err := f.build(t, ctx)
			if !errors.Is(err, interruption{}) || !errors.Is(err, context.Canceled) {
				t.Errorf("error %v does not tell of the interruption", err)
			}
			var failure *pipeline.Error
			if errors.As(err, &failure) {
				t.Errorf("the interruption is told as an error of kind %d", failure.Kind)
			}
			if took := time.Since(started); took > patience {
				t.Errorf("it took %s", took)
			}
			f.unpublished(t)
		})
	}
}

// A base that cannot be resolved also ends the scan.
func TestFailureOfOnePartEndsTheOther(t *testing.T) {
	f := newFixture(t)
	f.opts.BaseRef = f.reg.Ref("nosuch:1")
	f.detect(t, func(ctx context.Context, _ scan.File) (scan.Result, error) {
		<-ctx.Done()
		return scan.Result{}, ctx.Err()
	})
	f.refuse(t, pipeline.Registry)
}
