// SPDX-License-Identifier: Apache-2.0

package soak

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

var began = time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)

func second(n float64) time.Time { return began.Add(time.Duration(n * float64(time.Second))) }

// good returns the record of a short soak without violations: the first of two pods imports v1 and
// both confirm it, then v2 is rolled out to the first.
func good() *Record {
	r := &Record{Begin: began, End: second(100), Ledger: &platformtest.Ledger{}, Troubles: map[string]int{"rollout": 1},
		Releases: map[string]*platformtest.Release{"v1": newRelease("v1"), "v2": newRelease("v2")},
		Carried:  map[string][]Turn{"pod-0-0": {{second(0), "v1"}, {second(50), "v2"}}, "pod-1-1": {{second(0), "v1"}}},
		Current:  []Turn{{second(0), "v1"}, {second(50), "v2"}},
		Settled:  []Settling{{At: second(20), Took: time.Second}, {At: second(80), Took: 2 * time.Second}},
	}
	r.imports("pod-0-0", "v1", 1)
	r.imports("pod-0-0", "v2", 51)
	r.Lives = []*Life{
		{Slot: 0, Pod: "pod-0-0", Begin: second(0), End: second(100), Asked: second(99), Ready: second(5),
			Confirmed: []time.Time{second(5), second(60)}},
		{Slot: 1, Pod: "pod-1-1", Begin: second(0), End: second(49), Confirmed: []time.Time{second(6)}, Ready: second(6)},
	}
	for n := range 20 {
		at := second(float64(n) * 5)
		r.Samples = append(r.Samples, Sample{At: at, Slot: 0, RSS: 12e6, FDs: 12, Goroutines: 20, Watches: 4})
		r.Ledger.Requests = append(r.Ledger.Requests, platformtest.Request{At: at, Server: "pod-0-0", Status: 200})
	}
	return r
}

// imports adds imports of the groups of a release, of one second each.
func (r *Record) imports(pod, version string, from float64) {
	for n, group := range r.Releases[version].Groups() {
		begin := from + float64(n)
		r.bulk(pod, version, group, begin)
	}
}

// bulk adds an import of a group, of 0.9 s.
func (r *Record) bulk(pod, version, group string, begin float64) *platformtest.Bulk {
	l := r.Ledger
	l.Bulks = append(l.Bulks, platformtest.Bulk{Pod: pod, Groups: []string{group}, Outcome: platformtest.Imported,
		Begin: second(begin), End: second(begin + .9)})
	for _, w := range r.Releases[version].Select([]string{group}) {
		if w.Version == "v0" && len(l.Imports) > 8 {
			continue // already installed, and skipped
		}
		l.Imports = append(l.Imports, platformtest.Import{Bulk: len(l.Bulks) - 1, Pod: pod, Slug: w.Slug, Version: w.Version,
			Begin: second(begin), End: second(begin + .9), Outcome: platformtest.Imported})
	}
	return &l.Bulks[len(l.Bulks)-1]
}

// request adds n requests within a second.
func (r *Record) request(pod string, n, status int) {
	for i := range n {
		at := second(30 + float64(i)/float64(n))
		r.Ledger.Requests = append(r.Ledger.Requests, platformtest.Request{At: at, Server: pod, Status: status})
	}
}

func TestAGoodRecordHasNoViolation(t *testing.T) {
	if wrong := good().Violations(); len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
}

