// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// The validation reads several files at a time. Its results depend on neither the number of
// processors nor the time that a file takes.
func TestReadingIsTheSameOnAnyNumberOfProcessors(t *testing.T) {
	f := newFixture(t)
	for i := range 40 {
		slug := fmt.Sprintf("w%02d", i%20)
		f.write(t, slug+"/index.yml", "name: "+slug+"\nslug: other\n")
		const instructions = "slug: x\ndo: [{emit: }, {fetsh: {}}, {'Mail.sendd': {}}]\n# {{secret.key}}\n"
		padding := strings.Repeat("# padding\n", 1000*(i%3))
		f.write(t, fmt.Sprintf("%s/automations/%02d.yml", slug, i), instructions+padding)
		f.write(t, fmt.Sprintf("%s/pages/%02d.yml", slug, i), "a: [\n")
	}
	var want *pipeline.Reading
	for _, processors := range []int{1, 4, 4, 4} {
		before := runtime.GOMAXPROCS(processors)
		got, err := read(t, t.Context(), f, pipeline.Checks{Workspaces: f.opts.Checks.Workspaces})
		runtime.GOMAXPROCS(before)
		if got == nil || len(got.Diagnostics) < 100 {
			t.Fatalf("reading %+v, error %v", got, err)
		}
		if want == nil {
			want = got
			continue
		}
		if diff := cmp.Diff(want.Diagnostics, got.Diagnostics); diff != "" {
			t.Errorf("diagnostics on 1 (-) and %d (+) processors:\n%s", processors, diff)
		}
		if diff := cmp.Diff(want.Repository.Manifest(), got.Repository.Manifest()); diff != "" {
			t.Errorf("workspaces on 1 (-) and %d (+) processors:\n%s", processors, diff)
		}
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
