// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

func TestImportFollowsGroupsDependenciesAndVersions(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, func(t *testing.T, c *cluster) {
		first := mustPull(t, c.local, "base1")
		if diff := cmp.Diff([]string{"b imported", "a imported"}, states(first)); diff != "" {
			t.Error(diff)
		}
		if first.Failed() || first.ImportedFilesCount != 5 || first.Duration != 2*time.Second {
			t.Errorf("%+v", first)
		}
		if diff := cmp.Diff([]string{"idb", "ida"}, first.Created); diff != "" {
			t.Error(diff)
		}
		second := mustPull(t, c.local, "base2")
		if diff := cmp.Diff([]string{"b skipped", "c imported"}, states(second)); diff != "" {
			t.Error(diff)
		}
		if got := len(c.Ledger().ImportsOf("b")); got != 1 {
			t.Errorf("b was imported %d times", got)
		}
	})
}

func TestForceImportsAgain(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		mustPull(t, c.local, "base1")
		r, err := c.local.Pull(t.Context(), platform.PullRequest{Repository: "release", Groups: []string{"base1"},
			Force: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"idb", "ida"}, r.Report.Updated); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFailedWorkspace(t *testing.T) {
	for _, c := range []struct {
		options platformtest.Options
		errors  int
		again   string
	}{
		{platformtest.Options{}, 1, "a imported"},
		{platformtest.Options{VersionAfterFailure: true}, 1, "a skipped"},
		{platformtest.Options{ErrorsInWorkspacesOnly: true}, 0, "a imported"},
	} {
		inBubble(t, c.options, func(t *testing.T, k *cluster) {
			k.Fail("a", "slug is taken")
			r := mustPull(t, k.local, "base1")
			if !r.Failed() || len(r.Errors) != c.errors || r.Workspaces[1].Errors[0].Message != "slug is taken" {
				t.Errorf("%+v: %+v", c.options, r)
			}
			k.Heal("a")
			if got := states(mustPull(t, k.local, "base1"))[1]; got != c.again {
				t.Errorf("next time %s, want %s", got, c.again)
			}
			if got := k.Ledger().Bulks[0].Outcome; got != platformtest.Failed {
				t.Errorf("the ledger says %s", got)
			}
		})
	}
}

func TestProcessingReportsItsEnd(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(10 * time.Second), PodEvents: true,
		EventLag: time.Second}, func(t *testing.T, c *cluster) {
		start := time.Now()
		r, err := pull(t.Context(), c.local, 5*time.Second, "base1")
		if err != nil || r.Kind != platform.PullProcessing || time.Since(start) != 5*time.Second {
			t.Fatalf("%+v after %s, %v", r, time.Since(start), err)
		}
		time.Sleep(15*time.Second + time.Second)
		page, err := c.local.Events(t.Context(), platform.EventQuery{Match: map[string]string{"source.correlationId": "own"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range page.Events {
			got = append(got, fmt.Sprintf("%s after %s by %s", e.Type, e.CreatedAt.Sub(start), e.Replica))
		}
		want := []string{"workspaces.bulkImport.started after 0s by pod-0",
			"workspaces.bulkImport.progress after 10s by pod-0",
			"workspaces.bulkImport.progress after 20s by pod-0", "workspaces.bulkImport.completed after 20s by pod-0"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !page.Events[0].CreatedAt.Equal(start) || page.Events[1].Progress.Current != 1 ||
			page.Events[3].Completed.Failed() {
			t.Errorf("%+v", page.Events)
		}
	})
}

func TestImportGoesOnWithoutItsClient(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, c *cluster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := pull(ctx, c.local, time.Hour, "base1")
		wantClass(t, err, platform.ClassCanceled)
		if !platform.OutcomeUnknown(err) {
			t.Error("the outcome is said to be known")
		}
		time.Sleep(2 * time.Minute)
		if got := c.Ledger().Bulks[0].Outcome; got != platformtest.Imported {
			t.Errorf("the import ended as %q", got)
		}
	})
}

func TestLockLetsOneImportIn(t *testing.T) {
	for _, status := range []int{0, 400, 403, 409, 423} {
		inBubble(t, platformtest.Options{ImportTime: each(time.Minute), LockedStatus: status,
			NestedErrors: status == 409}, func(t *testing.T, c *cluster) {
			other := local(t, c.NewPod("pod-1", release()))
			if _, err := pull(t.Context(), c.local, time.Second, "base1"); err != nil {
				t.Fatal(err)
			}
			_, err := pull(t.Context(), other, time.Second, "base1")
			wantClass(t, err, platform.ClassLocked)
			w, err := other.Platform(t.Context())
			if err != nil || w.Lock == nil || w.Lock.LockedBy != "pod-0" || w.Lock.Reason != "pull_in_progress" {
				t.Errorf("%+v, %v", w.Lock, err)
			}
			time.Sleep(2 * time.Minute)
			if r := mustPull(t, other, "base1"); len(r.Skipped) != 2 {
				t.Errorf("%+v", r)
			}
			l := c.Ledger()
			if got := l.Overlaps(); got != nil || len(l.Locks) != 2 || l.Locks[0].End.Sub(l.Locks[0].Begin) != 2*time.Minute {
				t.Errorf("overlaps %v, locks %+v", got, l.Locks)
			}
		})
	}
}

func TestKilledPodLeavesTheLock(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute)}, func(t *testing.T, c *cluster) {
		other := local(t, c.NewPod("pod-1", release()))
		start := time.Now()
		go func() {
			time.Sleep(90 * time.Second)
			c.pod.Kill()
		}()
		_, err := pull(t.Context(), c.local, time.Hour, "base1")
		wantClass(t, err, platform.ClassInterrupted)
		_, err = c.local.Platform(t.Context())
		wantClass(t, err, platform.ClassNotSent)
		_, err = pull(t.Context(), other, time.Hour, "base1")
		wantClass(t, err, platform.ClassLocked)
		time.Sleep(time.Until(start.Add(30 * time.Minute)))
		if diff := cmp.Diff([]string{"b skipped", "a imported"}, states(mustPull(t, other, "base1"))); diff != "" {
			t.Error(diff)
		}
		l := c.Ledger()
		if l.Bulks[0].Outcome != platformtest.Killed || !l.Locks[0].Expired || l.Locks[0].End.Sub(start) != 30*time.Minute {
			t.Errorf("%+v %+v", l.Bulks, l.Locks)
		}
	})
}