// TestPlantedViolationsAreFound plants one violation at a time.
func TestPlantedViolationsAreFound(t *testing.T) {
	for _, c := range []struct {
		name, want string
		plant      func(*Record)
	}{
		{"confirmed before the last group", "I1: pod-0-0 confirms v1", func(r *Record) {
			r.Lives[0].Confirmed[0] = second(3)
		}},
		{"confirmed with a workspace of another release", "I1: pod-1-1 confirms v1", func(r *Record) {
			r.Lives[1].Confirmed[0] = second(45)
			r.bulk("pod-0-0", "v2", "base1", 40)
		}},
		{"confirmed without a release", "I1: pod-9 confirms", func(r *Record) {
			r.Lives = append(r.Lives, &Life{Pod: "pod-9", Begin: second(0), Confirmed: []time.Time{second(9)}})
		}},
		{"the gate closed again", "I2:", func(r *Record) { r.Lives[0].Wrong = []string{"I2: no longer Ready"} }},
		{"a group before the one before it", "I4: pod-1-1 posts extended of v1", func(r *Record) {
			r.Ledger.Bulks, r.Ledger.Imports = nil, nil
			r.bulk("pod-1-1", "v1", "base1", 1)
			r.bulk("pod-1-1", "v1", "extended", 2)
			r.bulk("pod-1-1", "v1", "base2", 3)
		}},
		{"two groups at once", "I4: pod-1-1 posts [base1 base2]", func(r *Record) {
			r.bulk("pod-1-1", "v1", "base1", 30).Groups = []string{"base1", "base2"}
		}},
		{"a group posted again", "I5: pod-1-1 posts base1 of v1 2 times, 1 are allowed", func(r *Record) { r.postTwice() }},
		{"a group forced", "I5: pod-1-1 forces base1", func(r *Record) {
			r.Ledger.Bulks = r.Ledger.Bulks[:3]
			r.bulk("pod-1-1", "v1", "base1", 30).Force = true
		}},
		{"an import without a sidecar", "I5: pod-1-1 posts base1 at 10:01:30.000 without a sidecar", func(r *Record) {
			r.bulk("pod-1-1", "v1", "base1", 90)
		}},
		{"two imports at once", "I6: pod-0-0 and pod-1-1", func(r *Record) { r.bulk("pod-1-1", "v1", "base1", 1.5) }},
		{"an import that never ended", "I6: pod-1-1 and pod-0-0", func(r *Record) {
			r.bulk("pod-1-1", "v1", "base1", 48).End = time.Time{}
		}},
		{"an old token", "I7:", func(r *Record) { r.StaleTokens = []string{"I7: a request has an old token"} }},
		{"too many requests", "I8: more than 300 requests to pod-1-1", func(r *Record) { r.request("pod-1-1", 301, 200) }},
		{"no convergence", "I9:", func(r *Record) { r.Settled[1].Took = -1 }},
		{"a failure at the end", "I10: pod-0-0 ends with code 6", func(r *Record) { r.Lives[0].ExitCode = 6 }},
		{"a slow end", "I10: pod-0-0 ends with code 0 after 11s", func(r *Record) { r.Lives[0].End = second(110) }},
		{"an error at the end", "I10: pod-0-0", func(r *Record) { r.Lives[0].LateErrors = []string{"target-down"} }},
		{"an old release imported over the current one", "current release: pod-1-1 imports v1", func(r *Record) {
			r.Lives[1].End = second(90)
			r.bulk("pod-1-1", "v1", "base1", 70)
		}},
		{"memory grows", "growth: resident memory from 12.0 to 15.0 MB", func(r *Record) {
			r.grow(func(s *Sample) { s.RSS = 15e6 })
		}},
		{"descriptors leak", "growth: file descriptors", func(r *Record) { r.grow(func(s *Sample) { s.FDs = 15 }) }},
		{"goroutines leak", "growth: goroutines", func(r *Record) { r.grow(func(s *Sample) { s.Goroutines = 25 }) }},
		{"watches leak", "growth: inotify watches", func(r *Record) { r.grow(func(s *Sample) { s.Watches = 6 }) }},
		{"a peak of a sidecar that is replaced", "growth: resident memory up to 31.0 MB", func(r *Record) {
			r.Samples = append(r.Samples, Sample{At: second(50), Slot: 3, RSS: 31e6})
		}},
		{"nothing measured", "growth: resident memory was not measured", func(r *Record) { r.Samples = r.Samples[:1] }},
		{"nothing happened", "the record is empty", func(r *Record) { r.Settled = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := good()
			c.plant(r)
			wrong := strings.Join(r.Violations(), "\n")
			if !strings.Contains(wrong, c.want) {
				t.Errorf("want %q in %q", c.want, wrong)
			}
		})
	}
}

// postTwice makes a pod import a group twice.
func (r *Record) postTwice() {
	r.bulk("pod-1-1", "v1", "base1", 30)
	r.bulk("pod-1-1", "v1", "base1", 35)
}

// grow changes the samples of the last quarter.
func (r *Record) grow(change func(*Sample)) {
	for n := range r.Samples {
		if r.Samples[n].At.After(second(70)) {
			change(&r.Samples[n])
		}
	}
}

// TestExcuses checks that an excuse allows a group to be posted once more.
func TestExcuses(t *testing.T) {
	for name, excuse := range map[string]func(*Record){
		"a failure":      func(r *Record) { r.Ledger.Bulks[6].Outcome = platformtest.Failed },
		"a lost answer":  func(r *Record) { r.request("pod-1-1", 1, 0) },
		"a server error": func(r *Record) { r.request("pod-1-1", 1, 500) },
		"another release": func(r *Record) {
			r.Carried["pod-2-1"] = []Turn{{second(0), "v2"}}
			r.Lives = append(r.Lives, &Life{Pod: "pod-2-1", Begin: second(0)})
			r.bulk("pod-2-1", "v2", "base1", 32)
		},
	} {
		r := good()
		r.postTwice()
		before := r.checkPosts()
		excuse(r)
		if after := r.checkPosts(); len(before) != 1 || len(after) != 0 {
			t.Errorf("%s: before %q, after %q", name, before, after)
		}
	}
}

func TestPictureIsXMLWithADotForEachSample(t *testing.T) {
	var b bytes.Buffer
	r := good()
	if err := r.Draw(&b); err != nil {
		t.Fatal(err)
	}
	dots := strings.Count(b.String(), "<circle") - slots
	if want := 2 + 2*len(r.Samples); dots != want {
		t.Errorf("%d dots, want %d", dots, want)
	}
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	if err := good().Report(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| duration | 1m40s |", "| rollout | 1 |", "| bulk imports | 6, of which 6 succeeded, 0 failed, 0 were killed |",
		"| start to Ready: median, 95 of 100, longest | 6s, 6s, 6s |", "| resident memory | 12 MB | 12 MB | 12 MB | 2 | 30 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
