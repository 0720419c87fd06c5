// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"fmt"
	"slices"

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
	*Release
	*automation
	used map[uint64]struct{}
	// waits is set inside wait, whose events are emitted elsewhere.
	waits bool
}

func (r *Release) readAutomation(data []byte) *automation {
	a := new(automation)
	t := &r.tree
	if !t.parseFile(data) || t.nodes[0].kind != mapping {
		a.unread = true
		return a
	}
	w := walker{Release: r, automation: a, used: map[uint64]struct{}{}}
	w.checkKeys("an automation", 0, r.words.automation)
	a.slug = r.intern(t.textOf(0, "slug"))
	a.private = string(t.textOf(0, "private")) == "true"
	a.checksCaller = t.valueOf(0, "authorizations") != 0
	a.arguments = w.declaredArguments()
	w.readTrigger(t.valueOf(0, "when"))
	if do := t.valueOf(0, "do"); do != 0 {
		w.readInstructions(do)
	}
	if output := t.valueOf(0, "output"); output != 0 {
		w.readExpressions(output)
	}
	a.variables = make([]uint64, 0, len(w.used))
	for name := range w.used {
		a.variables = append(a.variables, name)
	}
	slices.Sort(a.variables)
	return a
}

func positionOf(n *node) position { return position{n.line, n.column} }

func (w *walker) report(rule string, n *node, format string, args ...any) {
	const maxFindings = 50
	if len(w.findings) < maxFindings {
		w.findings = append(w.findings, localFinding{rule, positionOf(n), fmt.Sprintf(format, args...)})
	}
}

// checkKeys reports misspelt keys of the automation or of its when. Other unknown keys may belong
// to a newer platform.
func (w *walker) checkKeys(what string, id nodeID, known []string) {
	for _, n := range w.tree.children(id) {
		if slices.Contains(known, string(n.key)) {
			continue
		}
		if meant := spelling.Nearest(string(n.key), slices.Values(known)); meant != "" &&
			w.tree.valueOf(id, meant) == 0 {
			w.report(UnknownField, n, "%s has no key %s%s", what, quoteName(string(n.key)), suggestion(meant))
		}
	}
}

// readsVariable reports whether the automation refers to a variable.
func (a *automation) readsVariable(name string) bool {
	_, reads := slices.BinarySearch(a.variables, hashName([]byte(name)))
	return reads
}

// declaredArguments returns the names of the arguments. It returns nil if they are not all known:
// none are declared, or schemas declare them per caller.
func (w *walker) declaredArguments() []string {
	id := w.tree.valueOf(0, "arguments")
	if id == 0 || w.tree.valueOf(0, "schemas") != 0 {
		return nil
	}
	var names []string
	for _, n := range w.tree.children(id) {
		names = append(names, w.intern(n.key))
	}
	return names
}

func (w *walker) readTrigger(id nodeID) {
	if id == 0 {
		return
	}
	t := &w.tree
	if endpoint := t.textOf(id, "endpoint"); len(endpoint) > 0 && string(endpoint) != "false" {
		w.endpoint = true
	}
	w.checkKeys("when", id, w.words.trigger)
	if events := t.valueOf(id, "events"); events != 0 {
		for _, n := range t.children(events) {
			w.addListened(n)
		}
	}
}

func (w *walker) addListened(n *node) {
	if n.kind == scalar && len(n.value) > 0 && !isComputed(n.value) {
		w.events = append(w.events, reference{w.intern(n.value), positionOf(n)})
	}
}

// readInstructions reads a list of instructions, or a mapping whose do is one.
func (w *walker) readInstructions(id nodeID) {
	if w.tree.nodes[id].kind == mapping {
		if id = w.tree.valueOf(id, "do"); id == 0 {
			return
		}
	}
	for _, n := range w.tree.children(id) {
		first := n.first
		if n.kind != mapping || first == 0 {
			continue
		}
		if more := w.tree.nodes[first].next; more != 0 {
			w.report(InstructionKeys, &w.tree.nodes[more], "%s and %s are in the same instruction",
				quoteName(string(w.tree.nodes[first].key)), quoteName(string(w.tree.nodes[more].key)))
		}
		w.readInstruction(first, &w.tree.nodes[first])
	}
}

