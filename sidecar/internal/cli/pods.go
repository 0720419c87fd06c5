// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

const (
	// pollInterval is the interval between two rounds of a wait.
	pollInterval = 2 * time.Second
	// reportInterval is the interval at which an unchanged wait is reported again.
	reportInterval = 30 * time.Second
	// maxConcurrentQueries is the maximum number of concurrent queries.
	maxConcurrentQueries = 8
)

// podStatus is the response of one sidecar.
type podStatus struct {
	address string
	raw     []byte
	state   *state.Snapshot // nil if the query failed
	err     error           // of the query
}

// survey queries the sidecars behind one URL.
type survey struct {
	*statusFlags
	current string // content of --current-release-file, "" if not set
}

// newSurvey reads --current-release-file once, because its content may change during a wait.
func (f *statusFlags) newSurvey(ctx context.Context) (*survey, error) {
	s := &survey{statusFlags: f}
	if f.current == "" {
		return s, nil
	}
	data, err := watch.Read(ctx, f.current, importer.MaxCurrent)
	if err == nil {
		s.current, err = importer.ParseCurrent(data)
	}
	if err != nil {
		return nil, &exitError{code: exitMismatch, err: fmt.Errorf("read the current release: %s: %w", f.current, err)}
	}
	return s, nil
}

// queryAll queries every address of the host concurrently. The results are in the order of the
// addresses.
func (s *survey) queryAll(ctx context.Context) ([]podStatus, error) {
	u, err := parseURL(s.url)
	if err != nil {
		return nil, err
	}
	addresses := []string{u.Host}
	if s.all {
		if addresses, err = resolveAddresses(ctx, u); err != nil {
			return nil, &exitError{code: exitUnavailable, err: err}
		}
	}
	pods := make([]podStatus, len(addresses))
	places := make(chan struct{}, maxConcurrentQueries)
	var all sync.WaitGroup
	for n, address := range addresses {
		all.Go(func() {
			places <- struct{}{}
			pods[n] = s.queryPod(ctx, u, address)
			<-places
		})
	}
	all.Wait()
	return pods, nil
}

func (s *survey) queryPod(ctx context.Context, u *url.URL, address string) podStatus {
	one := *u
	one.Host = address
	raw, got, err := fetchStatus(ctx, &one, s.fresh)
	return podStatus{address: address, raw: raw, state: got, err: err}
}

// resolveAddresses resolves the URL's host and returns each address with the URL's port, sorted.
func resolveAddresses(ctx context.Context, u *url.URL) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, u.Hostname())
	if err != nil {
		return nil, fmt.Errorf("find the sidecars: %w", err)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	for n, address := range found {
		found[n] = net.JoinHostPort(address, cmp.Or(u.Port(), "80"))
	}
	return found, nil
}

// judgePod describes the state of a pod. The code is 0 if the pod has confirmed the current
// release, otherwise the exit code for its problem.
func (s *survey) judgePod(p *podStatus) (text string, code int) {
	switch now := p.state; {
	case p.err != nil:
		return p.err.Error(), exitUnavailable
	case now.Problem != nil:
		return string(now.Problem.Reason) + ": " + now.Problem.Message, exitCodeFor(now.Problem.Reason)
	case !now.Confirmed:
		return "not confirmed yet, phase " + string(now.Phase), exitUnknown
	case s.current != "" && now.Current == nil:
		return "the sidecar has no --current-release-file", exitMismatch
	case s.current != "" && now.Current.Named != s.current:
		return "the sidecar still reads that " + now.Current.Named + " is the current release", exitUnknown
	}
	return "confirmed, release " + cmp.Or(p.state.Release.Name, "unnamed"), 0
}

// summarize describes each pod on a line. The error has the exit code of the round.
func (s *survey) summarize(pods []podStatus) (lines []string, err error) {
	confirmed := 0
	code := 0
	digests := []string{}
	for n := range pods {
		text, one := s.judgePod(&pods[n])
		lines = append(lines, terminal.Safe(fmt.Sprintf("%-24s %s", pods[n].address, text)))
		if one == 0 {
			confirmed++
			digests = append(digests, pods[n].state.Release.ManifestDigest)
		}
		if one != 0 && (code == 0 || code == exitUnknown) {
			code = one // any other code is more specific than "unknown"
		}
	}
	slices.Sort(digests)
	switch {
	case code != 0 || confirmed < s.pods:
		return lines, &exitError{
			code: cmp.Or(code, exitUnknown),
			err:  fmt.Errorf("%d of %d pods are confirmed", confirmed, max(s.pods, len(pods))),
		}
	case len(slices.Compact(digests)) > 1:
		return lines, &exitError{code: exitMismatch, err: errors.New("the pods carry different releases")}
	}
	return lines, nil
}

// round holds the results of one query of all pods.
type round struct {
	pods  []podStatus
	lines []string
	err   error // nil if every pod is confirmed
}

func (s *survey) queryRound(ctx context.Context) round {
	var r round
	if r.pods, r.err = s.queryAll(ctx); r.err != nil {
		r.lines = []string{r.err.Error()}
		return r
	}
	r.lines, r.err = s.summarize(r.pods)
	return r
}

// waitForAll queries until every pod is confirmed, and reports changes. It returns the last round
// that completed before the timeout. The timeout never cuts off the first round, so that there is
// always a result.
func (s *survey) waitForAll(ctx context.Context, progress io.Writer) round {
	limited, cancel := withTimeout(ctx, s.wait)
	defer cancel()
	begin := time.Now()
	last := s.queryRound(ctx)
	var reported []string
	lastReport := time.Time{}
	for last.err != nil && !isUsageError(last.err) {
		if !slices.Equal(reported, last.lines) || time.Since(lastReport) >= reportInterval {
			lastReport = time.Now()
			reported = last.lines
			fmt.Fprintf(progress, "after %s of %s: %v\n  %s\n",
				lastReport.Sub(begin).Round(time.Second), s.wait, last.err, strings.Join(last.lines, "\n  "))
		}
		if backoff.Sleep(limited, pollInterval) != nil {
			last.err = timeoutError(limited, last.err)
			return last
		}
		if r := s.queryRound(limited); r.err == nil || limited.Err() == nil {
			last = r
		}
	}
	return last
}

func isUsageError(err error) bool {
	own, ok := errors.AsType[*exitError](err)
	return ok && own.code == exitUsage
}

// timeoutError returns the error of a wait that ctx ended after a round with the error err.
func timeoutError(ctx context.Context, err error) error {
	own, ok := errors.AsType[*exitError](err)
	if !errors.Is(context.Cause(ctx), errTimeout) || !ok {
		return context.Cause(ctx)
	}
	return &exitError{code: own.code, err: fmt.Errorf("%w: %w", errTimeout, own.err)}
}
