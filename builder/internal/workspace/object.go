// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// checkAutomation reports what the platform refuses in an automation. What an
// instruction means is not looked at here.
func (r reader) checkAutomation(top *yaml.Node) {
	r.checkSchedules(get(resolve(get(top, "when")), "schedules"))
	r.checkInstructions(resolve(get(top, "do")), 0)
}

func (r reader) checkSchedules(n *yaml.Node) {
	if isFalsy(n) {
		return
	}
	list := resolve(n)
	switch {
	case list.Kind == yaml.SequenceNode:
		for _, item := range list.Content {
			r.checkSchedule(item, scriptText(item))
		}
	case list.Kind == yaml.ScalarNode && list.ShortTag() == "!!str":
		// The platform takes each character for a schedule.
		for _, character := range list.Value {
			if checkCron(string(character)) != nil {
				r.report(ruleScheduleInvalid, r.at(n), "schedules must be a list: the platform refuses the automation")
				return
			}
		}
		r.report(ruleTypeCoerced, r.at(n), "schedules must be a list, and is a text, which the platform reads "+
			"character by character")
	default:
		r.report(ruleScheduleInvalid, r.at(n), "schedules must be a list: the platform refuses the automation")
	}
}

func (r reader) checkSchedule(at *yaml.Node, expression string) {
	if err := checkCron(expression); err != nil {
		r.report(ruleScheduleInvalid, r.at(at), "%s is no cron expression (%v): the platform refuses the automation",
			show(expression), err)
	}
}

// checkInstructions looks for instructions without content, at which the platform fails
// when it looks for the events that an automation emits. It looks at the first key of
// each instruction, and into every list.
func (r reader) checkInstructions(list *yaml.Node, depth int) {
	if list == nil || list.Kind != yaml.SequenceNode || depth > r.depth() {
		return
	}
	for _, item := range list.Content {
		instruction := resolve(item)
		switch {
		case isNull(instruction):
			r.report(ruleInstructionNull, r.at(item), "an instruction is empty: the platform refuses the automation")
		case instruction.Kind == yaml.SequenceNode && len(instruction.Content) > 0:
			r.checkInstructions(resolve(instruction.Content[0]), depth+1)
		case instruction.Kind == yaml.MappingNode:
			r.checkInstruction(instruction, depth)
		}
	}
}

// depth bounds the recursion through aliases; the audit has bounded their number.
func (r reader) depth() int { return 1000 }

func (r reader) checkInstruction(instruction *yaml.Node, depth int) {
	for k, v := range fields(instruction) {
		name := keyText(k)
		value := resolve(v)
		switch {
		case value.Kind == yaml.SequenceNode:
			r.checkInstructions(value, depth+1)
		case (name == "emit" || name == "conditions" || name == "repeat") && isNull(value):
			r.report(ruleInstructionNull, r.at(v), "%s has no content: the platform refuses the automation", name)
		case name == "conditions":
			for _, branch := range fields(value) {
				r.checkInstructions(resolve(branch), depth+1)
			}
		case name == "repeat":
			r.checkInstructions(resolve(get(value, "do")), depth+1)
		case name == "emit":
			r.checkEmit(v, value)
		}
		return // the platform looks at the first key only
	}
}

// checkEmit reports an event that the platform cannot complete.
func (r reader) checkEmit(at, emit *yaml.Node) {
	autocomplete := resolve(get(emit, "autocomplete"))
	if autocomplete == nil || len(autocomplete.Content) == 0 {
		return
	}
	event := resolve(get(emit, "event"))
	if event == nil || event.Kind != yaml.ScalarNode || event.ShortTag() != "!!str" {
		r.report(ruleInstructionNull, r.at(at), "emit has autocomplete and no text as its event: the platform "+
			"refuses the automation")
		return
	}
	for k, v := range fields(autocomplete) {
		if isNull(resolve(v)) && strings.Contains(event.Value, "{{"+keyText(k)+"}}") {
			r.report(ruleInstructionNull, r.at(v), "autocomplete of %s has no content: the platform refuses the "+
				"automation", show(keyText(k)))
		}
	}
}

// checkPage reports what the platform refuses in a page.
func (r reader) checkPage(top *yaml.Node) {
	if blocks := get(top, "blocks"); !isFalsy(blocks) {
		list := resolve(blocks)
		if list.Kind != yaml.SequenceNode {
			r.report(rulePageInvalid, r.at(blocks), "blocks must be a list: the platform refuses the page")
		} else {
			for _, item := range list.Content {
				if isNull(resolve(item)) {
					r.report(rulePageInvalid, r.at(item), "a block is empty: the platform refuses the page")
				}
			}
		}
	}
	r.checkPageLabels(get(top, "labels"))
}

// checkPageLabels accepts one text, or a list of texts.
func (r reader) checkPageLabels(n *yaml.Node) {
	if n == nil {
		return
	}
	items := []*yaml.Node{n}
	if list := resolve(n); list.Kind == yaml.SequenceNode {
		items = list.Content
	}
	for _, item := range items {
		if resolve(item).Kind != yaml.ScalarNode {
			r.report(rulePageInvalid, r.at(item), "labels must be a list of texts: the platform refuses the page")
		}
	}
}

// checkInstance reports an app instance without an app.
func (r reader) checkInstance(top *yaml.Node) {
	if isFalsy(get(top, "appSlug")) {
		r.report(ruleInstanceApp, Position{
			File:   r.file,
			Line:   top.Line,
			Column: top.Column,
		}, "the file has no appSlug: the platform installs an instance of nothing")
	}
}