func (w *walker) readInstruction(id nodeID, n *node) {
	i := w.words.findInstruction(n.key)
	if i == nil {
		w.recordCall(n.key, id, n, false)
		return
	}
	switch i.shape {
	case withText:
	case withList:
		w.readInstructions(id)
	case withBranches:
		for branch, n := range w.tree.children(id) {
			w.readCondition(n)
			w.readInstructions(branch)
		}
	case withFields:
		w.waits = i.name == "wait"
		w.readFields(i.name, id, i.fields)
		w.waits = false
		w.readSpecial(i.name, id)
	}
}

// readCondition reads the key of a branch.
func (w *walker) readCondition(n *node) {
	w.readExpression(n, n.key)
}

// readFields reads a mapping with known fields.
func (w *walker) readFields(name string, id nodeID, known []field) {
	w.checkFields(name, id, known)
	for id, n := range w.tree.children(id) {
		switch f := findField(known, n.key); {
		case f == nil || f.fields == nil && !f.list:
			w.readExpressions(id)
		case f.list:
			w.readInstructions(id)
		case n.kind == sequence:
			for item := range w.tree.children(id) {
				w.readFields(name+"."+f.name, item, f.fields)
			}
		case n.kind == mapping:
			w.readFields(name+"."+f.name, id, f.fields)
		default:
			w.readExpressions(id)
		}
	}
}

func (w *walker) checkFields(name string, id nodeID, known []field) {
	if w.tree.nodes[id].kind != mapping {
		return
	}
	for _, n := range w.tree.children(id) {
		if findField(known, n.key) == nil && !isComputed(n.key) {
			meant := spelling.Nearest(string(n.key), fieldNames(known))
			w.report(UnknownField, n, "%s has no field %s%s", name, quoteName(string(n.key)), suggestion(meant))
		}
	}
}

// readSpecial reads the events and automations that individual instructions refer to.
func (w *walker) readSpecial(name string, id nodeID) {
	t := &w.tree
	switch name {
	case "emit":
		w.addEmitted(t.textOf(id, "event"))
	case "fetch":
		if host := hostOf(t.textOf(id, "url")); host != "" {
			w.hosts = append(w.hosts, w.intern([]byte(host)))
		}
		if stream := t.valueOf(id, "stream"); stream != 0 {
			w.addEmitted(t.textOf(stream, "event"))
		}
	case "wait":
		if oneOf := t.valueOf(id, "oneOf"); oneOf != 0 {
			for item := range t.children(oneOf) {
				if event := t.valueOf(item, "event"); event != 0 {
					w.addListened(&t.nodes[event])
				}
			}
		}
	case "runWorkflow":
		if workflow := t.valueOf(id, "workflow"); workflow != 0 {
			w.recordCall(t.nodes[workflow].value, t.valueOf(id, "parameters"), &t.nodes[workflow], true)
		}
	}
}

func (w *walker) addEmitted(event []byte) {
	if isComputed(event) {
		w.computed = true
	} else if len(event) > 0 {
		w.emits = append(w.emits, w.intern(event))
		w.mentions.addName(event)
	}
}

// recordCall records the call of an automation and its arguments.
func (w *walker) recordCall(target []byte, arguments nodeID, n *node, workflow bool) {
	if arguments != 0 {
		w.readExpressions(arguments)
	}
	if len(target) == 0 || isComputed(target) {
		return
	}
	c := call{target: w.intern(target), at: positionOf(n), workflow: workflow}
	if arguments != 0 && w.tree.nodes[arguments].kind == mapping {
		for _, argument := range w.tree.children(arguments) {
			if !isComputed(argument.key) && string(argument.key) != "output" {
				c.arguments = append(c.arguments, reference{w.intern(argument.key), positionOf(argument)})
			}
		}
	}
	w.calls = append(w.calls, c)
}

// readExpressions reads everything below a node.
func (w *walker) readExpressions(id nodeID) {
	n := &w.tree.nodes[id]
	if n.kind == scalar {
		w.readExpression(n, n.value)
		return
	}
	for child, n := range w.tree.children(id) {
		w.readExpression(n, n.key)
		w.readExpressions(child)
	}
}

func (w *walker) readExpression(n *node, text []byte) {
	if bytes.IndexByte(text, '{') < 0 {
		if !w.waits {
			w.mentions.addName(text)
		}
		return
	}
	if delimiter := unclosedDelimiter(text); delimiter != "" {
		w.report(UnclosedExpression, n, "an expression that begins with %s does not end", delimiter)
	}
	eachVariable(text, func(name, rest []byte) {
		w.checksCaller = w.checksCaller || isIdentity(name, rest)
		w.used[hashName(name)] = struct{}{}
	})
}
