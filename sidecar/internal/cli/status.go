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

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const (
	statusTimeout = 15 * time.Second
	// maxStatus limits the response, in bytes.
	maxStatus = 64 << 20
)

// statusFlags are the flags of the status command.
type statusFlags struct {
	url, format, current string
	fresh, all           bool
	wait                 time.Duration
	pods                 int
}

func (f *statusFlags) newFlagSet(env map[string]string) *flag.FlagSet {
	fs := flag.NewFlagSet("status", flag.ContinueOnError)
	fs.StringVar(&f.url, "url", "http://"+localAddress(env), "query the sidecar at this `URL`")
	fs.BoolVar(&f.fresh, "fresh", false, "make the sidecar ask the platform now whether it has the release; exit with "+
		"code 10 if it does not")
	fs.BoolVar(&f.all, "all", false,
		"query every address of the host in --url, such as a headless Service, and print one line per pod")
	fs.IntVar(&f.pods, "pods", 1, "require at least this `number` of pods, with --all")
	fs.DurationVar(&f.wait, "wait", 0,
		"wait up to this `duration` until every pod is confirmed, and report changes (0: do not wait)")
	fs.StringVar(&f.current, "current-release-file", "",
		"require that every pod has read the current release in this `file` (empty: do not compare)")
	addFormatFlag(fs, &f.format)
	return fs
}

// localAddress returns the first address at which [listenAddress] can be reached.
func localAddress(env map[string]string) string {
	addresses, err := targetAddresses(listenAddress(env))
	if err != nil {
		return ""
	}
	return addresses[0]
}

// runStatus queries running sidecars. Its exit code is the one of [runOnce] at this moment.
func (a *app) runStatus(ctx context.Context, args []string) error {
	var f statusFlags
	if err := parseFlags(f.newFlagSet(a.env), args); err != nil {
		return err
	}
	s, err := f.newSurvey(ctx)
	if err != nil {
		return err
	}
	if f.wait < 0 || f.pods < 1 {
		return usageError(errors.New("--wait must not be negative, and --pods must be at least 1"))
	}
	if f.all || f.wait > 0 {
		return a.printSummaries(ctx, s)
	}
	pods, err := s.queryAll(ctx)
	if err != nil {
		return err
	}
	return a.printStatus(s, &pods[0])
}

// printStatus prints the whole status of one sidecar.
func (a *app) printStatus(s *survey, p *podStatus) error {
	if p.err != nil {
		return &exitError{code: exitUnavailable, err: fmt.Errorf("query the sidecar: %w", p.err)}
	}
	var err error
	if s.format == "json" {
		_, err = a.Out.Write(p.raw)
	} else {
		err = writeStatus(a.Out, p.state, time.Now())
	}
	if _, code := s.judgePod(p); err == nil && code != 0 {
		return printedError(code)
	}
	return err
}

// printSummaries prints one line per sidecar, after waiting if --wait is set.
func (a *app) printSummaries(ctx context.Context, s *survey) error {
	var r round
	if s.wait > 0 {
		r = s.waitForAll(ctx, a.Err)
	} else {
		r = s.queryRound(ctx)
	}
	for n, p := range r.pods {
		if s.format != "json" {
			fmt.Fprintln(a.Out, r.lines[n])
		} else if p.err == nil {
			_, _ = a.Out.Write(p.raw) // it ends with a newline
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

// fetchStatus queries one sidecar. If fresh is true the sidecar checks the platform first.
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
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // never use a proxy
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // drop the URL, which the user has passed
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("HTTP %s", resp.Status)
	}
	data, err := limit.ReadAll(resp.Body, "the response", maxStatus)
	if err != nil {
		return nil, nil, err
	}
	s := new(state.Snapshot)
	if err := json.Unmarshal(data, s); err != nil || s.SchemaVersion != state.SchemaVersion {
		return nil, nil, fmt.Errorf("%s did not respond as a sidecar of this version does", base)
	}
	if fresh && s.PlatformCheck == nil && s.Problem == nil {
		return nil, nil, errors.New("this version of the sidecar does not support a fresh check")
	}
	return data, s, nil
}

func describeRelease(s *state.Snapshot) string {
	r := &s.Release
	n := 0 // workspaces
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
		fmt.Fprintf(&b, "%-10s %s\n", name, terminal.Safe(fmt.Sprintf(format, args...)))
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
		which := "this pod's release"
		if c.Superseded {
			which = "another release"
		}
		line("current", "%s (%s)", c.Named, which)
	}
	if l := s.PlatformCheck; l != nil {
		line("platform", "%s", describeCheck(l))
	}
	for _, g := range s.Groups {
		line("group", "%-12s %-10s %s", g.Name, g.State, countStates(g.Workspaces))
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
		line("foreign", "%s", state.JoinSlugs(s.Foreign))
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
		text += ", whose service has stopped since"
	}
	if l.EndsBy != nil {
		text += ", expires at " + l.EndsBy.UTC().Format(time.TimeOnly) + " UTC at the latest"
	}
	return text
}

// describeCheck describes what the platform has.
func describeCheck(l *state.PlatformCheck) string {
	switch p := l.FindProblem(); {
	case p != nil:
		return p.Message
	case !l.VersionsReported:
		return "every workspace exists; the platform does not report versions"
	}
	return "the platform has every workspace of the release"
}

// countStates counts the workspaces by state, in the order of the states.
func countStates(all []state.Workspace) string {
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
