// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// command runs a program and returns its standard output, or an error with its standard error.
func command(ctx context.Context, stdin, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err,
			stderr.String())
	}
	return stdout.String(), nil
}

func mustRun(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), "", program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// patience limits each wait.
const patience = 2 * time.Minute

// eventually retries until there is no error, for at most patience.
func eventually(t testing.TB, ask func() error) {
	t.Helper()
	within(t, patience, ask)
}

// within retries until there is no error, for at most the given time.
func within(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %v", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func decode[T any](t testing.TB, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// wantError fails unless err contains text.
func wantError(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error with %q", err, text)
	}
}

var errNotYet = errors.New("not yet")
