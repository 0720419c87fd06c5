// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// place is a place in a file.
type place struct{ line, column int32 }

// local is a finding that concerns one file only.
type local struct {
	rule    string
	at      place
	message string
}

// automation is what is kept of an automation.
type automation struct {
	slug string
	// unread says that the file could not be read: nothing is known but that it is there.
	unread bool
	// arguments are the names that it declares, in a schema that lists all of them.
	arguments []string
	// variables are the hashes of the names that its expressions begin with.
	variables []uint64
	calls     []call
	// events are those that it listens to or waits for.
	events []reference
	// emits are those that it emits.
	emits []string
	// hosts are those that it fetches from.
	hosts             []string
	endpoint, private bool
	checksCaller      bool
	computed          bool
	findings          []local
}

// reference is a name at a place.
type reference struct {
	name string
	at   place
}

// call is the use of an automation.
type call struct {
	target string
	at     place
	// arguments are the names that are passed.
	arguments []reference
	// workflow says that the call is by runWorkflow, within the workspace.
	workflow bool
}

// walker reads one automation.
type walker struct {
	*Release
	*automation
	used map[uint64]struct{}
	// waits is set within wait, which names events that somebody else emits.
	waits bool
}

func (r *Release) readAutomation(data []byte) *automation {
	a := new(automation)
	t := &r.tree
	if !t.read(data) || t.nodes[0].kind != mapping {
		a.unread = true
		return a
	}
	w := walker{Release: r, automation: a, used: map[uint64]struct{}{}}
	w.keys("an automation", 0, r.words.automation)
	a.slug = r.keep(t.text(0, "slug"))
	a.private = string(t.text(0, "private")) == "true"
	a.checksCaller = t.get(0, "authorizations") != 0
	a.arguments = w.declared()
	w.trigger(t.get(0, "when"))
	if do := t.get(0, "do"); do != 0 {
		w.instructions(do)
	}
	if output := t.get(0, "output"); output != 0 {
		w.expressions(output)
	}
	a.variables = make([]uint64, 0, len(w.used))
	for name := range w.used {
		a.variables = append(a.variables, name)
	}
	slices.Sort(a.variables)
	return a
}

func at(n *node) place { return place{n.line, n.column} }

func (w *walker) report(rule string, n *node, format string, args ...any) {
	const maxFindings = 50
	if len(w.findings) < maxFindings {
		w.findings = append(w.findings, local{rule, at(n), fmt.Sprintf(format, args...)})
	}
}

// keys reports keys of the automation, or of its when, that resemble a known one. Others may
// be those of a newer platform.
func (w *walker) keys(what string, id nodeID, known []string) {
	for _, n := range w.tree.children(id) {
		if slices.Contains(known, string(n.key)) {
			continue
		}
		if meant := spelling.Nearest(string(n.key), slices.Values(known)); meant != "" && w.tree.get(id, meant) == 0 {
			w.report(UnknownField, n, "%s has no key %s%s", what, show(string(n.key)), hint(meant))
		}
	}
}

// reads reports whether the automation refers to a variable.
func (a *automation) reads(name string) bool {
	_, reads := slices.BinarySearch(a.variables, hash([]byte(name)))
	return reads
}

// declared returns the names of the arguments, or nil if there is no complete list of them:
// none is declared, or schemas take their place, whose branches list them for each caller.
func (w *walker) declared() []string {
	id := w.tree.get(0, "arguments")
	if id == 0 || w.tree.get(0, "schemas") != 0 {
		return nil
	}
	var names []string
	for _, n := range w.tree.children(id) {
		names = append(names, w.keep(n.key))
	}
	return names
}

func (w *walker) trigger(id nodeID) {
	if id == 0 {
		return
	}
	t := &w.tree
	if endpoint := t.text(id, "endpoint"); len(endpoint) > 0 && string(endpoint) != "false" {
		w.endpoint = true
	}
	w.keys("when", id, w.words.trigger)
	if events := t.get(id, "events"); events != 0 {
		for _, n := range t.children(events) {
			w.listen(n)
		}
	}
}

func (w *walker) listen(n *node) {
	if n.kind == scalar && len(n.value) > 0 && !isComputed(n.value) {
		w.events = append(w.events, reference{w.keep(n.value), at(n)})
	}
}

// instructions reads a list of instructions, or a mapping whose do is one.
func (w *walker) instructions(id nodeID) {
	if w.tree.nodes[id].kind == mapping {
		if id = w.tree.get(id, "do"); id == 0 {
			return
		}
	}
	for _, n := range w.tree.children(id) {
		first := n.first
		if n.kind != mapping || first == 0 {
			continue
		}
		if more := w.tree.nodes[first].next; more != 0 {
			w.report(InstructionKeys, &w.tree.nodes[more], "%s and %s stand in one instruction",
				show(string(w.tree.nodes[first].key)), show(string(w.tree.nodes[more].key)))
		}
		w.instruction(first, &w.tree.nodes[first])
	}
}

