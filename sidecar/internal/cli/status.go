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
	statusTimeout = 15 * time.Second
	// maxStatus bounds the answer of the sidecar, in bytes.
	maxStatus = 64 << 20
)

// statusFlags are those of status.
type statusFlags struct {
	url, format, current string
	fresh, all           bool
	wait                 time.Duration
	pods                 int
}

func (f *statusFlags) set(env map[string]string) *flag.FlagSet {
	fs := flag.NewFlagSet("status", flag.ContinueOnError)
	fs.StringVar(&f.url, "url", "http://"+localAddress(env), "ask the sidecar at this `URL`")
	fs.BoolVar(&f.fresh, "fresh", false, "have the sidecar ask the platform now whether it has the release; end with exit code 10 if not")
	fs.BoolVar(&f.all, "all", false, "ask each address of the host in --url, such as that of a headless Service, and print one line for each pod")
	fs.IntVar(&f.pods, "pods", 1, "demand at least this `number` of pods, with --all")
	fs.DurationVar(&f.wait, "wait", 0, "wait at most this `time` until every pod is confirmed, and print what changes (0: do not wait)")
	fs.StringVar(&f.current, "current-release-file", "",
		"demand that every pod has read the same current release as is in this `file` (empty: do not compare)")
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

// status asks running sidecars. Its exit code is that of once at this moment.
func (a *app) status(ctx context.Context, args []string) error {
	var f statusFlags
	if err := parse(f.set(a.env), args); err != nil {
		return err
	}
	s, err := f.newSurvey(ctx)
	if err != nil {
		return err
	}
	if f.wait < 0 || f.pods < 1 {
		return usageError(errors.New("--wait and --pods: want a time that is not negative, and at least one pod"))
	}
	if f.all || f.wait > 0 {
		return a.statusOfAll(ctx, s)
	}
	pods, err := s.ask(ctx)
	if err != nil {
		return err
	}
	return a.statusOfOne(s, &pods[0])
}

// statusOfOne prints the whole status of one sidecar.
func (a *app) statusOfOne(s *survey, p *podStatus) error {
	if p.err != nil {
		return &exitError{code: exitUnavailable, err: fmt.Errorf("ask the sidecar: %w", p.err)}
	}
	var err error
	if s.format == "json" {
		_, err = a.Out.Write(p.raw)
	} else {
		err = writeStatus(a.Out, p.state, time.Now())
	}
	if _, code := s.judge(p); err == nil && code != 0 {
		return quiet(code)
	}
	return err
}

// statusOfAll prints one line for each sidecar, after the wait that was asked for.
func (a *app) statusOfAll(ctx context.Context, s *survey) error {
	var r round
	if s.wait > 0 {
		r = s.awaitAll(ctx, a.Err)
	} else {
		r = s.round(ctx)
	}
	for n, p := range r.pods {
		if s.format != "json" {
			fmt.Fprintln(a.Out, r.lines[n])
		} else if p.err == nil {
			_, _ = a.Out.Write(p.raw) // it ends with a line feed
		}
	}
	return r.err
}

func parseURL(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, usageError(errors.New("--url: want http://host:port"))
	}
	return u, nil
}

// fetchStatus asks one sidecar, and has it take a look at the platform before if fresh.
func fetchStatus(ctx context.Context, base *url.URL, fresh bool) ([]byte, *state.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	u := base.JoinPath("status")
	if fresh {
		u.RawQuery = "fresh=true"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // never through a proxy
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the address, which the user knows
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("HTTP %s", resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return nil, nil, err
	}
	s := new(state.Snapshot)
	if err := json.Unmarshal(data, s); err != nil || s.SchemaVersion != state.SchemaVersion {
		return nil, nil, fmt.Errorf("%s does not answer as a sidecar of this version does", base)
	}
	if fresh && s.Look == nil && s.Problem == nil {
		return nil, nil, errors.New("the sidecar is of a version that takes no fresh look")
	}
	return data, s, nil
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

// writeStatus writes the state as text.
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
	if c := s.Current; c != nil {
		line("current", "%s (%s)", c.Named, map[bool]string{false: "this pod's release", true: "another release"}[c.Superseded])
	}
	if l := s.Look; l != nil {
		line("look", "%s", describeLook(l))
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
	if len(s.Foreign) > 0 {
		line("foreign", "%s", state.Some(s.Foreign))
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

// describeLook says what the platform has.
func describeLook(l *state.Look) string {
	switch p := l.Problem(); {
	case p != nil:
		return p.Message
	case !l.VersionsTold:
		return "every workspace is there; the platform does not tell at which version"
	}
	return "the platform has every workspace of the release"
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
