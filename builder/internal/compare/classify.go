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

// classifier determines the classes of a changed file.
type classifier struct {
	path         string
	older, newer []byte
	reasons      []Reason
}

func (j *classifier) addReason(c Class, format string, args ...any) {
	j.reasons = append(j.reasons, Reason{c, j.path, fmt.Sprintf(format, args...)})
}

// classify returns the reasons for the classes of a changed file. The content is nil if the file is
// missing or not known.
func classify(name string, older, newer []byte) []Reason {
	j := classifier{path: name, older: older, newer: newer}
	section, within, nested := strings.Cut(name, "/")
	switch {
	case name == metadataFile:
		j.addReason(Metadata, "recorded by the last push")
	case name == "security.yml":
		j.classifySecurity()
	case name == "index.yml":
		j.classifyIndex()
	case section == "automations" && nested && isStructured(name):
		j.classifyAutomation(within)
	case section == "pages" && nested:
		j.classifyPage()
	case section == "imports" && nested:
		j.classifyKeys("the app instance", nil)
	default:
		j.addReason(Wording, "a file that the platform does not import")
	}
	return j.reasons
}

const metadataFile = ".import.yml"

// sameMeaning reports whether both versions of the file have the same values.
func (j *classifier) sameMeaning() bool {
	return j.older != nil && j.newer != nil && sameValues(j.older, j.newer)
}

func (j *classifier) classifySecurity() {
	if j.sameMeaning() {
		j.addReason(Metadata, "same values")
		return
	}
	before := lookupPath(parseYAML(j.older), "authorizations")
	after := lookupPath(parseYAML(j.newer), "authorizations")
	added, removed := differentKeys(lookupPath(before, "roles"), lookupPath(after, "roles"))
	if len(added) > 0 {
		j.addReason(Permission, "new roles: %s", joinNames(added))
	}
	if len(removed) > 0 {
		j.addReason(Permission, "roles removed: %s", joinNames(removed))
	}
	more, less := differentItems(lookupPath(before, "rules"), lookupPath(after, "rules"))
	switch {
	case more+less > 0:
		j.addReason(Permission, "rules: %d added, %d removed", more, less)
	case len(added)+len(removed) == 0:
		j.addReason(Permission, "roles, rules or authentication differ")
	}
}

// templateLabel lets all signed-in users clone a workspace that they may read (platform
// documentation, "Workspace templates").
const templateLabel = "template"

func (j *classifier) classifyIndex() {
	j.classifyKeys("the workspace", map[string]func(before, after *yaml.Node){
		"labels": func(before, after *yaml.Node) {
			added, _ := differentKeys(itemsAsKeys(before), itemsAsKeys(after))
			j.addReason(Metadata, "labels")
			if slices.Contains(added, templateLabel) {
				j.addReason(Permission, "label %s: where rules let them read it, all signed-in users may clone "+
					"the workspace",
					templateLabel)
			}
		},
	})
}

func (j *classifier) classifyPage() {
	if !isStructured(j.path) {
		j.addReason(Behaviour, "the source of a page")
		return
	}
	j.classifyKeys("the page", map[string]func(before, after *yaml.Node){
		"permissions": func(_, _ *yaml.Node) { j.addReason(Permission, "who may see the page") },
		"labels": func(before, after *yaml.Node) {
			added, _ := differentKeys(itemsAsKeys(before), itemsAsKeys(after))
			j.addReason(Metadata, "labels")
			if slices.Contains(added, "public") {
				j.addReason(Permission, "label public")
			}
		},
	})
}

// classifyKeys classifies a mapping by its changed keys. special handles individual keys; names and
// descriptions are Wording, generated keys Metadata, and all others Behaviour.
func (j *classifier) classifyKeys(what string, special map[string]func(before, after *yaml.Node)) {
	before := parseYAML(j.older)
	after := parseYAML(j.newer)
	if before == nil || after == nil || before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode {
		j.addReason(Behaviour, "%s", what+describePresence(j.older, j.newer))
		return
	}
	var behaviour []string
	n := len(j.reasons)
	for _, key := range changedKeys(before, after) {
		switch {
		case special[key] != nil:
			special[key](lookupPath(before, key), lookupPath(after, key))
		case slices.Contains(generatedKeys(), key):
			j.addReason(Metadata, "%s", key)
		case isWording(key):
			j.addReason(Wording, "%s", key)
		default:
			behaviour = append(behaviour, key)
		}
	}
	if len(behaviour) > 0 {
		j.addReason(Behaviour, "%s", joinNames(behaviour))
	}
	if len(j.reasons) == n {
		j.addReason(Metadata, "same values")
	}
}

// describePresence returns the end of a sentence about a file that was added, was removed, or cannot be
// parsed.
func describePresence(older, newer []byte) string {
	switch {
	case older == nil && newer != nil:
		return " is new"
	case older != nil && newer == nil:
		return " was removed"
	}
	return " differs"
}

// isWording reports whether a key holds text for readers only.
func isWording(key string) bool {
	return slices.Contains([]string{"name", "description", "photo", "title"}, key)
}

func (j *classifier) classifyAutomation(name string) {
	before, was := dsul.Describe(name, j.older)
	after, is := dsul.Describe(name, j.newer)
	if is && was {
		j.compareAccess(before, after)
	}
	if is && !was && j.older == nil && after.Endpoint != "" && !after.Private {
		j.addReason(Permission, "new endpoint %s", after.Endpoint)
	}
	j.classifyKeys("the automation", map[string]func(before, after *yaml.Node){
		"labels": func(_, _ *yaml.Node) { j.addReason(Metadata, "labels") },
	})
}

// compareAccess compares who can call an automation.
func (j *classifier) compareAccess(before, after *dsul.Description) {
	if before.Private && !after.Private {
		j.addReason(Permission, "no longer private")
	}
	if before.Guarded && !after.Guarded {
		j.addReason(Permission, "authorizations removed")
	}
	opened := after.Endpoint != "" && !after.Private
	if opened && before.Endpoint == "" {
		j.addReason(Permission, "new endpoint %s", after.Endpoint)
	} else if opened && before.Endpoint != after.Endpoint {
		j.addReason(Permission, "endpoint %s instead of %s", after.Endpoint, before.Endpoint)
	}
}

// isAutomation reports whether a path in a workspace is an automation.
func isAutomation(name string) bool {
	return strings.HasPrefix(name, "automations/") && (path.Ext(name) == ".yml" || path.Ext(name) == ".yaml")
}
