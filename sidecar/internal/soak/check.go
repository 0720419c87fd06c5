// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

const (
	// maxListAge is the maximum time between the last query of the platform and the log line that
	// confirms the release. The list of workspaces may be as old as the request.
	maxListAge = 3 * time.Second
	// noticeTime is the time within which a pod must notice that another release is the current one.
	noticeTime = 3 * time.Second
	// endTime is the time within which a sidecar must exit after SIGTERM.
	endTime = 10 * time.Second
	// window and maxRequests limit the request rate of one pod.
	window      = 10 * time.Second
	maxRequests = 300
)

// findings is a list of violations.
type findings []string

func (f *findings) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// Violations returns the violated invariants and growth limits.
func (r *Record) Violations() []string {
	wrong := slices.Concat(
		r.checkConfirmations(), r.watcherFindings(), r.checkGroupOrder(), r.checkPosts(),
		r.checkOverlaps(), findings(r.StaleTokens), r.checkRequestRate(), r.checkRecovery(), r.checkShutdowns(),
		r.checkSuperseded(), r.Growth().findViolations())
	if len(r.Lives) == 0 || len(r.Ledger.Bulks) == 0 || len(r.Settled) == 0 || len(r.Samples) == 0 {
		wrong.addf("the record is empty: nothing was checked")
	}
	return wrong
}

// checkConfirmations checks I1: a sidecar confirms its release only if the platform has every workspace of
// it, or had within maxListAge.
func (r *Record) checkConfirmations() (wrong findings) {
	changes := r.findChanges()
	for _, l := range r.Lives {
		for _, t := range l.Confirmed {
			name := r.carriedRelease(l.Pod, t)
			before := r.carriedRelease(l.Pod, t.Add(-noticeTime))
			missing := r.missingWorkspaces(changes, name, t)
			if len(missing) > 0 && before != "" && before != name { // it may not have noticed yet
				missing = r.missingWorkspaces(changes, before, t)
			}
			if len(missing) > 0 {
				wrong.addf("I1: %s confirms %s at %s without %v", l.Pod, name, formatTime(t), missing)
			}
		}
	}
	return wrong
}

// missingWorkspaces returns the workspaces of a release that the platform lacked at its version, at the best
// moment within maxListAge before t. Nil means none.
func (r *Record) missingWorkspaces(changes []platformtest.Import, name string, t time.Time) []string {
	if r.Releases[name] == nil {
		return []string{"a release"}
	}
	installed := map[string]string{}
	var best []string
	first := true
	look := func() {
		var missing []string
		for _, w := range r.Releases[name].Workspaces {
			if installed[w.Slug] != w.Version {
				missing = append(missing, w.Slug)
			}
		}
		if first || len(missing) < len(best) {
			first = false
			best = missing
		}
	}
	for _, c := range changes {
		if c.End.After(t) {
			break
		}
		if c.End.After(t.Add(-maxListAge)) {
			look() // the state until this change
		}
		installed[c.Slug] = c.Version
	}
	look()
	return best
}

// watcherFindings collects the violations that the watchers saw: I2, I3, I11 and I12.
func (r *Record) watcherFindings() (wrong findings) {
	for _, l := range r.Lives {
		wrong = append(wrong, l.Wrong...)
	}
	return wrong
}

// checkGroupOrder checks I4: a group is posted only after the platform has had all groups before it, at
// the versions of the release.
func (r *Record) checkGroupOrder() (wrong findings) {
	for _, b := range r.Ledger.Bulks {
		name := r.carriedRelease(b.Pod, b.Begin)
		if len(b.Groups) != 1 || r.Releases[name] == nil {
			wrong.addf("I4: %s posts %v of %q", b.Pod, b.Groups, name)
			continue
		}
		for _, w := range r.Releases[name].Workspaces {
			if w.Groups[0] < b.Groups[0] && !r.wasImported(w, b.Begin) {
				wrong.addf("I4: %s posts %s of %s before %s, at %s", b.Pod, b.Groups[0], name, w.Slug, formatTime(b.Begin))
			}
		}
	}
	return wrong
}

// wasImported reports whether the version of a workspace was imported before t, by any pod.
func (r *Record) wasImported(w platformtest.Workspace, t time.Time) bool {
	return slices.ContainsFunc(r.Ledger.Imports, func(i platformtest.Import) bool {
		return i.Slug == w.Slug && i.Version == w.Version && i.Outcome == platformtest.Imported && !i.End.After(t)
	})
}

