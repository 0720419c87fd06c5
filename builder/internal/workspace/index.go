// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// indexFile is the workspace itself. An import fails without it.
const indexFile = "index.yml"

// index holds the values of index.yml.
type index struct {
	id, name, slug Text
	labels         []Text
	// photo is set if index.yml has a photo.
	photo bool
	declarations
}

// The patterns come from the platform's OpenAPI document and defaults.
var (
	workspaceName = lazyregexp.New(`^[0-9A-Za-zÀ-ÖØ-öø-ÿ ,.'\- ]{1,60}$`)
	workspaceSlug = lazyregexp.New(`^[/a-z0-9-]+$`)
	label         = lazyregexp.New(`^[0-9A-Za-z._:-]{2,60}$`)
)

// directorySlug matches slugs that are valid directory names.
var directorySlug = lazyregexp.New(`^[a-z0-9][a-z0-9-]*$`)

// IndexSlug returns the slug of an index.yml, or "" if it has none or the slug is not a valid
// directory name.
func IndexSlug(data []byte, limits Limits) string {
	root, errs := parseYAML(data, limits.withDefaults())
	if len(errs) > 0 || !isMapping(root) {
		return ""
	}
	slug := valueReader{new(reporter), indexFile}.readCoerced(yamltree.Lookup(root, "slug"), "slug").Value
	if !directorySlug.MatchString(slug) {
		return ""
	}
	return slug
}

// reservedSlug is the slug of the platform's own workspace.
const reservedSlug = "platform"

func readIndex(root *yaml.Node, r valueReader) *index {
	top := r.readMapping(root, indexFile)
	x := &index{
		id:     r.readCoerced(yamltree.Lookup(top, "id"), "id"),
		name:   r.readCoerced(yamltree.Lookup(top, "name"), "name"),
		slug:   r.readSlug(yamltree.Lookup(top, "slug")),
		labels: r.readLabels(yamltree.Lookup(top, "labels")),
		photo:  !isFalsy(yamltree.Lookup(top, "photo")),

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
			r.report(ruleLabelInvalid, l.At, "label %s is not valid", quoteName(l.Value))
		}
	}
	if description := yamltree.Lookup(top, "description"); description != nil && isNull(yamltree.Resolve(description)) {
		r.report(ruleDescriptionNull, r.positionOf(description), "description has no value: the platform imports "+
			"nothing of the workspace")
	}
	r.readCoerced(yamltree.Lookup(top, "photo"), "photo")
	r.checkRegister(yamltree.Lookup(top, "registerWorkspace"))
	r.checkExclude(top)
	r.checkDomains(yamltree.Lookup(top, "customDomains"))
	r.checkInlineObjects(top)
	return x
}

// readSlug reads the slug. The platform ignores a value that JavaScript considers false.
func (r valueReader) readSlug(n *yaml.Node) Text {
	if isFalsy(n) {
		return Text{}
	}
	return r.readCoerced(n, "slug")
}

// checkDomains reports custom domains, which an import empties.
func (r valueReader) checkDomains(n *yaml.Node) {
	domains := yamltree.Resolve(n)
	if isFalsy(n) || domains.Kind != yaml.ScalarNode && len(domains.Content) == 0 {
		return
	}
	r.report(ruleDomains, r.positionOf(n), "an import empties customDomains: set them again after it")
}

// checkInlineObjects reports automations, pages and app instances in index.yml itself.
func (r valueReader) checkInlineObjects(top *yaml.Node) {
	for _, s := range objectSections() {
		n := yamltree.Lookup(top, string(s))
		if objects := yamltree.Resolve(n); objects != nil && len(objects.Content) > 0 {
			r.report(ruleIndexObjects, r.positionOf(n), "the platform does not import %s from index.yml, only from the "+
				"files in %s/", s, s)
		}
	}
}

// readLabels reads the labels of the workspace. The platform splits a text into a list of its
// letters.
func (r valueReader) readLabels(n *yaml.Node) []Text {
	list := yamltree.Resolve(n)
	switch {
	case isFalsy(n):
		return nil
	case list.Kind == yaml.ScalarNode && list.ShortTag() == "!!str":
		r.report(ruleTypeCoerced, r.positionOf(n), "labels must be a list, not a text: the platform makes a label of "+
			"each letter")
		return nil
	}
	return r.readTexts(n, "labels", r.readCoerced)
}

// checkRegister reports a value that the platform's database does not accept as a boolean.
func (r valueReader) checkRegister(n *yaml.Node) {
	value := yamltree.Resolve(n)
	if value == nil || isNull(value) {
		return
	}
	text := scriptText(value)
	if value.Kind != yaml.ScalarNode || !slices.Contains([]string{"true", "false", "1", "0", "yes", "no"}, text) {
		r.report(ruleTypeInvalid, r.positionOf(n), "registerWorkspace must be true or false")
	}
}

func (r valueReader) checkName(top *yaml.Node, name Text) {
	switch n := yamltree.Resolve(yamltree.Lookup(top, "name")); {
	case n == nil || isNull(n):
		r.report(ruleNameMissing, Position{File: r.file}, "the workspace has no name")
	case name.At.Line != 0 && !workspaceName.MatchString(name.Value):
		r.report(ruleNameInvalid, name.At, "name %s is not valid", quoteName(name.Value))
	}
}

// checkExclude reports parts of the workspace that a pull skips.
func (r valueReader) checkExclude(top *yaml.Node) {
	for _, repository := range yamltree.Pairs(lookupPath(top, "repositories")).All {
		exclude := lookupPath(repository, "pull", "exclude")
		if exclude != nil && len(exclude.Content) > 0 {
			r.report(rulePullExclude, r.positionOf(exclude), "pull.exclude keeps parts of the workspace as they "+
				"are on "+
				"the platform")
		}
	}
}

// publishLabel makes an import publish the workspace as an app.
const publishLabel = "production:app"

// checkApp checks the values that the platform needs to publish an app.
func (c *Collector) checkApp(s *workspaceState, w *Workspace) {
	if s.index == nil {
		return
	}
	at := Position{File: s.slug + "/" + indexFile}
	labelled := false
	for _, l := range w.Labels {
		if l.Value == publishLabel {
			labelled = true
			at = l.At
		}
	}
	if !labelled && w.App.Value == "" {
		return
	}
	if !s.index.photo {
		c.report(ruleAppPhoto, at, "the workspace publishes an app but has no photo: the import ends with an error")
	}
	name := w.Name.Value
	switch {
	case !labelled || name == "":
	case w.App.Value != "" && w.App.Value != name:
		c.report(ruleAppName, w.Name.At, "name %s differs from the slug of the app, %s", quoteName(name),
			quoteName(w.App.Value))
	case w.App.Value == "" && !appSlug.MatchString(name):
		c.report(ruleAppSlugInvalid, w.Name.At, "name %s is not a valid app slug, but the label %s publishes "+
			"the app under it", quoteName(name), publishLabel)
	}
}

// checkSlug checks the slug of an index.yml or a directory.
func (r *reporter) checkSlug(slug Text) {
	switch {
	case slug.Value == reservedSlug:
		r.report(ruleSlugReserved, slug.At, "slug %q is reserved", reservedSlug)
	case !workspaceSlug.MatchString(slug.Value):
		r.report(ruleSlugInvalid, slug.At, "slug %s is not valid", quoteName(slug.Value))
	}
}