func TestLockOfAPerson(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		if !c.Lock("somebody", "merge_conflict") || c.Lock("other", "manual") {
			t.Error("the lock does not exclude")
		}
		time.Sleep(24 * time.Hour)
		_, err := pull(t.Context(), c.local, time.Second, "base1")
		wantClass(t, err, platform.ClassLocked) // a merge conflict never expires
		c.Unlock()
		mustPull(t, c.local, "base1")
	})
}

func TestUnknownRepositoryAndGroups(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		r, err := c.local.Pull(t.Context(), platform.PullRequest{Repository: "nope", Groups: []string{"base1"}})
		if err != nil || r.Kind != platform.PullFallback {
			t.Errorf("%+v, %v", r, err)
		}
		if r := mustPull(t, c.local, "nope"); len(r.Workspaces) != 0 || r.Failed() {
			t.Errorf("%+v", r)
		}
	})
	inBubble(t, platformtest.Options{UnknownRepositoryIs404: true, EmptyGroupIs400: true}, func(t *testing.T, c *cluster) {
		_, err := c.local.Pull(t.Context(), platform.PullRequest{Repository: "nope"})
		wantClass(t, err, platform.ClassNotFound)
		_, err = pull(t.Context(), c.local, 0, "nope")
		wantClass(t, err, platform.ClassRejected)
	})
}

