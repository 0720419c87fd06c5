// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// reloads records the calls of a [Live].
type reloads []string

func (l *reloads) reloaded(c *Config, err error) {
	if err != nil {
		*l = append(*l, "failure, "+c.Repository)
		return
	}
	*l = append(*l, "success, "+c.Repository)
}

func TestLiveKeepsWhatWorks(t *testing.T) {
	path := file(t, "repository: one")
	var got reloads
	live, err := NewLive(t.Context(), NewLoader([]string{"--config", path}, nil), got.reloaded)
	if err != nil {
		t.Fatal(err)
	}
	first := live.Get()
	step := func(content, failure string, same bool) {
		t.Helper()
		old := live.Get()
		rewrite(t, path, content)
		err := live.Refresh(t.Context())
		if (err == nil) != (failure == "") || err != nil && !strings.Contains(err.Error(), failure) {
			t.Errorf("%q: %v, want %q", content, err, failure)
		}
		if (live.Get() == old) != same {
			t.Errorf("%q: the configuration stays: %t", content, !same)
		}
	}
	step("repository: one", "", true) // no change, no call
	step("repository: two", "", false)
	step("repository: [", "invalid YAML", true)
	step("repository: [", "invalid YAML", true) // not reported again
	step("repository: three\nlisten: :1", "restart the pod to change listen", true)
	step("repository: three", "", false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := live.Refresh(t.Context()); err == nil || live.Get().Repository != "three" {
		t.Errorf("without a file: %v, %q", err, live.Get().Repository)
	}
	want := reloads{"success, one", "success, two", "failure, two", "failure, two", "success, three", "failure, three"}
	if !slices.Equal(got, want) {
		t.Errorf("reloads: %q", got)
	}
	if first.Repository != "one" {
		t.Error("a configuration in use was changed")
	}
}

func TestLiveDoesNotStartWithoutAConfiguration(t *testing.T) {
	if live, err := NewLive(t.Context(), NewLoader([]string{"--poll=x"}, nil),
		func(*Config, error) { t.Error("reloads") }); err == nil || live != nil {
		t.Errorf("%v, %v", live, err)
	}
}

func TestReloadWithoutAFile(t *testing.T) {
	var got reloads
	live, err := NewLive(t.Context(), NewLoader(nil, nil), got.reloaded)
	if err != nil {
		t.Fatal(err)
	}
	if err := live.Refresh(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("%v, %q", err, got)
	}
	if err := live.Reload(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("%v, %q", err, got)
	}
}

func TestShutdownDuringAReloadIsNotAFailure(t *testing.T) {
	path := file(t, "repository: one")
	var got reloads
	live, err := NewLive(t.Context(), NewLoader([]string{"--config", path}, nil), got.reloaded)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("repository: two"), 0o600); err != nil { // the load waits for it
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := live.Refresh(ctx); !errors.Is(err, context.Canceled) || len(got) != 1 {
		t.Errorf("%v, reloads: %q", err, got)
	}
	if err := live.Refresh(t.Context()); err != nil || live.Get().Repository != "two" {
		t.Errorf("the next one: %v, %q", err, live.Get().Repository)
	}
}
