// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// checkAutomation reports what the platform refuses in an automation. It does not check the meaning
// of instructions.
func (r valueReader) checkAutomation(top *yaml.Node) {
	r.checkSchedules(yamltree.Lookup(yamltree.Resolve(yamltree.Lookup(top, "when")), "schedules"))
	r.checkInstructions(yamltree.Resolve(yamltree.Lookup(top, "do")), 0)
}

func (r valueReader) checkSchedules(n *yaml.Node) {
	if isFalsy(n) {
		return
	}
	list := yamltree.Resolve(n)
	switch {
	case list.Kind == yaml.SequenceNode:
		for _, item := range list.Content {
			r.checkSchedule(item, scriptText(item))
		}
	case list.Kind == yaml.ScalarNode && list.ShortTag() == "!!str":
		// The platform reads each character as a schedule.
		for _, character := range list.Value {
			if checkCron(string(character)) != nil {
				r.report(ruleScheduleInvalid, r.positionOf(n), "schedules must be a list: the platform refuses "+
					"the automation")
				return
			}
		}
		r.report(ruleTypeCoerced, r.positionOf(n), "schedules must be a list, not a text: the platform reads it "+
			"character by character")
	default:
		r.report(ruleScheduleInvalid, r.positionOf(n), "schedules must be a list: the platform refuses the automation")
	}
}

// cronText matches three to seven fields of cron characters, which are no secret.
var cronText = lazyregexp.New(`^[A-Za-z0-9,*/?#-]{1,8}( +[A-Za-z0-9,*/?#-]{1,8}){2,6}$`)

func (r valueReader) checkSchedule(at *yaml.Node, expression string) {
	if err := checkCron(expression); err != nil {
		text := quoteName(expression)
		if cronText.MatchString(expression) {
			text = strconv.Quote(expression)
		}
		r.report(ruleScheduleInvalid, r.positionOf(at), "%s is not a cron expression (%v): the platform refuses "+
			"the automation", text, err)
	}
}

// checkInstructions reports empty instructions, which make the platform fail when it collects the
// events that an automation emits. Like the platform, it checks the first key of each instruction
// and every list.
func (r valueReader) checkInstructions(list *yaml.Node, depth int) {
	if list == nil || list.Kind != yaml.SequenceNode || depth > r.maxDepth() {
		return
	}
	for _, item := range list.Content {
		instruction := yamltree.Resolve(item)
		switch {
		case isNull(instruction):
			r.report(ruleInstructionNull, r.positionOf(item), "an instruction is empty: the platform refuses "+
				"the automation")
		case instruction.Kind == yaml.SequenceNode && len(instruction.Content) > 0:
			r.checkInstructions(yamltree.Resolve(instruction.Content[0]), depth+1)
		case instruction.Kind == yaml.MappingNode:
			r.checkInstruction(instruction, depth)
		}
	}
}

// maxDepth bounds the recursion through aliases, whose number is already bounded.
func (r valueReader) maxDepth() int { return 1000 }

func (r valueReader) checkInstruction(instruction *yaml.Node, depth int) {
	for k, v := range yamltree.Pairs(instruction).All {
		name := yamltree.KeyText(k)
		value := yamltree.Resolve(v)
		switch {
		case value.Kind == yaml.SequenceNode:
			r.checkInstructions(value, depth+1)
		case (name == "emit" || name == "conditions" || name == "repeat") && isNull(value):
			r.report(ruleInstructionNull, r.positionOf(v),
				"%s has no content: the platform refuses the automation", name)
		case name == "conditions":
			for _, branch := range yamltree.Pairs(value).All {
				r.checkInstructions(yamltree.Resolve(branch), depth+1)
			}
		case name == "repeat":
			r.checkInstructions(yamltree.Resolve(yamltree.Lookup(value, "do")), depth+1)
		case name == "emit":
			r.checkEmit(v, value)
		}
		return // the platform only reads the first key
	}
}

// checkEmit reports an event whose autocomplete the platform cannot process. The platform does not
// read the autocomplete of a private event.
func (r valueReader) checkEmit(at, emit *yaml.Node) {
	autocomplete := yamltree.Resolve(yamltree.Lookup(emit, "autocomplete"))
	if autocomplete == nil || len(autocomplete.Content) == 0 || !isFalsy(yamltree.Lookup(emit, "private")) {
		return
	}
	event := yamltree.Resolve(yamltree.Lookup(emit, "event"))
	if event == nil || event.Kind != yaml.ScalarNode || event.ShortTag() != "!!str" {
		r.report(ruleInstructionNull, r.positionOf(at), "emit has autocomplete, but its event is not a text: "+
			"the platform "+
			"refuses the automation")
		return
	}
	for k, v := range yamltree.Pairs(autocomplete).All {
		if isNull(yamltree.Resolve(v)) && strings.Contains(event.Value, "{{"+yamltree.KeyText(k)+"}}") {
			r.report(ruleInstructionNull, r.positionOf(v), "autocomplete of %s has no content: the platform "+
				"refuses the "+
				"automation", quoteName(yamltree.KeyText(k)))
		}
	}
}

// checkPage reports what the platform refuses in a page.
func (r valueReader) checkPage(top *yaml.Node) {
	if blocks := yamltree.Lookup(top, "blocks"); !isFalsy(blocks) {
		list := yamltree.Resolve(blocks)
		if list.Kind != yaml.SequenceNode {
			r.report(rulePageInvalid, r.positionOf(blocks), "blocks must be a list: the platform refuses the page")
		} else {
			for _, item := range list.Content {
				if isNull(yamltree.Resolve(item)) {
					r.report(rulePageInvalid, r.positionOf(item), "a block is empty: the platform refuses the page")
				}
			}
		}
	}
	r.checkPageLabels(yamltree.Lookup(top, "labels"))
}

// checkPageLabels accepts a text or a list of texts.
func (r valueReader) checkPageLabels(n *yaml.Node) {
	if n == nil {
		return
	}
	for _, item := range listItems(n) {
		if yamltree.Resolve(item).Kind != yaml.ScalarNode {
			r.report(rulePageInvalid, r.positionOf(item), "labels must be a list of texts: the platform refuses "+
				"the page")
		}
	}
}

// checkInstance reports an app instance without an app, or whose app is not a text.
func (r valueReader) checkInstance(top *yaml.Node) {
	app := yamltree.Lookup(top, "appSlug")
	if isFalsy(app) {
		r.report(ruleInstanceApp, Position{
			File:   r.file,
			Line:   top.Line,
			Column: top.Column,
		}, "the file has no appSlug: the platform installs an instance of nothing")
		return
	}
	if n := yamltree.Resolve(app); n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		r.report(ruleInstanceApp, r.positionOf(app), "appSlug must be a text: the platform does not find the app")
	}
}