// checkPosts checks I5: a process posts a group of a release again only for an allowed reason, and
// forces it only after an import of it failed or another release was imported.
func (r *Record) checkPosts() (wrong findings) {
	type key struct {
		life          *Life
		group, reason string
	}
	count := map[key]int{}
	for n, b := range r.Ledger.Bulks {
		name := r.carriedRelease(b.Pod, b.Begin)
		k := key{r.findLife(b.Pod, b.Begin), b.Groups[0], name}
		if k.life == nil {
			wrong.addf("I5: %s posts %s at %s without a sidecar", b.Pod, b.Groups[0], formatTime(b.Begin))
			continue
		}
		if b.Force && !r.mayForce(r.Ledger.Bulks[:n], b, name) {
			wrong.addf("I5: %s forces %s of %s at %s without a reason", b.Pod, b.Groups[0], name, formatTime(b.Begin))
		}
		count[k]++
	}
	for k, n := range count {
		if limit := 1 + r.countExcuses(k.life, k.group, k.reason); n > limit {
			wrong.addf("I5: %s posts %s of %s %d times, %d are allowed", k.life.Pod, k.group, k.reason, n, limit)
		}
	}
	return wrong
}

func (r *Record) mayForce(before []platformtest.Bulk, b platformtest.Bulk, name string) bool {
	return slices.ContainsFunc(before, func(o platformtest.Bulk) bool {
		return o.Groups[0] == b.Groups[0] && (o.Outcome != platformtest.Imported || r.carriedRelease(o.Pod, o.Begin) != name)
	})
}

// countExcuses counts the events that allow a process to post a group again: failed imports of it,
// failed requests, and imports of another release.
func (r *Record) countExcuses(l *Life, group, name string) (n int) {
	during := func(t time.Time) bool { return !t.Before(l.Begin) && (l.End.IsZero() || !t.After(l.End)) }
	for _, b := range r.Ledger.Bulks {
		failed := b.Pod == l.Pod && b.Outcome != platformtest.Imported
		foreign := r.carriedRelease(b.Pod, b.Begin) != name
		if during(b.Begin) && b.Groups[0] == group && (failed || foreign) {
			n++
		}
	}
	for _, q := range r.Ledger.Requests {
		if during(q.At) && q.Server == l.Pod && (q.Status == 0 || q.Status >= 400) {
			n++
		}
	}
	return n
}

// checkOverlaps checks I6: only one import runs at a time.
func (r *Record) checkOverlaps() (wrong findings) {
	bulks := slices.Clone(r.Ledger.Bulks)
	slices.SortFunc(bulks, func(a, b platformtest.Bulk) int { return a.Begin.Compare(b.Begin) })
	for n := 1; n < len(bulks); n++ {
		if before := bulks[n-1]; before.End.IsZero() || bulks[n].Begin.Before(before.End) {
			wrong.addf("I6: %s and %s import at once, at %s", before.Pod, bulks[n].Pod, formatTime(bulks[n].Begin))
		}
	}
	return wrong
}

// checkRequestRate checks I8: backoff keeps the request rate bounded.
func (r *Record) checkRequestRate() (wrong findings) {
	times := map[string][]time.Time{}
	for _, q := range r.Ledger.Requests {
		times[q.Server] = append(times[q.Server], q.At)
	}
	for server, all := range times {
		slices.SortFunc(all, time.Time.Compare)
		first := 0
		for n, t := range all {
			for t.Sub(all[first]) > window {
				first++
			}
			if n-first+1 > maxRequests {
				wrong.addf("I8: more than %d requests to %s in the %s before %s", maxRequests, server, window, formatTime(t))
				break
			}
		}
	}
	return wrong
}

// checkRecovery checks I9: everything recovers when the faults pause.
func (r *Record) checkRecovery() (wrong findings) {
	for _, s := range r.Settled {
		if s.Took < 0 {
			wrong.addf("I9: not recovered after %s: %s", formatTime(s.At), s.State)
		}
	}
	return wrong
}

// checkShutdowns checks I10: a requested shutdown is not an error.
func (r *Record) checkShutdowns() (wrong findings) {
	for _, l := range r.Lives {
		if l.Asked.IsZero() {
			continue
		}
		took := l.End.Sub(l.Asked).Round(time.Millisecond)
		if l.ExitCode != 0 || took > endTime || len(l.LateErrors) > 0 {
			wrong.addf("I10: %s ends with code %d after %s, with the errors %q", l.Pod, l.ExitCode, took, l.LateErrors)
		}
	}
	return wrong
}

// checkSuperseded checks that no pod starts to import a release that has not been the current one for
// longer than noticed.
func (r *Record) checkSuperseded() (wrong findings) {
	for _, b := range r.Ledger.Bulks {
		name := r.carriedRelease(b.Pod, b.Begin)
		if name != releaseAt(r.Current, b.Begin) && name != releaseAt(r.Current, b.Begin.Add(-noticeTime)) {
			wrong.addf("current release: %s imports %s, which is not the current one, at %s", b.Pod, name, formatTime(b.Begin))
		}
	}
	return wrong
}

func formatTime(t time.Time) string { return t.UTC().Format("15:04:05.000") }
