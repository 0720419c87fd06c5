// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/jsyaml"
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

// baseName is a file's name without its extension. Names that begin with a dot keep it.
func baseName(name string) string {
	if ext := path.Ext(name); ext != name {
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// pathOf is where an object is stored.
func pathOf(folder, slug string) string { return path.Join(folder, slug+".yml") }

// truthy is what JavaScript takes for true.
func truthy(v *jsyaml.Value) bool {
	if v.IsNull() {
		return false
	}
	switch v.Kind {
	case jsyaml.Bool:
		return v.Bool
	case jsyaml.Number:
		return v.Number != 0 && v.Number == v.Number //nolint:gocritic // NaN
	case jsyaml.String:
		return v.Text != ""
	}
	return true
}

// isObject is JavaScript's typeof v == "object", without null.
func isObject(v *jsyaml.Value) bool {
	return !v.IsNull() && v.Kind >= jsyaml.Date
}

// iterate returns what JavaScript's "for of" does.
func iterate(v *jsyaml.Value) (items []*jsyaml.Value, ok bool) {
	switch {
	case v != nil && v.Kind == jsyaml.Sequence:
		return v.Items, true
	case v != nil && v.Kind == jsyaml.String:
		for _, r := range v.Text {
			items = append(items, jsyaml.NewText(string(r)))
		}
		return items, true
	}
	return nil, false
}

// values returns those of JavaScript's Object.values, in its order; not ok for null.
func values(v *jsyaml.Value) (list []*jsyaml.Value, ok bool) {
	if v.IsNull() {
		return nil, false
	}
	if v.Kind == jsyaml.Sequence {
		return v.Items, true
	}
	for _, pair := range v.Pairs {
		list = append(list, pair.Value)
	}
	return list, true
}

// setSlug sets content.slug, which only objects have.
func setSlug(content *jsyaml.Value, slug string) error {
	if !isObject(content) {
		return typeError()
	}
	if content.Kind == jsyaml.Mapping {
		content.Set("slug", jsyaml.NewText(slug))
	}
	return nil
}

// checkAutomation does what the service does with an automation before it stores it.
func checkAutomation(content *jsyaml.Value) error {
	if schedules := content.Get("when").Get("schedules"); truthy(schedules) {
		items, ok := iterate(schedules)
		if !ok {
			return typeError()
		}
		for _, item := range items {
			if !isSchedule(strings.TrimSpace(item.String())) {
				return thrown("InvalidScheduleError", "Invalid schedule format")
			}
		}
	}
	return checkEmits(content.Get("do"), 0)
}

// maxInstructions is how deep instructions may be in one another.
const maxInstructions = 500

// checkEmits looks for events in a list of instructions. Some values that are null stop it.
func checkEmits(list *jsyaml.Value, depth int) error {
	if list == nil || list.Kind != jsyaml.Sequence {
		return nil
	}
	if depth > maxInstructions {
		return typeError()
	}
	for _, instruction := range list.Items {
		if instruction.IsNull() {
			return typeError()
		}
		if instruction.Kind != jsyaml.Mapping || len(instruction.Pairs) == 0 {
			continue
		}
		if err := checkInstruction(instruction.Pairs[0].Key, instruction.Pairs[0].Value, depth); err != nil {
			return err
		}
	}
	return nil
}

func checkInstruction(name string, value *jsyaml.Value, depth int) error {
	switch {
	case value != nil && value.Kind == jsyaml.Sequence:
		return checkEmits(value, depth+1)
	case name == "conditions":
		branches, ok := values(value)
		if !ok {
			return typeError()
		}
		for _, branch := range branches {
			if err := checkEmits(branch, depth+1); err != nil {
				return err
			}
		}
	case name == "repeat" && value.IsNull(), name == "emit" && value.IsNull():
		return typeError()
	case name == "repeat":
		return checkEmits(value.Get("do"), depth+1)
	}
	return nil
}

// checkPage looks for the blocks of a page.
func checkPage(content *jsyaml.Value) error {
	blocks := content.Get("blocks")
	if !truthy(blocks) {
		return nil
	}
	if blocks.Kind != jsyaml.Sequence || slices.ContainsFunc(blocks.Items, (*jsyaml.Value).IsNull) {
		return typeError()
	}
	return nil
}

// checkPageMeta is what the database refuses after a page is stored.
func checkPageMeta(content *jsyaml.Value) error {
	labels := content.Get("labels")
	if labels.IsNull() {
		return nil
	}
	if labels.Kind != jsyaml.Sequence {
		labels = jsyaml.NewSequence(labels)
	}
	return checkLabels("pages", labels)
}

func checkLabels(model string, labels *jsyaml.Value) error {
	for _, label := range labels.Items {
		if isObject(label) && label.Kind != jsyaml.Date {
			return castError(model, "labels.0", "[string]", inspect(labels, 0), `(type string) at path "labels.0" because of "CastError"`)
		}
	}
	return nil
}

// checkText is what the database refuses as a text.
func checkText(content *jsyaml.Value, field string) error {
	kind := ""
	switch v := content.Get(field); {
	case v == nil:
	case v.Kind == jsyaml.Sequence:
		kind = "Array"
	case v.Kind == jsyaml.Mapping:
		kind = "Object"
	}
	if kind == "" {
		return nil
	}
	return castError("workspaces", field, "string", inspect(content.Get(field), 0), `(type `+kind+`) at path "`+field+`"`)
}

// inspect writes a value as Node.js does in messages.
func inspect(v *jsyaml.Value, depth int) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Kind == jsyaml.String:
		return "'" + v.Text + "'"
	case depth > 2 && isObject(v):
		return "[Object]"
	}
	var parts []string
	for _, item := range v.Items {
		parts = append(parts, inspect(item, depth+1))
	}
	for _, pair := range v.Pairs {
		parts = append(parts, pair.Key+": "+inspect(pair.Value, depth+1))
	}
	list := strings.Join(parts, ", ")
	switch {
	case v.Kind == jsyaml.Sequence:
		return "[ " + list + " ]"
	case v.Kind == jsyaml.Mapping:
		return "{ " + list + " }"
	}
	return v.String()
}
