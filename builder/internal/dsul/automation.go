// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// position is a position in a file.
type position struct{ line, column int32 }

// localFinding is a finding that concerns a single file.
type localFinding struct {
	rule    string
	at      position
	message string
}

// automation holds the facts of an automation.
type automation struct {
	slug string
	// unread is set if the file could not be parsed: only its existence is known.
	unread bool
	// arguments are the declared names; nil if the declaration may be incomplete.
	arguments []string
	// variables are the hashes of the first names of its expressions.
	variables []uint64
	calls     []call
	// events are the events that it listens to or waits for.
	events []reference
	// emits are the events that it emits.
	emits []string
	// hosts are the hosts that it fetches from.
	hosts             []string
	endpoint, private bool
	checksCaller      bool
	computed          bool
	findings          []localFinding
}

// reference is a name and its position.
type reference struct {
	name string
	at   position
}

// call is a call of an automation.
type call struct {
	target string
	at     position
	// arguments are the names of the passed arguments.
	arguments []reference
	// workflow is set for a call by runWorkflow, within the workspace.
	workflow bool
}

// walker reads one automation.
type walker struct {
	*Reader
	*automation
	used map[uint64]struct{}
	// waits is set inside wait, whose events are emitted elsewhere.
	waits bool
}

// readAutomation returns the facts of an automation. root is its content; nil if it is empty or cannot
// be parsed.
func (r *Reader) readAutomation(root *yaml.Node) *automation {
	a := new(automation)
	if !isKind(root, yaml.MappingNode) {
		a.unread = true
		return a
	}
	w := walker{Reader: r, automation: a, used: map[uint64]struct{}{}}
	w.checkKeys("an automation", root, r.words.automation)
	a.slug = r.intern(textOf(valueOf(root, "slug")))
	a.private = textOf(valueOf(root, "private")) == "true"
	a.checksCaller = valueOf(root, "authorizations") != nil
	a.arguments = w.declaredArguments(root)
	w.readTrigger(valueOf(root, "when"))
	w.readInstructions(valueOf(root, "do"))
	w.readExpressions(find(root, "output"))
	a.variables = make([]uint64, 0, len(w.used))
	for name := range w.used {
		a.variables = append(a.variables, name)
	}
	slices.Sort(a.variables)
	return a
}

func (w *walker) report(rule string, at position, format string, args ...any) {
	const maxFindings = 50
	if len(w.findings) < maxFindings {
		w.findings = append(w.findings, localFinding{rule, at, fmt.Sprintf(format, args...)})
	}
}

// checkKeys reports misspelt keys of the automation or of its when. Other unknown keys may belong
// to a newer platform.
func (w *walker) checkKeys(what string, n *yaml.Node, known []string) {
	for e := range contentOf(n).entries {
		if slices.Contains(known, e.name()) {
			continue
		}
		if meant := spelling.Nearest(e.name(), slices.Values(known)); meant != "" && valueOf(n, meant) == nil {
			w.report(UnknownField, e.position(), "%s has no key %s%s", what, quoteName(e.name()), suggestion(meant))
		}
	}
}

// readsVariable reports whether the automation refers to a variable.
func (a *automation) readsVariable(name string) bool {
	_, reads := slices.BinarySearch(a.variables, hashName(name))
	return reads
}

// declaredArguments returns the names of the arguments. It returns nil if they are not all known:
// none are declared, or schemas declare them per caller.
func (w *walker) declaredArguments(root *yaml.Node) []string {
	if valueOf(root, "schemas") != nil {
		return nil
	}
	var names []string
	for e := range contentOf(valueOf(root, "arguments")).entries {
		names = append(names, w.intern(e.name()))
	}
	return names
}

func (w *walker) readTrigger(when *yaml.Node) {
	if when == nil {
		return
	}
	if endpoint := textOf(valueOf(when, "endpoint")); endpoint != "" && endpoint != "false" {
		w.endpoint = true
	}
	w.checkKeys("when", when, w.words.trigger)
	for e := range contentOf(valueOf(when, "events")).entries {
		w.addListened(e)
	}
}

func (w *walker) addListened(e entry) {
	if event := e.text(); event != "" && !isComputed(event) {
		w.events = append(w.events, reference{w.intern(event), e.position()})
	}
}

// readInstructions reads a list of instructions, or a mapping whose do is one.
func (w *walker) readInstructions(n *yaml.Node) {
	if isKind(n, yaml.MappingNode) {
		n = valueOf(n, "do")
	}
	for item := range contentOf(n).entries {
		if !item.isMapping() {
			continue
		}
		var first entry
		for e := range contentOf(item.value).entries {
			if first.key != nil {
				w.report(InstructionKeys, e.position(), "%s and %s are in the same instruction",
					quoteName(first.name()), quoteName(e.name()))
				break
			}
			first = e
		}
		if first.key != nil {
			w.readInstruction(first)
		}
	}
}

