// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// tone is the severity of an item. The page shows it as a color and a sign.
type tone string

const (
	toneGood    tone = "good"
	toneBusy    tone = "moves"
	toneWarning tone = "warns"
	toneBad     tone = "bad"
	toneQuiet   tone = "quiet"
)

// Sign returns the sign, for readers who cannot see colors.
func (t tone) Sign() string {
	switch t {
	case toneGood:
		return "✓"
	case toneBusy:
		return "…"
	case toneWarning:
		return "!"
	case toneBad:
		return "✕"
	}
	return "·"
}

// Color returns the color of the browser tab's icon.
func (t tone) Color() string {
	switch t {
	case toneGood:
		return "1a7f3c"
	case toneBusy:
		return "0b57b0"
	case toneWarning:
		return "b87503"
	case toneBad:
		return "c0182f"
	}
	return "566072"
}

// view is the model of the page. Text from other systems has been through [sanitize].
type view struct {
	Place place
	// Settled is true if nothing is in progress.
	Settled bool
	// Refreshes is true if the page refreshes itself.
	Refreshes bool
	Tone      tone
	Headline  string
	Summary   string
	Release   string
	// Warning is empty unless the gate opened without confirmation.
	Warning string
	// GateRunbook is the runbook for Warning.
	GateRunbook runbook
	Problem     *problem
	Causes      []*cause
	Bar         bar
	// Growing is true if more workspaces may appear: without a manifest, groups become known one by
	// one.
	Growing bool
	Groups  []group
	// MoreGroups is the number of groups that are not shown.
	MoreGroups int
	Facts      []fact
	Build      version.Info
	Now        moment
}

type problem struct {
	Title, Message, Group, Remedy, Reason string
	Runbook                               runbook
	Tone                                  tone
	Since                                 moment
	Cause                                 *cause // nil if it is about something else
}

// runbook is a page of docs/runbooks and its URL.
type runbook struct{ Path, URL string }

// fact is a line of the details.
type fact struct {
	Name, Text string
	When       *moment
	Tone       tone
}

// moment is a time with its distance from now.
type moment struct {
	time.Time
	Distance string
}

// UTC returns the time for machines and tooltips.
func (m moment) UTC() string { return m.Time.UTC().Format(time.RFC3339) }

// Text returns the time for readers, in UTC like the logs, because the readers may be in different
// time zones.
func (m moment) Text() string { return m.Time.UTC().Format("2006-01-02 15:04:05 UTC") }

func newView(s *state.Snapshot, gate state.GatePolicy, now time.Time, build version.Info, runbooks string) *view {
	v := &view{Build: build, Now: newMoment(now, now), Release: describeRelease(&s.Release)}
	v.Settled = s.Phase == state.Watching && s.Confirmed
	v.Tone, v.Headline = chooseHeadline(s)
	v.Summary = describePhase(s, now)
	v.Warning = gateWarning(s, gate)
	v.GateRunbook = newRunbook(gateRunbook, runbooks)
	causes := v.findCauses(s.Groups, runbooks)
	if s.Problem != nil {
		v.Problem = newProblem(s.Problem, now, runbooks)
		if v.Problem.Cause = v.findProblemCause(s.Problem); v.Problem.Cause != nil {
			v.Problem.Cause.Anchor = "problem-card"
		}
	}
	v.addGroups(s.Groups, causes)
	v.addFacts(s, gate, now)
	return v
}

// describeRelease names the release of the pod as precisely as it is known.
func describeRelease(r *state.Release) string {
	if r.Name == "" && r.Repository != "" {
		return "Repository " + sanitize(r.Repository, maxName)
	}
	if r.Name == "" {
		return ""
	}
	return "Release " + sanitize(r.Name, maxName)
}

func chooseHeadline(s *state.Snapshot) (tone, string) {
	trouble := s.Problem != nil && !s.Problem.Reason.IsTransient()
	switch {
	case !s.Gate.Open && trouble:
		return toneBad, "Not ready"
	case !s.Gate.Open:
		return toneBusy, "Not ready yet"
	case s.Gate.Why != state.GateConfirmed:
		return toneWarning, "Ready without confirmation"
	case trouble:
		return toneWarning, "Ready, but needs attention"
	case !s.Confirmed:
		return toneBusy, "Ready, and importing another release"
	}
	return toneGood, "Ready"
}

// describePhase describes the current phase in a sentence.
func describePhase(s *state.Snapshot, now time.Time) string {
	switch s.Phase {
	case state.Waiting:
		return "Waiting for the workspaces service of this pod to respond."
	case state.Preflight:
		return "Checking that this pod has the release and accepts the identity."
	case state.Lock:
		return "Waiting for the platform's write lock to be released."
	case state.Import:
		return "The platform is importing" + describeGroup(s.Groups) + "."
	case state.Confirm:
		return "Verifying every workspace" + describeGroup(s.Groups) + "."
	case state.Retrying:
		return "The last pass failed. " + describeNextPass(s.NextAttempt, now)
	}
	if s.Release.Verification == state.Partial {
		return "The platform reports success. Without a manifest, the sidecar cannot verify that the release is complete."
	}
	return "The platform confirmed every workspace of the release."
}

func describeNextPass(next *time.Time, now time.Time) string {
	if next == nil || !next.After(now) {
		return "The next one starts now."
	}
	return "The next one starts " + formatDistance(now, *next) + "."
}

