// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	statusTimeout = 10 * time.Second
	// maxStatus bounds the answer of the sidecar, in bytes.
	maxStatus = 64 << 20
)

// statusFlags are those of status.
type statusFlags struct{ url, format string }

func (f *statusFlags) set(env map[string]string) *flag.FlagSet {
	fs := flag.NewFlagSet("status", flag.ContinueOnError)
	fs.StringVar(&f.url, "url", "http://"+localAddress(env), "`URL` of the sidecar")
	formatFlag(fs, &f.format)
	return fs
}

// localAddress is the first address at which [listenAddress] can be reached.
func localAddress(env map[string]string) string {
	addresses, err := targetAddresses(listenAddress(env))
	if err != nil {
		return ""
	}
	return addresses[0]
}

// status asks a running sidecar. Its exit code is that of once at this moment.
func (a *app) status(ctx context.Context, args []string) error {
	var f statusFlags
	if err := parse(f.set(a.env), args); err != nil {
		return err
	}
	raw, err := fetchStatus(ctx, f.url)
	if err != nil {
		return err
	}
	var s state.Snapshot
	if err := json.Unmarshal(raw, &s); err != nil || s.SchemaVersion != state.SchemaVersion {
		return &exitError{code: exitUnavailable, err: fmt.Errorf("%s does not answer as a sidecar of this version does", f.url)}
	}
	if f.format == "json" {
		_, err = a.Out.Write(raw)
	} else {
		err = writeStatus(a.Out, &s, time.Now())
	}
	return cmp.Or(err, verdict(&s))
}

func fetchStatus(ctx context.Context, base string) ([]byte, error) {
	fail := func(text string) ([]byte, error) {
		return nil, &exitError{code: exitUnavailable, err: errors.New("ask the sidecar: " + text)}
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError(errors.New("--url: want http://host:port"))
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("status").String(), http.NoBody)
	if err != nil {
		return nil, usageError(errors.New("--url: want http://host:port"))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // never through a proxy
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the address, which the user knows
		}
		return fail(err.Error())
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail("HTTP " + resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return fail(err.Error())
	}
	return data, nil
}

// verdict is the exit code that a state stands for.
func verdict(s *state.Snapshot) error {
	switch {
	case s.Problem != nil:
		return quiet(codeOf(s.Problem.Reason))
	case !s.Confirmed:
		return quiet(exitUnknown)
	}
	return nil
}

func describeRelease(s *state.Snapshot) string {
	r := &s.Release
	n := 0
	for _, g := range s.Groups {
		n += len(g.Workspaces)
	}
	return fmt.Sprintf("%s of repository %s, %d groups, %d workspaces, verification %s",
		cmp.Or(r.Name, "unnamed"), cmp.Or(r.Repository, "not known yet"), len(s.Groups), n, r.Verification)
}

// writeStatus tells the state to a person.
func writeStatus(w io.Writer, s *state.Snapshot, now time.Time) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	ready := "no"
	if s.Gate.Open {
		ready = "yes"
	}
	line("ready", "%s (%s)", ready, s.Gate.Why)
	line("phase", "%s for %s", s.Phase, now.Sub(s.Since).Round(time.Second))
	line("release", "%s", describeRelease(s))
	if s.Mode != "" {
		line("mode", "%s", s.Mode)
	}
	for _, g := range s.Groups {
		line("group", "%-12s %-10s %s", g.Name, g.State, tally(g.Workspaces))
		for _, ws := range g.Workspaces {
			if ws.Error != "" {
				line("", "%s: %s: %s", ws.Slug, ws.State, ws.Error)
			}
		}
	}
	if s.Lock != nil {
		line("lock", "%s", describeLock(s.Lock, now))
	}
	if s.Drift != nil && len(s.Drift.Workspaces) > 0 {
		line("drift", "%s", strings.Join(s.Drift.Workspaces, ", "))
	}
	for _, w := range s.Warnings {
		line("warning", "%s: %s", w.Name, w.Text)
	}
	if p := s.Problem; p != nil {
		line("problem", "%s: %s", p.Reason, p.Message)
		line("remedy", "%s", p.Remedy)
		line("runbook", "%s", p.Runbook)
	}
	if s.NextAttempt != nil && s.NextAttempt.After(now) {
		line("next", "attempt in %s", s.NextAttempt.Sub(now).Round(time.Second))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func describeLock(l *state.LockInfo, now time.Time) string {
	text := fmt.Sprintf("held by %s (%s) for %s", l.By, l.Reason, now.Sub(l.Since).Round(time.Second))
	if l.Pod != "" && l.Pod != l.By {
		text += ", from pod " + l.Pod
	}
	if l.Orphaned {
		text += ", whose service was stopped since"
	}
	if l.EndsBy != nil {
		text += ", ends at " + l.EndsBy.UTC().Format(time.TimeOnly) + " UTC at the latest"
	}
	return text
}

// tally counts workspaces by state, in the order of the states.
func tally(all []state.Workspace) string {
	count := map[state.WorkspaceState]int{}
	for _, w := range all {
		count[w.State]++
	}
	var parts []string
	for _, s := range state.WorkspaceStates() {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// clean takes control characters out of texts that come from elsewhere.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}