func (w *walker) readInstruction(e entry) {
	i := w.words.findInstruction(e.name())
	if i == nil {
		w.recordCall(e.name(), e.position(), e, false)
		return
	}
	switch i.shape {
	case withText:
	case withList:
		w.readInstructions(e.value)
	case withBranches:
		for branch := range contentOf(e.value).entries {
			w.readExpression(branch.position(), branch.name()) // the condition
			w.readInstructions(branch.value)
		}
	case withFields:
		w.waits = i.name == "wait"
		w.readFields(i.name, e.value, i.fields)
		w.waits = false
		w.readSpecial(i.name, e.value)
	}
}

// readFields reads a mapping with known fields.
func (w *walker) readFields(name string, n *yaml.Node, known []field) {
	w.checkFields(name, n, known)
	for e := range contentOf(n).entries {
		switch f := findField(known, e.name()); {
		case f == nil || f.fields == nil && !f.list:
			w.readExpressions(e)
		case f.list:
			w.readInstructions(e.value)
		case e.isSequence():
			for item := range contentOf(e.value).entries {
				w.readFields(name+"."+f.name, item.value, f.fields)
			}
		case e.isMapping():
			w.readFields(name+"."+f.name, e.value, f.fields)
		default:
			w.readExpressions(e)
		}
	}
}

func (w *walker) checkFields(name string, n *yaml.Node, known []field) {
	if !isKind(n, yaml.MappingNode) {
		return
	}
	for e := range contentOf(n).entries {
		if findField(known, e.name()) == nil && !isComputed(e.name()) {
			meant := spelling.Nearest(e.name(), fieldNames(known))
			w.report(UnknownField, e.position(), "%s has no field %s%s", name, quoteName(e.name()), suggestion(meant))
		}
	}
}

// readSpecial reads the events and automations that individual instructions refer to.
func (w *walker) readSpecial(name string, n *yaml.Node) {
	switch name {
	case "emit":
		w.addEmitted(textOf(valueOf(n, "event")))
	case "fetch":
		if host := hostOf(textOf(valueOf(n, "url"))); host != "" {
			w.hosts = append(w.hosts, w.intern(host))
		}
		w.addEmitted(textOf(valueOf(valueOf(n, "stream"), "event")))
	case "wait":
		for item := range contentOf(valueOf(n, "oneOf")).entries {
			w.addListened(find(item.value, "event"))
		}
	case "runWorkflow":
		if e := find(n, "workflow"); e.value != nil {
			w.recordCall(e.text(), e.position(), find(n, "parameters"), true)
		}
	}
}

func (w *walker) addEmitted(event string) {
	if isComputed(event) {
		w.computed = true
	} else if event != "" {
		w.emits = append(w.emits, w.intern(event))
		w.mentions.addName(event)
	}
}

// recordCall records the call of an automation. arguments is the entry with the arguments; its value
// is nil without any.
func (w *walker) recordCall(target string, at position, arguments entry, workflow bool) {
	w.readExpressions(arguments)
	if target == "" || isComputed(target) {
		return
	}
	c := call{target: w.intern(target), at: at, workflow: workflow}
	if arguments.isMapping() {
		for e := range contentOf(arguments.value).entries {
			if name := e.name(); !isComputed(name) && name != "output" {
				c.arguments = append(c.arguments, reference{w.intern(name), e.position()})
			}
		}
	}
	w.calls = append(w.calls, c)
}

// readExpressions reads the value of an entry and everything below it.
func (w *walker) readExpressions(e entry) {
	if e.isScalar() {
		w.readExpression(e.position(), e.text())
		return
	}
	for child := range contentOf(e.value).entries {
		w.readExpression(child.position(), child.name())
		w.readExpressions(child)
	}
}

func (w *walker) readExpression(at position, text string) {
	if strings.IndexByte(text, '{') < 0 {
		if !w.waits {
			w.mentions.addName(text)
		}
		return
	}
	if delimiter := unclosedDelimiter(text); delimiter != "" {
		w.report(UnclosedExpression, at, "an expression that begins with %s does not end", delimiter)
	}
	for name, rest := range variablesOf(text) {
		w.checksCaller = w.checksCaller || isIdentity(name, rest)
		w.used[hashName(name)] = struct{}{}
	}
}