// describeGroup describes the group in progress, for example " group base2, 2 of 4".
func describeGroup(groups []state.Group) string {
	for n, g := range groups {
		if groupTone(g.State) == toneBusy {
			return fmt.Sprintf(" group %s, %d of %d", sanitize(g.Name, maxName), n+1, len(groups))
		}
	}
	return ""
}

// gateRunbook is the page of the alert about an unconfirmed open gate.
const gateRunbook = "gate-opened-unconfirmed.md"

func gateWarning(s *state.Snapshot, policy state.GatePolicy) string {
	switch {
	case s.Confirmed:
	case s.Gate.Why == state.GateOff:
		return "The gate is off: the pod is Ready regardless of the import."
	case s.Gate.Why == state.GateTimedOut:
		return "The gate timed out (policy " + policy.String() + "), and the release is still not confirmed."
	}
	return ""
}

func newProblem(p *state.Problem, now time.Time, runbooks string) *problem {
	t := toneBad
	switch {
	case p.Reason.IsTransient():
		t = toneBusy
	case p.Reason == state.Drifted:
		t = toneWarning
	}
	return &problem{
		Title:   p.Title,
		Message: sanitize(p.Message, maxError),
		Group:   sanitize(p.Group, maxName),
		Remedy:  p.Remedy,
		Runbook: newRunbook(p.Runbook, runbooks),
		Reason:  string(p.Reason),
		Tone:    t,
		Since:   newMoment(now, p.Since),
	}
}

// released matches versions that have a tag.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+$`)

// newRunbook returns the link to a page. Only the last element of its path is used.
func newRunbook(page, base string) runbook {
	name := path.Base(page)
	return runbook{Path: "docs/runbooks/" + name, URL: strings.TrimSuffix(base, "/") + "/" + name}
}

// publicRunbookURL returns the URL of the pages for the version of the program, or of main if it has
// no tag.
func publicRunbookURL(build version.Info) string {
	ref := "main"
	if released.MatchString(build.Version) {
		ref = build.Version
	}
	return "https://github.com/prismeai/workspaces-release/blob/" + ref + "/docs/runbooks"
}

func (v *view) addFacts(s *state.Snapshot, gate state.GatePolicy, now time.Time) {
	r := &s.Release
	v.addFact("Phase", string(s.Phase)+", entered", newMoment(now, s.Since))
	v.addGate(s, gate, now)
	v.addFact("Release", r.Name)
	v.addFact("Repository", strings.Trim(r.Repository+" – "+r.RepositoryName, " –"))
	v.addFact("Mode", s.Mode)
	v.addFact("Verification", string(r.Verification))
	v.addTime("Next attempt", s.NextAttempt, now)
	v.addTime("Last attempt", s.LastAttempt, now)
	v.addTime("Last progress", s.LastProgress, now)
	v.addTime("Last confirmed", s.LastSuccess, now)
	v.addLock(s.Lock, now)
	for _, w := range s.Warnings {
		v.addFact("Warning", w.Text)
	}
	if d := s.Drift; d != nil {
		v.addDrift(d, now)
	}
	v.addFact("Correlation id", s.CorrelationID)
	v.addTime("Token expires", s.TokenExpires, now)
	v.addFact("Passes", fmt.Sprint(s.Passes))
	v.addTime("Started", &s.Started, now)
	v.addFact("Manifest", r.ManifestDigest)
}

// addFact adds a line, unless text is empty.
func (v *view) addFact(name, text string, when ...moment) {
	if text == "" {
		return
	}
	f := fact{Name: name, Text: sanitize(text, maxFact)}
	if len(when) > 0 {
		f.When = &when[0]
	}
	v.Facts = append(v.Facts, f)
}

func (v *view) addTime(name string, t *time.Time, now time.Time) {
	if t != nil {
		m := newMoment(now, *t)
		v.Facts = append(v.Facts, fact{Name: name, When: &m})
	}
}

func (v *view) addGate(s *state.Snapshot, policy state.GatePolicy, now time.Time) {
	text := "closed, policy " + policy.String()
	if s.Gate.Open {
		text = "open (" + string(s.Gate.Why) + "), policy " + policy.String()
	}
	if s.Gate.Since != nil {
		v.addFact("Gate", text+", opened", newMoment(now, *s.Gate.Since))
		return
	}
	v.addFact("Gate", text)
}

func (v *view) addLock(l *state.LockInfo, now time.Time) {
	if l == nil {
		return
	}
	text := fmt.Sprintf("held by %s (%s)", l.By, l.Reason)
	if l.Pod != "" && l.Pod != l.By {
		text += " from pod " + l.Pod
	}
	if l.Orphaned {
		text += ", whose service has stopped"
	}
	v.addFact("Write lock", text+", taken", newMoment(now, l.Since))
	v.addTime("Lock expires by", l.EndsBy, now)
}

func (v *view) addDrift(d *state.Drift, now time.Time) {
	text := "none"
	if len(d.Workspaces) > 0 {
		text = state.JoinSlugs(d.Workspaces)
	}
	v.addFact("Drift", text+", checked", newMoment(now, d.Checked))
}

func newMoment(now, t time.Time) moment { return moment{t, formatDistance(now, t)} }

// formatDistance describes the distance of t from now in a convenient unit.
func formatDistance(now, t time.Time) string {
	d := now.Sub(t).Round(time.Second)
	text := formatSpan(max(d, -d))
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return "in " + text
	}
	return text + " ago"
}

func formatSpan(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d\u00a0s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d\u00a0min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d\u00a0h", d/time.Hour)
	}
	return fmt.Sprintf("%d\u00a0days", d/(24*time.Hour))
}
