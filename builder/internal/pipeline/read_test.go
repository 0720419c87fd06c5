// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/engine/progress"
	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
)

// read reads the source of a fixture with the given checks.
func read(t *testing.T, ctx context.Context, f *fixture, checks pipeline.Checks) (*pipeline.Reading, error) {
	t.Helper()
	display, err := progress.New(io.Discard, "plain")
	if err != nil {
		t.Fatal(err)
	}
	defer display.Close()
	return pipeline.Read(ctx, display, f.opts.Input, checks)
}

func TestReadMakesTheChecksThatAreAskedFor(t *testing.T) {
	f := newFixture(t)
	f.write(t, "mail/automations/x.yml", "a: [\n# "+planted+"\n")
	all := f.opts.Checks
	tests := map[string]struct {
		checks pipeline.Checks
		want   pipeline.Kind
	}{
		"validation":          {pipeline.Checks{Workspaces: all.Workspaces}, pipeline.Invalid},
		"scan":                {pipeline.Checks{Scanner: all.Scanner}, pipeline.Secrets},
		"validation and scan": {all, pipeline.Secrets},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reading, err := read(t, t.Context(), f, test.checks)
			var failure *pipeline.Error
			if !errors.As(err, &failure) || failure.Kind != test.want {
				t.Errorf("error %v", err)
			}
			if reading == nil || reading.Files != len(samples())+1 || reading.Bytes == 0 {
				t.Fatalf("reading %+v", reading)
			}
			if (reading.Plan != nil) != (test.checks.Workspaces != nil) ||
				(reading.Scan != nil) != (test.checks.Scanner != nil) {
				t.Errorf("plan %v, scan %v", reading.Plan, reading.Scan)
			}
		})
	}
	if got := f.reg.Requests(); len(got) > 0 {
		t.Errorf("the registry was asked: %v", got)
	}
}

func TestReadThatCannotReadHasNoReading(t *testing.T) {
	f := newFixture(t)
	f.read(t, f.src+"/nowhere")
	reading, err := read(t, t.Context(), f, f.opts.Checks)
	var failure *pipeline.Error
	if reading != nil || !errors.As(err, &failure) || failure.Kind != pipeline.Source ||
		!strings.Contains(err.Error(), "nowhere") {
		t.Errorf("reading %v, error %v", reading, err)
	}
}

func TestReadEndsWhenItIsInterrupted(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interruption{})
	for _, checks := range []pipeline.Checks{f.opts.Checks, {Workspaces: f.opts.Checks.Workspaces},
		{Scanner: f.opts.Checks.Scanner}} {
		if _, err := read(t, ctx, f, checks); !errors.Is(err, interruption{}) {
			t.Errorf("error %v", err)
		}
	}
}
