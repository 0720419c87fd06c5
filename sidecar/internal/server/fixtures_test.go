// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/syncbuffer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// noon is the time at which the pages are rendered.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time { t := noon.Add(-d); return &t }

// nasty is hostile text: markup, closing tags of the surrounding elements, characters that reorder
// or erase, and an invalid rune.
const nasty = "</bdi></li></style><script>alert(1)</script><img src=x onerror=alert(1)>" +
	"\u202egnp.exe\u202c \u2066x\u2069 \x00\x07\x1b[31mred\x1b[0m\r\n\t\u2028line\xff\ufeff\"'`{{.}}"

func workspaces(s state.WorkspaceState, slugs ...string) []state.Workspace {
	all := make([]state.Workspace, len(slugs))
	for n, slug := range slugs {
		name := strings.ReplaceAll(strings.ToUpper(slug[:1])+slug[1:], "-", " ")
		all[n] = state.Workspace{Slug: slug, Name: name, Version: "2026.11.2", State: s}
	}
	return all
}

// healthy returns a release that was confirmed two hours ago.
func healthy() *state.Snapshot {
	return &state.Snapshot{
		SchemaVersion: state.SchemaVersion, Phase: state.Watching, Since: *before(3 * time.Hour),
		Started: *before(4 * time.Hour), Mode: "import",
		Gate: state.Gate{Open: true, Why: state.GateConfirmed, Since: before(3 * time.Hour)}, Confirmed: true,
		Release: state.Release{Name: "2026.11.2", Repository: "release", RepositoryName: "Release 2026.11.2",
			ManifestDigest: "sha256:7b6f1b0c7e0b0e5d3a5d1c2b4a69788f6e5d4c3b2a19081726354453627180aa", Verification: state.Full},
		Groups: []state.Group{
			{Name: "base1", State: state.GroupConfirmed, Workspaces: workspaces(state.WorkspaceSkipped, "audit-trail", "mail-sender", "document-reader")},
			{Name: "base2", State: state.GroupConfirmed, Workspaces: workspaces(state.WorkspaceImported, "customer-directory", "ticket-classifier")},
			{Name: "extended", State: state.GroupConfirmed, Workspaces: workspaces(state.WorkspaceImported, "claims-intake", "back-office-portal", "knowledge-client-next")},
		},
		Passes: 19, LastAttempt: before(4 * time.Minute), LastSuccess: before(4 * time.Minute),
		LastProgress: before(3 * time.Hour),
		Drift:        &state.Drift{Checked: *before(4 * time.Minute)}, CorrelationID: "sidecar-MZXW6YTBOI4DGMRU",
		TokenExpires: before(-40 * 24 * time.Hour),
	}
}

// problemAt returns a problem with fixed advice, so that the goldens do not depend on the texts of
// package state.
func problemAt(r state.Reason, message, group string, since time.Time) *state.Problem {
	return &state.Problem{Reason: r, Title: "Another workspace uses the slug", Message: message, Group: group,
		Remedy:  "Rename or delete the workspace that has the slug, or correct its labels; then retry.",
		Runbook: "docs/runbooks/import-failing.md", Since: since}
}

// failing returns a release with a failed group.
func failing() *state.Snapshot {
	s := healthy()
	s.Phase = state.Retrying
	s.Since = *before(20 * time.Second)
	s.Confirmed = false
	s.LastSuccess = nil
	s.Drift = nil
	s.Gate = state.Gate{Why: state.GateWaits}
	s.NextAttempt = before(-32 * time.Second)
	s.LastAttempt = before(50 * time.Second)
	s.LastProgress = before(8 * time.Minute)
	s.Started = *before(9 * time.Minute)
	s.Passes = 6
	s.Groups[1].State, s.Groups[2].State = state.GroupFailed, state.GroupPending
	s.Groups[1].Workspaces = append(workspaces(state.WorkspaceImported, "customer-directory", "claims-archive"),
		state.Workspace{Slug: "ticket-classifier", Name: "Ticket classifier", Version: "2026.11.2",
			State: state.WorkspaceFailed,
			Error: "SlugAlreadyInUse: Slug ticket-classifier already used by workspace 6f1c2a"},
		state.Workspace{Slug: "summary-agent", Name: "Summary agent", Version: "2026.11.2", State: state.WorkspaceMissing,
			Error: "not reported"})
	for n := range s.Groups[2].Workspaces {
		s.Groups[2].Workspaces[n].State = state.WorkspacePending
	}
	s.Problem = problemAt(state.SlugTaken,
		"workspace ticket-classifier: SlugAlreadyInUse: Slug ticket-classifier already used by workspace 6f1c2a", "base2", *before(8 * time.Minute))
	return s
}