func (w *walker) instruction(id nodeID, n *node) {
	i := w.words.find(n.key)
	if i == nil {
		w.call(n.key, id, n, false)
		return
	}
	switch i.shape {
	case withText:
	case withList:
		w.instructions(id)
	case withBranches:
		for branch, n := range w.tree.children(id) {
			w.condition(n)
			w.instructions(branch)
		}
	case withFields:
		w.waits = i.name == "wait"
		w.fields(i.name, id, i.fields)
		w.waits = false
		w.special(i.name, id)
	}
}

// condition reads the key of a branch.
func (w *walker) condition(n *node) {
	w.expression(n, n.key)
}

// fields reads a mapping with known fields.
func (w *walker) fields(name string, id nodeID, known []field) {
	w.unknownFields(name, id, known)
	for id, n := range w.tree.children(id) {
		switch f := find(known, n.key); {
		case f == nil || f.fields == nil && !f.list:
			w.expressions(id)
		case f.list:
			w.instructions(id)
		case n.kind == sequence:
			for item := range w.tree.children(id) {
				w.fields(name+"."+f.name, item, f.fields)
			}
		case n.kind == mapping:
			w.fields(name+"."+f.name, id, f.fields)
		default:
			w.expressions(id)
		}
	}
}

func (w *walker) unknownFields(name string, id nodeID, known []field) {
	if w.tree.nodes[id].kind != mapping {
		return
	}
	for _, n := range w.tree.children(id) {
		if find(known, n.key) == nil && !isComputed(n.key) {
			meant := spelling.Nearest(string(n.key), fieldNames(known))
			w.report(UnknownField, n, "%s has no field %s%s", name, show(string(n.key)), hint(meant))
		}
	}
}

// special takes what single instructions say about events and automations.
func (w *walker) special(name string, id nodeID) {
	t := &w.tree
	switch name {
	case "emit":
		w.emit(t.text(id, "event"))
	case "fetch":
		if host := hostOf(t.text(id, "url")); host != "" {
			w.hosts = append(w.hosts, w.keep([]byte(host)))
		}
		if stream := t.get(id, "stream"); stream != 0 {
			w.emit(t.text(stream, "event"))
		}
	case "wait":
		if oneOf := t.get(id, "oneOf"); oneOf != 0 {
			for item := range t.children(oneOf) {
				if event := t.get(item, "event"); event != 0 {
					w.listen(&t.nodes[event])
				}
			}
		}
	case "runWorkflow":
		if workflow := t.get(id, "workflow"); workflow != 0 {
			w.call(t.nodes[workflow].value, t.get(id, "parameters"), &t.nodes[workflow], true)
		}
	}
}

func (w *walker) emit(event []byte) {
	if isComputed(event) {
		w.computed = true
	} else if len(event) > 0 {
		w.emits = append(w.emits, w.keep(event))
		w.mentions.add(event)
	}
}

// call notes the call of an automation with what is passed.
func (w *walker) call(target []byte, arguments nodeID, n *node, workflow bool) {
	if arguments != 0 {
		w.expressions(arguments)
	}
	if len(target) == 0 || isComputed(target) {
		return
	}
	c := call{target: w.keep(target), at: at(n), workflow: workflow}
	if arguments != 0 && w.tree.nodes[arguments].kind == mapping {
		for _, argument := range w.tree.children(arguments) {
			if !isComputed(argument.key) && string(argument.key) != "output" {
				c.arguments = append(c.arguments, reference{w.keep(argument.key), at(argument)})
			}
		}
	}
	w.calls = append(w.calls, c)
}

// expressions reads everything below a node.
func (w *walker) expressions(id nodeID) {
	n := &w.tree.nodes[id]
	if n.kind == scalar {
		w.expression(n, n.value)
		return
	}
	for child, n := range w.tree.children(id) {
		w.expression(n, n.key)
		w.expressions(child)
	}
}

func (w *walker) expression(n *node, text []byte) {
	if bytes.IndexByte(text, '{') < 0 {
		if !w.waits {
			w.mentions.add(text)
		}
		return
	}
	if delimiter := unclosed(text); delimiter != "" {
		w.report(UnclosedExpression, n, "an expression that begins with %s does not end", delimiter)
	}
	variables(text, func(name, rest []byte) {
		w.checksCaller = w.checksCaller || isIdentity(name, rest)
		w.used[hash(name)] = struct{}{}
	})
}