func TestIdentityOfADirectCall(t *testing.T) {
	for _, c := range []struct {
		name    string
		options platformtest.Options
		id      platform.Identity
		want    platform.Class
	}{
		{"headers", platformtest.Options{}, platform.Headers(platform.LocalHeaders()), platform.ClassNone},
		{"nobody", platformtest.Options{}, nil, platform.ClassUnauthorized},
		{"no role", platformtest.Options{}, platform.Headers(map[string]string{platform.HeaderUserID: "u"}), platform.ClassForbidden},
		{"headers refused", platformtest.Options{RefuseHeaders: true}, platform.Headers(platform.LocalHeaders()), platform.ClassUnauthorized},
	} {
		inBubble(t, c.options, func(t *testing.T, k *cluster) {
			_, err := client(t, k.pod, c.id).Platform(t.Context())
			wantClass(t, err, c.want)
		})
	}
	inBubble(t, platformtest.Options{PodToken: true}, func(t *testing.T, k *cluster) {
		_, err := public(t, k.pod).Platform(t.Context())
		wantClass(t, err, platform.ClassNone)
	})
}

func TestWorkspacesAndDrift(t *testing.T) {
	inBubble(t, platformtest.Options{PageCap: 1}, func(t *testing.T, c *cluster) {
		mustPull(t, c.local, "base1", "base2")
		all, _, err := c.local.Workspaces(t.Context())
		if err != nil || len(all) != 3 || all[0].Slug != "a" || all[0].LastPull.Version != "v1" {
			t.Fatalf("%+v, %v", all, err)
		}
		if !c.Edit("a") || c.Edit("nope") {
			t.Error("edit finds the wrong workspaces")
		}
		changed := func(id string) int {
			s, err := c.local.WorkspaceStatus(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			return len(s.Changes)
		}
		if changed("ida") != 1 || changed("idb") != 0 {
			t.Error("the drift is not reported")
		}
		c.Remove("a")
		if diff := cmp.Diff([]string{"b skipped", "a imported"}, states(mustPull(t, c.local, "base1"))); diff != "" {
			t.Error(diff)
		}
	})
	inBubble(t, platformtest.Options{HideLastPull: true, NoStatus: true}, func(t *testing.T, c *cluster) {
		mustPull(t, c.local, "base1")
		all, _, err := c.local.Workspaces(t.Context())
		if err != nil || all[0].LastPull != nil {
			t.Errorf("%+v, %v", all, err)
		}
		_, err = c.local.WorkspaceStatus(t.Context(), "ida")
		wantClass(t, err, platform.ClassNotFound)
	})
}

func TestEventVariants(t *testing.T) {
	types := func(t *testing.T, c *platform.Client, q platform.EventQuery) (all []string) {
		for ; ; q.Page++ {
			page, err := c.Events(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Events) == 0 {
				return all
			}
			for _, e := range page.Events {
				all = append(all, e.Type[len("workspaces.bulkImport."):])
			}
		}
	}
	hide := func(kind string) bool { return kind == platform.EventImportStarted }
	inBubble(t, platformtest.Options{PodEvents: true, DropCompleted: true, HideEvent: hide,
		NoReplica: true}, func(t *testing.T, c *cluster) {
		mustPull(t, c.local, "base1")
		if diff := cmp.Diff([]string{"progress", "progress"}, types(t, c.local, platform.EventQuery{Limit: 3})); diff != "" {
			t.Error(diff)
		}
	})
	inBubble(t, platformtest.Options{PodEvents: true, ImportTime: each(time.Second)}, func(t *testing.T, c *cluster) {
		start := time.Now()
		mustPull(t, c.local, "base1")
		for _, k := range []struct {
			q    platform.EventQuery
			want []string
		}{
			{platform.EventQuery{After: start}, []string{"progress", "progress", "completed"}},
			{platform.EventQuery{Before: start.Add(time.Second)}, []string{"started"}},
			{platform.EventQuery{NewestFirst: true, Limit: 2}, []string{"completed", "progress", "progress", "started"}},
			{platform.EventQuery{Types: []string{platform.EventImportStarted}}, []string{"started"}},
			{platform.EventQuery{Text: `"current":2`}, []string{"progress"}},
			{platform.EventQuery{Match: map[string]string{"payload.workspaceSlug": "a"}}, []string{"progress"}},
			{platform.EventQuery{Match: map[string]string{"payload.no.where": "a"}}, nil},
			{platform.EventQuery{Workspace: "other"}, nil},
		} {
			if diff := cmp.Diff(k.want, types(t, c.local, k.q), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%+v: %s", k.q, diff)
			}
		}
	})
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		_, err := c.local.Events(t.Context(), platform.EventQuery{})
		wantClass(t, err, platform.ClassNotFound) // events belong to another service
	})
}

