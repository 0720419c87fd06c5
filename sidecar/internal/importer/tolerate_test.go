// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

func TestReasonOfProblem(t *testing.T) {
	for text, want := range map[string]state.Reason{
		"MissingFieldError: Missing photo or description": state.MissingPhoto,
		"Missing photo": state.MissingPhoto,
		"ImportError: MissingFieldError: Missing photo":               state.MissingPhoto,
		"AlreadyUsedError: App slug 'Papp2' already used":             state.OrphanedApp,
		"App 'Papp2' already exists":                                  state.OrphanedApp,
		"SlugAlreadyInUse: Slug app already used":                     state.SlugTaken,
		"Slug app already used by workspace 6f1c2a":                   state.SlugTaken,
		"AlreadyUsedError: pages slug home already exists":            state.ImportErrors,
		"ValidationError: photo is no text, Missing photo":            state.ImportErrors,
		"PrismeError: Once published, an app slug cannot be updated.": state.ImportErrors,
		"no space": state.ImportErrors,
	} {
		if got := classifyProblem(platform.Problem{Message: text}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestErrorsAboutApps checks that each error has its own reason, unless there is a more severe one.
func TestErrorsAboutApps(t *testing.T) {
	both := []state.Reason{state.MissingPhoto, state.OrphanedApp}
	const photo, orphan = "Missing photo", "AlreadyUsedError: App slug 'b' already used"
	for name, k := range map[string]struct {
		fail     map[string]string
		tolerate []state.Reason
		want     state.Reason
		warning  string
	}{
		"photo":                       {map[string]string{"b": photo}, nil, state.MissingPhoto, ""},
		"app":                         {map[string]string{"b": orphan}, nil, state.OrphanedApp, ""},
		"photo, then worse":           {map[string]string{"a": photo, "b": "no space"}, nil, state.ImportErrors, ""},
		"the other is tolerated":      {map[string]string{"b": orphan}, both[:1], state.OrphanedApp, ""},
		"photo tolerated, then worse": {map[string]string{"a": photo, "b": "no space"}, both, state.ImportErrors, "missing-photo: a"},
		"tolerated":                   {map[string]string{"a": photo, "b": orphan, "c": photo}, both, "", "missing-photo: a, c; orphaned-app: b"},
	} {
		for n := range 4 { // it is unknown whether an error sets the version
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				o := platformtest.Options{VersionAfterFailure: n < 2, ErrorsInWorkspacesOnly: n%2 == 0}
				inBubble(t, o, 1, func(t *testing.T, c *cluster) {
					for slug, text := range k.fail {
						c.Fail(slug, text)
					}
					r := c.replicas[0]
					r.policy.Tolerate = k.tolerate
					c.startAll()
					time.Sleep(10 * time.Minute)
					if c.reason() != k.want || r.ready() != (k.want == "") {
						t.Errorf("reason %q, ready %t: %+v", c.reason(), r.ready(), r.get().Problem)
					}
					warning := ""
					for _, w := range r.get().Warnings {
						warning += w.Text
					}
					if warning != k.warning {
						t.Errorf("the warning is %q, want %q", warning, k.warning)
					}
					if (k.warning != "") != r.log.has("tolerating errors of the import") {
						t.Errorf("the log is %s", r.log)
					}
				})
			})
		}
	}
}

// TestAToleratedErrorIsToleratedByOthers checks that a replica that starts later finds the error
// in the events, and does not import again.
func TestAToleratedErrorIsToleratedByOthers(t *testing.T) {
	inBubble(t, platformtest.Options{VersionAfterFailure: true, PodEvents: true}, 2, func(t *testing.T, c *cluster) {
		c.Fail("b", "Missing photo")
		for _, r := range c.replicas {
			r.policy.Tolerate = []state.Reason{state.MissingPhoto}
		}
		c.replicas[0].start()
		time.Sleep(time.Minute)
		c.replicas[1].start()
		c.wait(time.Minute)
		if n := len(c.Ledger().Bulks); n != 3 {
			t.Errorf("%d imports, want 3", n)
		}
	})
}

// deleting makes each response to a pull report deleted files of b.
func deleting(c *cluster, edit string) {
	insert := func(body []byte) []byte {
		return []byte(strings.Replace(string(body), `"slug":"b"`, edit+`"slug":"b"`, 1))
	}
	c.replicas[0].Faults.Add(platformtest.Fault{Op: "pull", Times: -1, Kind: platformtest.Alter, Edit: insert})
}

// missing makes the comparison of a workspace lack an automation.
func missing(c *cluster, current string) {
	c.replicas[0].Faults.Add(platformtest.Fault{Op: "status", Times: -1, Kind: platformtest.Answer, Status: http.StatusOK,
		Body: `{"changes":[{"type":"automations","slug":"hello","currentChecksum":"` + current +
			`","expectedChecksum":"92eb5ffee6ae2fec3ad71c777531578f"}]}`})
}

// TestFilesThatThePlatformDeleted checks that deleted files count only if the release ships them.
func TestFilesThatThePlatformDeleted(t *testing.T) {
	const count = `"deletedFilesCount":2,`
	for name, k := range map[string]struct {
		setUp func(c *cluster)
		want  state.Reason
		text  string
	}{
		"a number, and all is there":   {func(c *cluster) { deleting(c, count) }, "", ""},
		"a number, and one is edited":  {func(c *cluster) { deleting(c, count); missing(c, "0cc175b9c0f1b6a831c399e269772661") }, "", ""},
		"a number, and one is missing": {func(c *cluster) { deleting(c, count); missing(c, "") }, state.FilesDeleted, "workspace b: the platform deleted automations/hello"},
		"imported and deleted": {func(c *cluster) {
			deleting(c,
				`"imported":["index.yml","automations/a.yaml"],"deleted":[{"path":"automations/a.yaml"},"pages/old.yml"],`)
		}, state.FilesDeleted, "workspace b: the platform deleted automations/a.yaml"},
		"deleted only": {func(c *cluster) { deleting(c, `"imported":["index.yml"],"deleted":["pages/old.yml"],`) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
				r := c.replicas[0]
				r.policy.RetryMin, r.policy.RetryMax = time.Hour, time.Hour
				r.policy.Reconcile = ReconcileNever
				k.setUp(c)
				c.startAll()
				time.Sleep(time.Minute)
				p := r.get().Problem
				if c.reason() != k.want || r.ready() != (k.want == "") || p != nil && !strings.HasPrefix(p.Message, k.text) {
					t.Errorf("reason %q, ready %t: %+v", c.reason(), r.ready(), p)
				}
			})
		})
	}
}

// TestDeletedFilesAreNotForgotten covers a sidecar that starts later: the version is installed, and
// the events show the deletion.
func TestDeletedFilesAreNotForgotten(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.policy.Reconcile = ReconcileNever
		deleting(c, `"deletedFilesCount":2,`)
		missing(c, "")
		c.startAll()
		time.Sleep(20 * time.Minute)
		if c.reason() != state.FilesDeleted && c.reason() != state.ImportErrors || r.ready() {
			t.Errorf("reason %q, ready %t", c.reason(), r.ready())
		}
	})
}

func TestTheListOfToleratedErrorsIsBounded(t *testing.T) {
	var all []state.Workspace
	for range 30 {
		all = append(all, state.Workspace{Slug: "w", Tolerated: []state.Reason{state.OrphanedApp}})
	}
	want := "orphaned-app: " + strings.Repeat("w, ", 19) + "w and 10 more"
	if diff := cmp.Diff(want, describeTolerated([]state.Group{{Workspaces: all}})); diff != "" {
		t.Error(diff)
	}
}