func waiting() *state.Snapshot {
	s := healthy()
	s.Phase, s.Since, s.Started = state.Waiting, *before(3 * time.Second), *before(3 * time.Second)
	s.Mode = ""
	s.Confirmed = false
	s.Gate = state.Gate{Why: state.GateWaits}
	s.Drift = nil
	s.LastSuccess = nil
	s.LastProgress = nil
	s.TokenExpires = nil
	s.CorrelationID = ""
	s.Groups = []state.Group{{Name: "base1", State: state.GroupPending}, {Name: "base2", State: state.GroupPending}}
	s.Release = state.Release{Repository: "release", Verification: state.Unverified}
	s.Passes, s.LastAttempt, s.NextAttempt = 12, before(0), before(-200*time.Millisecond)
	s.Problem = problemAt(state.TargetDown, "GET http://127.0.0.1:80/v2/workspaces/platform: connection refused", "",
		*before(3 * time.Second))
	return s
}

func importing() *state.Snapshot {
	s := failing()
	s.Phase, s.Since, s.Problem, s.NextAttempt = state.Import, *before(70 * time.Second), nil, nil
	s.Groups[1] = state.Group{Name: "base2", State: state.GroupImporting,
		Workspaces: workspaces(state.WorkspacePending, "customer-directory", "ticket-classifier")}
	s.Lock = &state.LockInfo{By: "workspaces-7c9f-x2x1p", Reason: "bulk_import", Since: *before(70 * time.Second)}
	return s
}

func drifted() *state.Snapshot {
	s := healthy()
	s.Drift = &state.Drift{Checked: *before(4 * time.Minute), Workspaces: []string{"claims-intake", "mail-sender"}}
	s.Problem = problemAt(state.Drifted, "changed or missing: claims-intake, mail-sender", "", *before(4 * time.Minute))
	return s
}

func timedOut() *state.Snapshot {
	s := failing()
	s.Gate = state.Gate{Open: true, Why: state.GateTimedOut, Since: before(2 * time.Minute)}
	return s
}

// hostile returns a snapshot with the nasty text in every field that the platform, the manifest or
// the configuration can set.
func hostile() *state.Snapshot {
	s := failing()
	s.Mode, s.CorrelationID = nasty, nasty
	s.Release = state.Release{Name: nasty, Repository: nasty, RepositoryName: nasty, ManifestDigest: nasty,
		Verification: state.Full}
	s.Problem = problemAt(state.ImportErrors, nasty+strings.Repeat("long ", 2000), nasty, *before(time.Minute))
	s.Lock = &state.LockInfo{By: nasty, Reason: nasty, Since: *before(time.Minute)}
	s.Drift = &state.Drift{Checked: *before(time.Minute), Workspaces: []string{nasty}}
	s.Groups = []state.Group{{Name: nasty, State: state.GroupFailed, Workspaces: []state.Workspace{
		{Slug: nasty, Name: nasty, Version: nasty, State: state.WorkspaceFailed, Error: nasty + strings.Repeat("é", 5000)}}}}
	return s
}

// large returns a release of 10,000 workspaces in four groups, of which every 40th has failed.
func large() *state.Snapshot {
	s := failing()
	s.Groups = nil
	for g := range 4 {
		group := state.Group{Name: fmt.Sprintf("group-%d", g), State: state.GroupFailed}
		for n := range 2500 {
			w := state.Workspace{Slug: fmt.Sprintf("workspace-%d-%04d", g, n), Name: "Some workspace", Version: "2026.11.2",
				State: state.WorkspaceImported}
			if n%40 == 39 {
				w.State, w.Error = state.WorkspaceFailed, "SlugAlreadyInUse: "+strings.Repeat("the slug is in use ", 50)
			}
			group.Workspaces = append(group.Workspaces, w)
		}
		s.Groups = append(s.Groups, group)
	}
	return s
}

// storeOf returns the store of a sidecar that started an hour ago and holds s.
func storeOf(s *state.Snapshot) *state.Store {
	store := state.NewStore()
	store.Update(func(current *state.Snapshot) { *current, current.Started = *s, time.Now().Add(-time.Hour) })
	return store
}

// logBuffer is a log that is safe for concurrent use.
type logBuffer struct{ syncbuffer.Buffer }

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
