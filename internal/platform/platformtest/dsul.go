// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// Folders of a workspace.
const (
	automationsFolder = "automations"
	pagesFolder       = "pages"
	importsFolder     = "imports"
	folderIndex       = "__index__"
)

var (
	objectSlug    = regexp.MustCompile(`^[/a-zA-Z0-9 _-]+$`)
	workspaceSlug = regexp.MustCompile(`^[/a-z0-9-]+$`)
)

// baseName returns the name of a file without its extension. Names that start with a dot keep it.
func baseName(name string) string {
	if ext := path.Ext(name); ext != name {
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// objectPath returns the path of an object.
func objectPath(folder, slug string) string { return path.Join(folder, slug+".yml") }

// isTruthy reports whether a value is true in JavaScript.
func isTruthy(v *jsvalue.Value) bool {
	if v.IsNull() {
		return false
	}
	switch v.Kind {
	case jsvalue.Bool:
		return v.Bool
	case jsvalue.Number:
		return v.Number != 0 && v.Number == v.Number // NaN
	case jsvalue.String:
		return v.Text != ""
	}
	return true
}

// isObject reports whether typeof v is "object" and v is not null.
func isObject(v *jsvalue.Value) bool {
	return !v.IsNull() && v.Kind >= jsvalue.Date
}

// iterateItems returns the items of JavaScript's "for of".
func iterateItems(v *jsvalue.Value) (items []*jsvalue.Value, ok bool) {
	switch {
	case v != nil && v.Kind == jsvalue.Sequence:
		return v.Items, true
	case v != nil && v.Kind == jsvalue.String:
		for _, r := range v.Text {
			items = append(items, jsvalue.NewText(string(r)))
		}
		return items, true
	}
	return nil, false
}

// objectValues returns JavaScript's Object.values in order. ok is false for null.
func objectValues(v *jsvalue.Value) (list []*jsvalue.Value, ok bool) {
	if v.IsNull() {
		return nil, false
	}
	if v.Kind == jsvalue.Sequence {
		return v.Items, true
	}
	for _, pair := range v.Pairs {
		list = append(list, pair.Value)
	}
	return list, true
}

// setSlug sets content.slug, which requires an object.
func setSlug(content *jsvalue.Value, slug string) error {
	if !isObject(content) {
		return newTypeError()
	}
	if content.Kind == jsvalue.Mapping {
		content.Set("slug", jsvalue.NewText(slug))
	}
	return nil
}

// checkAutomation validates and modifies an automation like the service.
func checkAutomation(content *jsvalue.Value) error {
	if schedules := content.Get("when").Get("schedules"); isTruthy(schedules) {
		items, ok := iterateItems(schedules)
		if !ok {
			return newTypeError()
		}
		for _, item := range items {
			if !isSchedule(strings.TrimSpace(item.String())) {
				return newException("InvalidScheduleError", "Invalid schedule format")
			}
		}
	}
	return checkEmits(content.Get("do"), 0)
}

// maxInstructions is the maximum nesting depth of instructions.
const maxInstructions = 500

// checkEmits looks for events in a list of instructions. Like the service it fails on some null
// values.
func checkEmits(list *jsvalue.Value, depth int) error {
	if list == nil || list.Kind != jsvalue.Sequence {
		return nil
	}
	if depth > maxInstructions {
		return newTypeError()
	}
	for _, instruction := range list.Items {
		if instruction.IsNull() {
			return newTypeError()
		}
		if instruction.Kind != jsvalue.Mapping || len(instruction.Pairs) == 0 {
			continue
		}
		if err := checkInstruction(instruction.Pairs[0].Key, instruction.Pairs[0].Value, depth); err != nil {
			return err
		}
	}
	return nil
}

func checkInstruction(name string, value *jsvalue.Value, depth int) error {
	switch {
	case value != nil && value.Kind == jsvalue.Sequence:
		return checkEmits(value, depth+1)
	case name == "conditions":
		branches, ok := objectValues(value)
		if !ok {
			return newTypeError()
		}
		for _, branch := range branches {
			if err := checkEmits(branch, depth+1); err != nil {
				return err
			}
		}
	case name == "repeat" && value.IsNull(), name == "emit" && value.IsNull():
		return newTypeError()
	case name == "repeat":
		return checkEmits(value.Get("do"), depth+1)
	}
	return nil
}

// checkPage collects the blocks of a page.
func checkPage(content *jsvalue.Value) error {
	blocks := content.Get("blocks")
	if !isTruthy(blocks) {
		return nil
	}
	if blocks.Kind != jsvalue.Sequence || slices.ContainsFunc(blocks.Items, (*jsvalue.Value).IsNull) {
		return newTypeError()
	}
	return nil
}

// checkPageMeta applies the validation of the database, which runs after a page is stored.
func checkPageMeta(content *jsvalue.Value) error {
	labels := content.Get("labels")
	if labels.IsNull() {
		return nil
	}
	if labels.Kind != jsvalue.Sequence {
		labels = jsvalue.NewSequence(labels)
	}
	return checkLabels("pages", labels)
}

func checkLabels(model string, labels *jsvalue.Value) error {
	for _, label := range labels.Items {
		if isObject(label) && label.Kind != jsvalue.Date {
			return newCastError(model, "labels.0", "[string]", inspectValue(labels, 0),
				`(type string) at path "labels.0" because of "CastError"`)
		}
	}
	return nil
}

// checkText applies the database's validation of a text.
func checkText(content *jsvalue.Value, field string) error {
	kind := ""
	switch v := content.Get(field); {
	case v == nil:
	case v.Kind == jsvalue.Sequence:
		kind = "Array"
	case v.Kind == jsvalue.Mapping:
		kind = "Object"
	}
	if kind == "" {
		return nil
	}
	at := `(type ` + kind + `) at path "` + field + `"`
	return newCastError("workspaces", field, "string", inspectValue(content.Get(field), 0), at)
}

// inspectValue formats a value like Node.js does in messages.
func inspectValue(v *jsvalue.Value, depth int) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Kind == jsvalue.String:
		return "'" + v.Text + "'"
	case depth > 2 && isObject(v):
		return "[Object]"
	}
	var parts []string
	for _, item := range v.Items {
		parts = append(parts, inspectValue(item, depth+1))
	}
	for _, pair := range v.Pairs {
		parts = append(parts, pair.Key+": "+inspectValue(pair.Value, depth+1))
	}
	list := strings.Join(parts, ", ")
	switch {
	case v.Kind == jsvalue.Sequence:
		return "[ " + list + " ]"
	case v.Kind == jsvalue.Mapping:
		return "{ " + list + " }"
	}
	return v.String()
}
