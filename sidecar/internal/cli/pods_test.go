// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestSurvey covers the result of one round for pods in each condition.
func TestSurvey(t *testing.T) {
	confirmed := func(digest string) podStatus {
		return podStatus{address: "10.0.0.1:9400", state: &state.Snapshot{Confirmed: true,
			Release: state.Release{Name: "v2", ManifestDigest: digest}, Current: &state.Current{Named: digest}}}
	}
	with := func(r state.Reason) podStatus {
		return podStatus{address: "10.0.0.2:9400", state: &state.Snapshot{Confirmed: true,
			Problem: state.NewProblem(r, "why\x1b[2J", "")}}
	}
	silent := podStatus{address: "10.0.0.3:9400", err: errors.New("connection refused")}
	imports := podStatus{address: "10.0.0.4:9400", state: &state.Snapshot{Phase: state.Import}}
	bare := podStatus{address: "10.0.0.5:9400", state: &state.Snapshot{Confirmed: true}}
	for name, k := range map[string]struct {
		named string
		least int
		pods  []podStatus
		code  int
		says  string
	}{
		"all confirmed":                {"", 1, []podStatus{confirmed("a"), confirmed("a")}, 0, "confirmed, release v2"},
		"all at the current one":       {"a", 1, []podStatus{confirmed("a")}, 0, "confirmed, release v2"},
		"too few":                      {"", 2, []podStatus{confirmed("a")}, exitUnknown, "1 of 2 pods"},
		"none":                         {"", 1, nil, exitUnknown, "0 of 1 pods"},
		"two releases":                 {"", 1, []podStatus{confirmed("a"), confirmed("b")}, exitMismatch, "different releases"},
		"one lost its release":         {"", 1, []podStatus{confirmed("a"), with(state.ForeignRelease)}, exitDrift, "foreign-release: why\ufffd[2J"},
		"one is superseded":            {"", 1, []podStatus{with(state.Superseded)}, exitMismatch, "superseded"},
		"one imports, one failed":      {"", 1, []podStatus{imports, with(state.SlugTaken)}, exitImport, "phase Import"},
		"one imports":                  {"", 1, []podStatus{confirmed("a"), imports}, exitUnknown, "1 of 2 pods"},
		"one does not answer":          {"", 1, []podStatus{imports, silent}, exitUnavailable, "connection refused"},
		"one has not read the new one": {"b", 1, []podStatus{confirmed("a")}, exitUnknown, "still reads that a is"},
		"one reads no file":            {"a", 1, []podStatus{bare}, exitMismatch, "has no --current-release-file"},
	} {
		s := &survey{statusFlags: &statusFlags{pods: k.least}, current: k.named}
		lines, err := s.summarize(k.pods)
		text := strings.Join(lines, "\n")
		if err != nil {
			text += "\n" + err.Error()
		}
		if code := exitCode(t.Context(), err); code != k.code || len(lines) != len(k.pods) ||
			!strings.Contains(text, k.says) {
			t.Errorf("%s: exit code %d, want %d:\n%s", name, code, k.code, text)
		}
	}
}

// TestResolve checks that every address of a name is found, with the port.
func TestResolve(t *testing.T) {
	for base, want := range map[string][]string{
		"http://127.0.0.1:9400": {"127.0.0.1:9400"}, "http://[::1]:9400": {"[::1]:9400"}, "http://127.0.0.1": {"127.0.0.1:80"},
	} {
		u, err := parseURL(base)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resolveAddresses(t.Context(), u)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", base, err, diff)
		}
	}
	for _, base := range []string{"", "127.0.0.1:9400", "ftp://x", "http://", "http://:9400", "http://%zz"} {
		if _, err := parseURL(base); exitCode(t.Context(), err) != exitUsage {
			t.Errorf("%q: %v", base, err)
		}
	}
}