func TestNativeStartupImport(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Second)}, func(t *testing.T, c *cluster) {
		start := time.Now()
		c.pod.StartNative("base1", "base2")
		c.NewPod("pod-1", release()).StartNative("base1", "base2")
		time.Sleep(time.Hour)
		l := c.Ledger()
		if len(l.Bulks) != 2 || l.Bulks[1].Begin.Sub(start) != 32*time.Second || l.Bulks[1].Pod != l.Bulks[0].Pod {
			t.Errorf("%+v", l.Bulks)
		}
	})
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.Fail("b", "broken")
		c.pod.StartNative("base1", "base2")
		time.Sleep(time.Hour)
		if got := len(c.Ledger().Bulks); got != 1 {
			t.Errorf("%d groups after a failed first one", got)
		}
	})
}

func TestNativeStartupImportWaitsForReadiness(t *testing.T) {
	for givesUp, want := range map[bool]int{false: 1, true: 0} {
		inBubble(t, platformtest.Options{ReadinessNeedsPod: true, NativeGivesUp: givesUp}, func(t *testing.T, c *cluster) {
			c.pod.StartNative("base1")
			time.Sleep(4 * time.Minute)
			synctest.Wait()
			if got := len(c.Ledger().Bulks); got != 0 {
				t.Error("did not wait")
			}
			time.Sleep(2 * time.Minute)
			if got := len(c.Ledger().Bulks); got != want {
				t.Errorf("%d imports after the wait, want %d", got, want)
			}
		})
	}
}

func TestLedgerRecordsRequests(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		if _, err := c.local.Healthcheck(t.Context()); err != nil {
			t.Error(err)
		}
		mustPull(t, c.local, "base1")
		_, err := client(t, c.pod, nil).Platform(t.Context())
		wantClass(t, err, platform.ClassUnauthorized)
		synctest.Wait()
		var got []platformtest.Request
		got = append(got, c.Ledger().Requests...)
		want := []platformtest.Request{{Server: "pod-0", Op: "healthcheck", Status: http.StatusOK},
			{Server: "pod-0", Op: "pull", Status: http.StatusOK, CorrelationID: "own"}, {Server: "pod-0", Op: "workspace", Status: http.StatusUnauthorized}}
		opt := cmpopts.IgnoreFields(platformtest.Request{}, "At", "User")
		for i := range got {
			if got[i].CorrelationID != "own" {
				got[i].CorrelationID = ""
			}
		}
		if diff := cmp.Diff(want, got, opt); diff != "" || c.Ledger().Count("pull") != 1 {
			t.Error(diff)
		}
	})
}

func TestOverlapsAreFound(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	l := &platformtest.Ledger{Bulks: []platformtest.Bulk{{CorrelationID: "1", Pod: "x", Begin: at(0), End: at(10)},
		{CorrelationID: "2", Pod: "y", Begin: at(9), End: at(12)}, {CorrelationID: "3", Pod: "z", Begin: at(12)}}}
	if diff := cmp.Diff([]string{"1 on x and 2 on y"}, l.Overlaps()); diff != "" {
		t.Error(diff)
	}
}

func TestAFailureMayBeForSomeImportsOnly(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.FailTimes("c", "broken", 2)
		for _, want := range []string{"error", "error", "imported", "skipped"} {
			if got := states(mustPull(t, c.local, "base2")); got[len(got)-1] != "c "+want {
				t.Errorf("%v, want c %s", got, want)
			}
		}
	})
}

func TestNewerVersionsMayBeSkipped(t *testing.T) {
	for skip, want := range map[bool]string{false: "v1", true: "v2"} {
		inBubble(t, platformtest.Options{SkipNewer: skip}, func(t *testing.T, c *cluster) {
			next := release()
			next.Workspaces[2].Version = "v2"
			mustPull(t, local(t, c.NewPod("pod-1", next)), "base2")
			mustPull(t, c.local, "base2")
			if got := c.Installed()[1].Version; got != want {
				t.Errorf("%s is installed, want %s", got, want)
			}
		})
	}
}
