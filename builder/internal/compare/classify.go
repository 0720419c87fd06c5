// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
)

// judge finds out what kind of change a file is.
type judge struct {
	path         string
	older, newer []byte
	reasons      []Reason
}

func (j *judge) add(c Class, format string, args ...any) {
	j.reasons = append(j.reasons, Reason{c, j.path, fmt.Sprintf(format, args...)})
}

// classify returns why a file that differs is of which classes. The content is nil where the
// file is not there, or is not known.
func classify(name string, older, newer []byte) []Reason {
	j := judge{path: name, older: older, newer: newer}
	section, within, nested := strings.Cut(name, "/")
	switch {
	case name == metadataFile:
		j.add(Metadata, "what the last push noted down")
	case name == "security.yml":
		j.security()
	case name == "index.yml":
		j.index()
	case section == "automations" && nested && isStructured(name):
		j.automation(within)
	case section == "pages" && nested:
		j.page()
	case section == "imports" && nested:
		j.keyed("the app instance", nil)
	default:
		j.add(Wording, "a file that the platform does not import")
	}
	return j.reasons
}

const metadataFile = ".import.yml"

// sameMeaning reports whether two versions of a file have the same values.
func (j *judge) sameMeaning() bool {
	return j.older != nil && j.newer != nil && sameValues(j.older, j.newer)
}

func (j *judge) security() {
	if j.sameMeaning() {
		j.add(Metadata, "same values")
		return
	}
	before := lookup(parse(j.older), "authorizations")
	after := lookup(parse(j.newer), "authorizations")
	added, removed := differentKeys(lookup(before, "roles"), lookup(after, "roles"))
	if len(added) > 0 {
		j.add(Permission, "new roles: %s", names(added))
	}
	if len(removed) > 0 {
		j.add(Permission, "roles removed: %s", names(removed))
	}
	more, less := differentItems(lookup(before, "rules"), lookup(after, "rules"))
	switch {
	case more+less > 0:
		j.add(Permission, "rules: %d added, %d removed", more, less)
	case len(added)+len(removed) == 0:
		j.add(Permission, "roles, rules or authentication differ")
	}
}

// templateLabel is the label by which anybody who is signed in may clone a workspace, where
// rules let them read it (platform documentation, "Workspace templates").
const templateLabel = "template"

func (j *judge) index() {
	j.keyed("the workspace", map[string]func(before, after *yaml.Node){
		"labels": func(before, after *yaml.Node) {
			added, _ := differentKeys(listed(before), listed(after))
			j.add(Metadata, "labels")
			if slices.Contains(added, templateLabel) {
				j.add(Permission, "label %s: where rules let them read it, all signed-in users may clone the workspace",
					templateLabel)
			}
		},
	})
}

func (j *judge) page() {
	if !isStructured(j.path) {
		j.add(Behaviour, "the source of a page")
		return
	}
	j.keyed("the page", map[string]func(before, after *yaml.Node){
		"permissions": func(_, _ *yaml.Node) { j.add(Permission, "who may see the page") },
		"labels": func(before, after *yaml.Node) {
			added, _ := differentKeys(listed(before), listed(after))
			j.add(Metadata, "labels")
			if slices.Contains(added, "public") {
				j.add(Permission, "label public")
			}
		},
	})
}

// keyed classifies a mapping by those of its keys that differ. Special says what some of them
// mean; the names that people read are text, the notes of the platform metadata, and all
// others behaviour.
func (j *judge) keyed(what string, special map[string]func(before, after *yaml.Node)) {
	before := parse(j.older)
	after := parse(j.newer)
	if before == nil || after == nil || before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode {
		j.add(Behaviour, "%s", what+presence(j.older, j.newer))
		return
	}
	var behaviour []string
	n := len(j.reasons)
	for _, key := range changedKeys(before, after) {
		switch {
		case special[key] != nil:
			special[key](lookup(before, key), lookup(after, key))
		case slices.Contains(generatedKeys(), key):
			j.add(Metadata, "%s", key)
		case isWording(key):
			j.add(Wording, "%s", key)
		default:
			behaviour = append(behaviour, key)
		}
	}
	if len(behaviour) > 0 {
		j.add(Behaviour, "%s", names(behaviour))
	}
	if len(j.reasons) == n {
		j.add(Metadata, "same values")
	}
}

// presence completes a sentence on a file that came, went, or cannot be looked into.
func presence(older, newer []byte) string {
	switch {
	case older == nil && newer != nil:
		return " is new"
	case older != nil && newer == nil:
		return " is gone"
	}
	return " differs"
}

// isWording reports whether a key holds a text for people only.
func isWording(key string) bool {
	return slices.Contains([]string{"name", "description", "photo", "title"}, key)
}

func (j *judge) automation(name string) {
	before, was := dsul.Describe(name, j.older)
	after, is := dsul.Describe(name, j.newer)
	if is && was {
		j.access(before, after)
	}
	if is && !was && j.older == nil && after.Endpoint != "" && !after.Private {
		j.add(Permission, "new endpoint %s", after.Endpoint)
	}
	j.keyed("the automation", map[string]func(before, after *yaml.Node){
		"labels": func(_, _ *yaml.Node) { j.add(Metadata, "labels") },
	})
}

// access compares who can call an automation.
func (j *judge) access(before, after *dsul.Description) {
	if before.Private && !after.Private {
		j.add(Permission, "no longer private")
	}
	if before.Guarded && !after.Guarded {
		j.add(Permission, "authorizations removed")
	}
	opened := after.Endpoint != "" && !after.Private
	if opened && before.Endpoint == "" {
		j.add(Permission, "new endpoint %s", after.Endpoint)
	} else if opened && before.Endpoint != after.Endpoint {
		j.add(Permission, "endpoint %s instead of %s", after.Endpoint, before.Endpoint)
	}
}

// isAutomation reports whether a path within a workspace is that of an automation.
func isAutomation(name string) bool {
	return strings.HasPrefix(name, "automations/") && (path.Ext(name) == ".yml" || path.Ext(name) == ".yaml")
}
