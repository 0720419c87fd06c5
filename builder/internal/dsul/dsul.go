// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dsul looks inside automations and pages: it finds calls that lead nowhere, misspelt
// instructions and fields, and expressions that do not end.
//
// A [Release] is fed each file once and keeps small facts only. [Release.Check] reports what
// those facts make of each other. A check is silent wherever it cannot know: names that are
// computed, apps that the release does not hold, files that it cannot read.
//
// Messages quote names that have the form of a name, and nothing else of a file, which may
// hold a secret.
package dsul

import (
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
)

// Ids of the rules, as findings carry them. They are stable.
const (
	UnknownInstruction = "dsul-unknown-instruction"
	UnknownField       = "dsul-unknown-field"
	InstructionKeys    = "dsul-instruction-keys"
	UnclosedExpression = "dsul-unclosed-expression"
	UnknownAutomation  = "dsul-unknown-automation"
	UnknownInstance    = "dsul-unknown-app-instance"
	UnknownEvent       = "dsul-unknown-event"
	UnknownPage        = "dsul-unknown-page"
	UnknownArgument    = "dsul-unknown-argument"
	OpenEndpoint       = "dsul-open-endpoint"
)

// Rule is a check.
type Rule struct {
	ID string
	// Info says that a finding is worth knowing but nothing to correct as such.
	Info bool
	// Title says what is wrong, Meaning what follows from it, Example shows it.
	Title, Meaning, Example string
	// Help says what to do about a finding.
	Help string
}

// Rules returns the checks.
func Rules() []Rule {
	return []Rule{
		{
			UnknownInstruction, false,
			"An instruction or an automation is not known", "The platform fails here when it runs the automation.",
			"do: [{fetsh: {url: …}}]",
			"correct the name, or add the automation; the platform fails here when it runs",
		},
		{
			UnknownField, false,
			"A field of an instruction is not known", "The platform ignores the field.", "fetch: {ulr: …}",
			"correct the name; the platform ignores the field",
		},
		{
			InstructionKeys, false,
			"An instruction has more than one name", "The platform runs the first one and ignores the others.",
			"do: [{set: {…}, emit: {…}}]",
			"give each instruction its own item (- name:), and indent its fields below it",
		},
		{
			UnclosedExpression, false,
			"An expression does not end", "The platform takes it as plain text.", "value: 'Hello {{name'",
			"close it ({{name}}, {% expression %}); the platform takes it as plain text",
		},
		{
			UnknownAutomation, false,
			"A call goes to an automation that does not exist", "The platform fails here when it runs the " +
				"automation.", "Mail.sendd: {…}",
			"correct the name, or add the automation to the workspace that is called",
		},
		{
			UnknownInstance, false,
			"A call goes to an app instance that does not exist", "The platform fails here when it runs the " +
				"automation.", "Mial.send: {…}",
			"correct the name, or install the app (imports/<name>.yml)",
		},
		{
			UnknownEvent, false,
			"Nothing emits an event that an automation listens to", "The automation never runs.",
			"when: {events: [claim-opend]}",
			"correct the name of the event, or emit it; unless something outside of the release does",
		},
		{
			UnknownPage, false,
			"A link leads to a page that does not exist", "The user sees an error.", "href: /claimz",
			"correct the name, or add the page",
		},
		{
			UnknownArgument, false,
			"A call passes an argument that the automation does not take", "The platform ignores the argument.",
			"open-claim: {nmber: 12}",
			"correct the name, or declare it in arguments of the automation that is called",
		},
		{
			OpenEndpoint, true,
			"An endpoint does not check its caller", "Everybody who knows the address can run the automation.",
			"when: {endpoint: true}",
			"check the caller (user, headers, run.authenticatedWorkspaceId), or limit in security.yml who may " +
				"execute the automation",
		},
	}
}

