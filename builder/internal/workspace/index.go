// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// indexFile is the workspace itself; an import fails without it.
const indexFile = "index.yml"

// index is what we need of index.yml.
type index struct {
	id, name, slug Text
	labels         []Text
	// photo reports whether there is one.
	photo bool
	declarations
}

// The patterns are those of the platform's OpenAPI document and its defaults.
var (
	workspaceName = lazyregexp.New(`^[0-9A-Za-zÀ-ÖØ-öø-ÿ ,.'\- ]{1,60}$`)
	workspaceSlug = lazyregexp.New(`^[/a-z0-9-]+$`)
	label         = lazyregexp.New(`^[0-9A-Za-z._:-]{2,60}$`)
)

// directorySlug matches the slugs that a directory can be called by.
var directorySlug = lazyregexp.New(`^[a-z0-9][a-z0-9-]*$`)

// IndexSlug returns the slug in an index.yml, or nothing if there is none that a directory
// can be called by.
func IndexSlug(data []byte, limits Limits) string {
	root, errs := parseYAML(data, limits.withDefaults())
	if len(errs) > 0 || !isMapping(root) {
		return ""
	}
	slug := reader{newReporter(), indexFile}.coerced(get(root, "slug"), "slug").Value
	if !directorySlug.MatchString(slug) {
		return ""
	}
	return slug
}

// reservedSlug is the workspace that the platform keeps for itself.
const reservedSlug = "platform"

func readIndex(root *yaml.Node, r reader) *index {
	top := r.mapping(root, indexFile)
	x := &index{
		id:     r.coerced(get(top, "id"), "id"),
		name:   r.coerced(get(top, "name"), "name"),
		slug:   r.coerced(get(top, "slug"), "slug"),
		labels: r.labels(get(top, "labels")),
		photo:  !isFalsy(get(top, "photo")),

		declarations: readDeclarations(top, r),
	}
	if top == nil {
		return x
	}
	r.checkName(top, x.name)
	if x.slug.Value != "" {
		r.checkSlug(x.slug)
	}
	for _, l := range x.labels {
		if !label.MatchString(l.Value) {
			r.report(ruleLabelInvalid, l.At, "label %s is not valid", show(l.Value))
		}
	}
	if description := get(top, "description"); description != nil && isNull(resolve(description)) {
		r.report(ruleDescriptionNull, r.at(description), "description has no value: the platform imports "+
			"nothing of the workspace")
	}
	r.coerced(get(top, "photo"), "photo")
	r.checkRegister(get(top, "registerWorkspace"))
	r.checkExclude(top)
	return x
}

// labels reads the labels of the workspace. The platform takes a text for a list of its letters.
func (r reader) labels(n *yaml.Node) []Text {
	list := resolve(n)
	switch {
	case isFalsy(n):
		return nil
	case list.Kind == yaml.ScalarNode && list.ShortTag() == "!!str":
		r.report(ruleTypeCoerced, r.at(n), "labels must be a list, and is a text, of which the platform makes a "+
			"label for each letter")
		return nil
	}
	return r.texts(n, "labels", r.coerced)
}

// checkRegister reports what the platform's database takes for no boolean.
func (r reader) checkRegister(n *yaml.Node) {
	value := resolve(n)
	if value == nil || isNull(value) {
		return
	}
	text := scriptText(value)
	if value.Kind != yaml.ScalarNode || !slices.Contains([]string{"true", "false", "1", "0", "yes", "no"}, text) {
		r.report(ruleTypeInvalid, r.at(n), "registerWorkspace must be true or false")
	}
}

func (r reader) checkName(top *yaml.Node, name Text) {
	switch n := resolve(get(top, "name")); {
	case n == nil || isNull(n):
		r.report(ruleNameMissing, Position{File: r.file}, "the workspace has no name")
	case name.At.Line != 0 && !workspaceName.MatchString(name.Value):
		r.report(ruleNameInvalid, name.At, "name %s is not valid", show(name.Value))
	}
}

// checkExclude reports parts of the workspace that a pull leaves alone.
func (r reader) checkExclude(top *yaml.Node) {
	for _, repository := range fields(lookup(top, "repositories")) {
		exclude := lookup(repository, "pull", "exclude")
		if exclude != nil && len(exclude.Content) > 0 {
			r.report(rulePullExclude, r.at(exclude), "pull.exclude keeps parts of the workspace as they are on "+
				"the platform")
		}
	}
}

// publishes is the label with which an import publishes the workspace as an app.
const publishes = "production:app"

// checkApp checks what the platform needs to publish the app of a workspace.
func (c *Collector) checkApp(s *space, w *Workspace) {
	if s.index == nil {
		return
	}
	at := Position{File: s.slug + "/" + indexFile}
	labelled := false
	for _, l := range w.Labels {
		if l.Value == publishes {
			labelled = true
			at = l.At
		}
	}
	if !labelled && w.App.Value == "" {
		return
	}
	if !s.index.photo {
		c.report(ruleAppPhoto, at, "the workspace publishes an app and has no photo: the import ends with an error")
	}
	name := w.Name.Value
	switch {
	case !labelled || name == "":
	case w.App.Value != "" && w.App.Value != name:
		c.report(ruleAppName, w.Name.At, "name %s is not the slug of the app, %s", show(name), show(w.App.Value))
	case w.App.Value == "" && !appSlug.MatchString(name):
		c.report(ruleAppSlugInvalid, w.Name.At, "name %s is no slug of an app, and the label %s publishes one "+
			"under it", show(name), publishes)
	}
}

// checkSlug checks a slug of index.yml or of a directory.
func (r *reporter) checkSlug(slug Text) {
	switch {
	case slug.Value == reservedSlug:
		r.report(ruleSlugReserved, slug.At, "slug %q is reserved", reservedSlug)
	case !workspaceSlug.MatchString(slug.Value):
		r.report(ruleSlugInvalid, slug.At, "slug %s is not valid", show(slug.Value))
	}
}
