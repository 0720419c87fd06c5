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

	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
	"github.com/prismeai/workspaces-release/sidecar/internal/watch"
)

const (
	// askEvery is the time between two rounds of a wait.
	askEvery = 2 * time.Second
	// tellEvery is the time after which a wait in which nothing changes is told again.
	tellEvery = 30 * time.Second
	// askAtOnce bounds how many sidecars are asked at the same time.
	askAtOnce = 8
)

// podStatus is what one sidecar said.
type podStatus struct {
	address string
	raw     []byte
	state   *state.Snapshot // nil if it did not answer
	err     error           // why not, or nil
}

// survey asks the sidecars behind one URL.
type survey struct {
	*statusFlags
	named string // what the file of the current release holds, "" without one
}

// newSurvey reads the file of the current release, which may change during a wait.
func (f *statusFlags) newSurvey(ctx context.Context) (*survey, error) {
	s := &survey{statusFlags: f}
	if f.current == "" {
		return s, nil
	}
	data, err := watch.Read(ctx, f.current, importer.MaxCurrent)
	if err == nil {
		s.named, err = importer.ParseCurrent(data)
	}
	if err != nil {
		return nil, &exitError{code: exitMismatch, err: fmt.Errorf("read the current release: %s: %w", f.current, err)}
	}
	return s, nil
}

// ask asks every address of the host at once, in the order of addresses.
func (s *survey) ask(ctx context.Context) ([]podStatus, error) {
	u, err := parseURL(s.url)
	if err != nil {
		return nil, err
	}
	addresses := []string{u.Host}
	if s.all {
		if addresses, err = resolve(ctx, u); err != nil {
			return nil, &exitError{code: exitUnavailable, err: err}
		}
	}
	pods := make([]podStatus, len(addresses))
	places := make(chan struct{}, askAtOnce)
	var all sync.WaitGroup
	for n, address := range addresses {
		all.Go(func() {
			places <- struct{}{}
			pods[n] = s.askOne(ctx, u, address)
			<-places
		})
	}
	all.Wait()
	return pods, nil
}

func (s *survey) askOne(ctx context.Context, u *url.URL, address string) podStatus {
	one := *u
	one.Host = address
	raw, got, err := fetchStatus(ctx, &one, s.fresh)
	return podStatus{address: address, raw: raw, state: got, err: err}
}

// resolve returns each address of the URL's host with its port, sorted.
func resolve(ctx context.Context, u *url.URL) ([]string, error) {
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

// judge returns what keeps a pod from being as it should, as a text and an exit code,
// which is 0 if nothing does.
func (s *survey) judge(p *podStatus) (text string, code int) {
	switch now := p.state; {
	case p.err != nil:
		return p.err.Error(), exitUnavailable
	case now.Problem != nil:
		return string(now.Problem.Reason) + ": " + now.Problem.Message, codeOf(now.Problem.Reason)
	case !now.Confirmed:
		return "not confirmed yet, phase " + string(now.Phase), exitUnknown
	case s.named != "" && now.Current == nil:
		return "the sidecar has no --current-release-file", exitMismatch
	case s.named != "" && now.Current.Named != s.named:
		return "the sidecar still reads that " + now.Current.Named + " is the current release", exitUnknown
	}
	return "confirmed, release " + cmp.Or(p.state.Release.Name, "unnamed"), 0
}

// result is the outcome of one round: its lines, and the error that it would end with.
func (s *survey) result(pods []podStatus) (lines []string, err error) {
	confirmed, code, digests := 0, 0, []string{}
	for n := range pods {
		text, one := s.judge(&pods[n])
		lines = append(lines, clean(fmt.Sprintf("%-24s %s", pods[n].address, text)))
		if one == 0 {
			confirmed++
			digests = append(digests, pods[n].state.Release.ManifestDigest)
		}
		if one != 0 && (code == 0 || code == exitUnknown) {
			code = one // "not known yet" says less than any other
		}
	}
	slices.Sort(digests)
	switch {
	case code != 0 || confirmed < s.pods:
		return lines, &exitError{code: cmp.Or(code, exitUnknown), err: fmt.Errorf("%d of %d pods are confirmed", confirmed, max(s.pods, len(pods)))}
	case len(slices.Compact(digests)) > 1:
		return lines, &exitError{code: exitMismatch, err: errors.New("the pods carry different releases")}
	}
	return lines, nil
}

// round is one time that all were asked.
type round struct {
	pods  []podStatus
	lines []string
	err   error // nil if every pod is as it should be
}

func (s *survey) round(ctx context.Context) round {
	var r round
	if r.pods, r.err = s.ask(ctx); r.err != nil {
		r.lines = []string{r.err.Error()}
		return r
	}
	r.lines, r.err = s.result(r.pods)
	return r
}

// awaitAll asks until every pod is as it should be, and tells what changes. It returns
// the last round that time did not cut short.
func (s *survey) awaitAll(ctx context.Context, progress io.Writer) round {
	ctx, cancel := bounded(ctx, s.wait)
	defer cancel()
	var last round
	told := time.Time{}
	for begin := time.Now(); ; {
		r := s.round(ctx)
		if ctx.Err() != nil && last.err != nil {
			r = last
		}
		if r.err == nil || isUsage(r.err) {
			return r
		}
		if !slices.Equal(r.lines, last.lines) || time.Since(told) >= tellEvery {
			told = time.Now()
			fmt.Fprintf(progress, "after %s of %s: %v\n  %s\n", told.Sub(begin).Round(time.Second), s.wait, r.err, strings.Join(r.lines, "\n  "))
		}
		last = r
		if !pauseFor(ctx, askEvery) {
			last.err = outOfTime(ctx, last.err)
			return last
		}
	}
}

func isUsage(err error) bool {
	own, ok := errors.AsType[*exitError](err)
	return ok && own.code == exitUsage
}

// outOfTime is the error of a wait whose last round ended with err.
func outOfTime(ctx context.Context, err error) error {
	own, ok := errors.AsType[*exitError](err)
	if !errors.Is(context.Cause(ctx), errTimeout) || !ok {
		return context.Cause(ctx)
	}
	return &exitError{code: own.code, err: fmt.Errorf("%w: %w", errTimeout, own.err)}
}

// pauseFor reports false when ctx ended first.
func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
