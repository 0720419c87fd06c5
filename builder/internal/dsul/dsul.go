// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dsul checks automations and pages. It finds calls without a target, misspelt instructions
// and fields, and unterminated expressions.
//
// A [Reader] reads the facts of one file after another. A [Release] is given the facts of each file
// once, and [Release.Check] compares them. It does not report what it cannot know: computed names,
// apps outside of the release, files that it cannot parse.
//
// Messages only quote texts that look like names, because a file may contain secrets.
package dsul

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Rule IDs. They are stable.
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
	// Info rules report something that need not be corrected.
	Info bool
	// Title describes the problem, Meaning its consequence; Example shows it.
	Title, Meaning, Example string
	// Help describes the remedy.
	Help string
}

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		{
			UnknownInstruction, false,
			"An instruction or automation is unknown", "The platform fails here when it runs the automation.",
			"do: [{fetsh: {url: …}}]",
			"correct the name, or add the automation; the platform fails here when it runs",
		},
		{
			UnknownField, false,
			"A field of an instruction is unknown", "The platform ignores the field.", "fetch: {ulr: …}",
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
			"An expression does not end", "The platform treats it as plain text.", "value: 'Hello {{name'",
			"close it ({{name}}, {% expression %}); the platform treats it as plain text",
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
			"correct the name of the event, or emit it, unless something outside of the release does",
		},
		{
			UnknownPage, false,
			"A link leads to a page that does not exist", "The user sees an error.", "href: /claimz",
			"correct the name, or add the page",
		},
		{
			UnknownArgument, false,
			"A call passes an argument that the automation does not have", "The platform ignores the argument.",
			"open-claim: {nmber: 12}",
			"correct the name, or declare it in arguments of the automation that is called",
		},
		{
			OpenEndpoint, true,
			"An endpoint does not check its caller", "Anyone who knows the address can run the automation.",
			"when: {endpoint: true}",
			"check the caller (user, headers, run.authenticatedWorkspaceId), or limit in security.yml who may " +
				"execute the automation",
		},
	}
}

// Finding is a problem at a position.
type Finding struct {
	Rule string
	// File is the path of the file below the directory of the workspaces.
	File string
	// Line and Column are 1-based; 0 means the whole file.
	Line, Column int
	Message      string
}

// Release collects the facts of the files of a release. It is not safe for concurrent use.
type Release struct {
	words      *vocabulary
	workspaces map[string]*workspace
	// apps holds the workspaces that publish an app, by app slug.
	apps     map[string]*workspace
	mentions mentions
}

// workspace holds the facts of one workspace.
type workspace struct {
	slug        string
	automations []file
	// instances maps slugs of app instances to those of their apps.
	instances map[string]string
	pages     map[string]bool
	links     []pageLink
	// guarded is set if security.yml has rules about executing automations.
	guarded bool
	// computed is set if not all events of the workspace are known: their names are computed, or
	// page sources may emit them.
	computed bool
	// app is set if the workspace publishes an app, whose users may emit its events.
	app bool
}

// file is an automation and its path.
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
		mentions:   mentions{},
	}
}

// Add adds the facts of a file of a workspace. name is the path of the file in the workspace.
func (r *Release) Add(slug, name string, f *Facts) {
	if f == nil {
		return
	}
	w := r.workspaceOf(slug)
	for _, hash := range f.mentioned {
		r.mentions.addHash(hash)
	}
	w.guarded = w.guarded || f.guarded
	w.computed = w.computed || f.computed
	_, within, _ := strings.Cut(name, "/")
	if f.automation != nil {
		w.automations = append(w.automations, file{within, f.automation})
	}
	if f.others != nil {
		w.addObjects(name, strings.TrimSuffix(within, path.Ext(within)), f.others)
	}
}

// addObjects adds the objects of a file. stem is its path in the section without the extension.
func (w *workspace) addObjects(name, stem string, found *objects) {
	for _, slug := range found.inlined {
		w.automations = append(w.automations, unreadFile(slug))
	}
	for _, i := range found.instances {
		w.instances[cmp.Or(i.slug, stem)] = i.app
	}
	if found.page {
		w.pages[stem] = true
		w.pages[cmp.Or(found.slug, stem)] = true
	}
	for _, l := range found.links {
		w.links = append(w.links, pageLink{name, l})
	}
}

func (r *Release) workspaceOf(slug string) *workspace {
	w := r.workspaces[slug]
	if w == nil {
		w = &workspace{slug: slug, instances: map[string]string{}, pages: map[string]bool{}}
		r.workspaces[slug] = w
	}
	return w
}

// Publish records that a workspace publishes an app.
func (r *Release) Publish(slug, app string) {
	if app == "" {
		return
	}
	w := r.workspaceOf(slug)
	w.app = true
	r.apps[app] = w
}

// quoteName quotes a text that looks like a name. Anything else may be a misplaced secret, so only its
// length is shown.
func quoteName(name string) string {
	if len(name) <= 64 && !slices.ContainsFunc([]byte(name), func(b byte) bool {
		return !isAlphanumeric(b) && b < 0x80 && !strings.ContainsRune(" ,.'_:/-", rune(b))
	}) {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("(a text of %d bytes)", len(name))
}

// suggestion returns the end of a message that suggests a name.
func suggestion(name string) string {
	if name == "" {
		return ""
	}
	return ", did you mean " + quoteName(name) + "?"
}