// Finding is something that looks wrong at a place.
type Finding struct {
	Rule string
	// File is the path of the file, below the directory of the workspaces.
	File string
	// Line and Column are 1-based; 0 means the file as a whole.
	Line, Column int
	Message      string
}

// Release gathers what the files of a release say. It is for one goroutine. A nil Release
// takes files and finds nothing.
type Release struct {
	words      *vocabulary
	workspaces map[string]*workspace
	// apps holds the workspaces that publish an app, by its slug.
	apps map[string]*workspace
	// seen holds what was read of a content, since workspaces have many files in common.
	seen     map[uint64]*automation
	seed     maphash.Seed
	mentions mentions
	tree     tree
	names    map[string]string
}

// workspace is what is known about one workspace.
type workspace struct {
	slug        string
	automations []file
	// instances maps the slugs of app instances to those of their apps.
	instances map[string]string
	pages     map[string]bool
	links     []link
	// guarded says that security.yml has rules on who may execute automations.
	guarded bool
	// computed says that the workspace emits events whose names are computed, or has sources
	// whose events nobody can list.
	computed bool
	// app says that the workspace publishes an app, whose users may emit its events.
	app bool
}

// file is an automation at a path.
type file struct {
	path string
	*automation
}

// New returns an empty release.
func New() *Release {
	return &Release{
		words:      newVocabulary(),
		workspaces: map[string]*workspace{},
		apps:       map[string]*workspace{},
		seen:       map[uint64]*automation{},
		seed:       maphash.MakeSeed(),
		mentions:   mentions{},
		names:      map[string]string{},
	}
}

// Add takes a file of a workspace, by its path within it, with slashes. It keeps no
// reference to data.
func (r *Release) Add(slug, name string, data []byte) {
	if r == nil {
		return
	}
	w := r.workspace(slug)
	section, within, nested := strings.Cut(name, "/")
	isYAML := path.Ext(name) == ".yml" || path.Ext(name) == ".yaml"
	switch {
	case section == "automations" && nested && isYAML:
		w.automations = append(w.automations, file{within, r.automation(data)})
	case section == "imports" && nested && isYAML:
		r.instance(w, strings.TrimSuffix(within, path.Ext(within)), data)
	case section == "pages" && nested:
		r.page(w, within, isYAML, data)
	case name == "index.yml":
		r.index(w, data)
	case name == "security.yml":
		w.guarded = mentionsWord(data, "automations")
	}
}

func (r *Release) workspace(slug string) *workspace {
	w := r.workspaces[slug]
	if w == nil {
		w = &workspace{slug: slug, instances: map[string]string{}, pages: map[string]bool{}}
		r.workspaces[slug] = w
	}
	return w
}

// Publish says that a workspace publishes an app.
func (r *Release) Publish(slug, app string) {
	if r == nil || app == "" {
		return
	}
	w := r.workspace(slug)
	w.app = true
	r.apps[app] = w
}

// automation returns what a file says, and remembers it.
func (r *Release) automation(data []byte) *automation {
	sum := maphash.Bytes(r.seed, data)
	if a, known := r.seen[sum]; known {
		return a
	}
	a := r.readAutomation(data)
	r.seen[sum] = a
	return a
}

// keep returns the text without a reference to the file; equal names are kept once.
func (r *Release) keep(text []byte) string {
	if name, known := r.names[string(text)]; known {
		return name
	}
	name := string(text)
	r.names[name] = name
	return name
}

// show quotes what has the form of a name. Anything else may be a secret in the wrong place,
// and is described instead.
func show(name string) string {
	if len(name) <= 64 && !slices.ContainsFunc([]byte(name), func(b byte) bool {
		return !alphanumeric(b) && b < 0x80 && !strings.ContainsRune(" ,.'_:/-", rune(b))
	}) {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("(a text of %d bytes)", len(name))
}

// hint ends a message with the word that was probably meant.
func hint(name string) string {
	if name == "" {
		return ""
	}
	return ", did you mean " + show(name) + "?"
}
