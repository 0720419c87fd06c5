// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"iter"
	"slices"
)

// The vocabulary of automations, from three public sources of the vendor:
//
//   - spec: the OpenAPI file of the platform's API, prismeai/docs api-reference/swagger.yml
//     (f9523f0), components Automation, When and those of the instructions;
//   - docs: the page on automations, prismeai/docs products/ai-builder/automations.mdx
//     (02a1bc7), "Interpreted keywords" and "Instruction Reference";
//   - tools: the linter and the reference connector of prismeai/prismeai-mcp (1dd7c61).
//
// A field that any of them has is known. The platform interprets the instructions below; any
// other key of a list of instructions calls an automation (docs, "Interpreted keywords").

// field is a field of an instruction.
type field struct {
	name string
	// list is set if the field holds instructions.
	list bool
	// fields are the fields of the mapping, or of the mappings in the list, that the field holds;
	// nil allows any value.
	fields []field
}

// shape is the form of the content of an instruction.
type shape uint8

const (
	// withFields: a mapping with known fields.
	withFields shape = iota
	// withBranches: a mapping from conditions to lists of instructions.
	withBranches
	// withList: a list of instructions, or a mapping with do.
	withList
	// withText: any text.
	withText
)

type instruction struct {
	name   string
	shape  shape
	fields []field
}

func plainFields(names ...string) []field {
	out := make([]field, len(names))
	for i, name := range names {
		out[i] = field{name: name}
	}
	return out
}

func listField(name string) field { return field{name: name, list: true} }

// vocabulary holds the keywords of automations.
type vocabulary struct {
	instructions []instruction
	// automation are the keys of an automation.
	automation []string
	// trigger are the keys of its when.
	trigger []string
}

// newVocabulary returns the vocabulary of the sources above.
func newVocabulary() *vocabulary {
	target := field{name: "target", fields: plainFields("userTopic", "userId", "sessionId", "currentSocket")}
	options := field{name: "options", fields: plainFields("persist", "aggPayload", "async")}
	batch := field{name: "batch", fields: plainFields("size", "interval")}
	concatenate := field{name: "concatenate", fields: plainFields("path", "throttle")}
	stream := field{
		name:   "stream",
		fields: append(plainFields("event", "payload", "endChunk"), concatenate, target, options),
	}
	multipart := field{name: "multipart", fields: plainFields("fieldname", "value", "filename", "contentType")}
	oneOf := field{name: "oneOf", fields: plainFields("event", "filters", "cancelTriggers")}
	return &vocabulary{
		// spec Automation, which allows no other keys; docs "File anatomy"; schemas of v27.5.5.
		automation: []string{
			"slug", "name", "description", "arguments", "schemas", "validateArguments", "when", "do", "output",
			"private", "disabled", "labels", "events", "authorizations",
			"updatedAt", "createdAt", "updatedBy", "createdBy", "checksum",
		},
		// spec When.
		trigger: []string{"events", "schedules", "endpoint"},
		instructions: []instruction{
			// spec Set; docs have lifespan, tools scope.
			{name: "set", fields: plainFields("name", "value", "type", "interface", "clone", "lifespan", "scope")},
			// spec Delete; tools have scope.
			{name: "delete", fields: plainFields("name", "scope")},
			// spec Emit, PrismeEventTarget and PrismeEventOptions; docs have target.currentSocket.
			{name: "emit", fields: append(plainFields("event", "payload", "private", "autocomplete"), target, options)},
			// spec Fetch; docs have auth.basic and its fields, so auth holds anything.
			{
				name: "fetch",
				fields: append(plainFields("url", "method", "headers", "query", "body", "emitErrors", "output",
					"outputMode", "auth", "prismeaiApiKey", "allowSelfSignedCert"), stream, multipart),
			},
			// spec Wait.
			{name: "wait", fields: append(plainFields("timeout", "output"), oneOf)},
			// spec Conditions: any key is a condition, default among them.
			{name: "conditions", shape: withBranches},
			// spec Repeat and RepeatBatch.
			{name: "repeat", fields: append(plainFields("on", "until"), batch, listField("do"))},
			// spec Break.
			{name: "break", fields: plainFields("scope", "payload")},
			// spec All is a list; the table of nodes in docs has a mapping with do.
			{name: "all", shape: withList},
			// spec Try; tools have finally.
			{name: "try", fields: []field{listField("do"), listField("catch"), listField("finally")}},
			// docs "Run instruction" and "run".
			{name: "run", fields: plainFields("module", "function", "parameters", "output", "onError")},
			// docs "runWorkflow".
			{name: "runWorkflow", fields: plainFields("workflow", "parameters", "output", "wait")},
			// spec RateLimit.
			{
				name:   "rateLimit",
				fields: plainFields("name", "limit", "window", "consumer", "consume", "break", "output"),
			},
			// spec Auth; docs have output, tools service and with.
			{name: "auth", fields: plainFields("workspace", "output", "service", "with")},
			// docs "User Topic Instructions"; spec JoinUserTopic has create; tools have userTopic.
			{name: "createUserTopic", fields: plainFields("topic", "userIds", "userTopic")},
			{name: "joinUserTopic", fields: plainFields("topic", "userIds", "userTopic", "create")},
			// spec Comment.
			{name: "comment", shape: withText},
		},
	}
}

// findInstruction returns an instruction, or nil.
func (v *vocabulary) findInstruction(name string) *instruction {
	for i := range v.instructions {
		if v.instructions[i].name == name {
			return &v.instructions[i]
		}
	}
	return nil
}

// instructionNames iterates over the names of the instructions.
func (v *vocabulary) instructionNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range v.instructions {
			if !yield(i.name) {
				return
			}
		}
	}
}

func findField(fields []field, name string) *field {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &fields[i]
}

func fieldNames(fields []field) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range fields {
			if !yield(f.name) {
				return
			}
		}
	}
}

// nativeEvents are the first words of events that the platform emits (docs, "Supported Native
// Events"; spec, the types of events).
func nativeEvents() []string {
	return []string{
		"workspaces", "apps", "runtime", "gateway", "events", "pages", "prismeai",
		"error", "usage", "users", "files", "organizations",
	}
}
