// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

// indexFile is the workspace itself; an import fails without it.
const indexFile = "index.yml"

// index is what we need of index.yml.
type index struct {
	id, name, slug Text
	labels         []Text
	declarations
}

// The patterns are those of the platform's OpenAPI document and its defaults.
var (
	workspaceName = regexp.MustCompile(`^[0-9A-Za-zÀ-ÖØ-öø-ÿ ,.'\- ]{1,60}$`)
	workspaceSlug = regexp.MustCompile(`^[a-z0-9-]+$`)
	label         = regexp.MustCompile(`^[0-9A-Za-z._:-]{2,60}$`)
)

// reservedSlug is the workspace that the platform keeps for itself.
const reservedSlug = "platform"

func readIndex(root *yaml.Node, r reader) *index {
	top := r.mapping(root, indexFile)
	x := &index{
		id:     r.text(get(top, "id"), "id"),
		name:   r.text(get(top, "name"), "name"),
		slug:   r.text(get(top, "slug"), "slug"),
		labels: r.texts(get(top, "labels"), "labels"),

		declarations: readDeclarations(top, r),
	}
	r.checkName(get(top, "name"), x.name)
	if x.slug.Value != "" {
		r.checkSlug(x.slug)
	}
	for _, l := range x.labels {
		if !label.MatchString(l.Value) {
			r.report(ruleLabelInvalid, l.At, "label %s is not valid", show(l.Value))
		}
	}
	return x
}

func (r reader) checkName(n *yaml.Node, name Text) {
	switch {
	case n == nil || isNull(n):
		r.report(ruleNameMissing, Position{File: r.file}, "the workspace has no name")
	case name.At.Line != 0 && !workspaceName.MatchString(name.Value):
		r.report(ruleNameInvalid, name.At, "name %s is not valid", show(name.Value))
	}
}

// checkSlug checks a slug of index.yml or of a directory. A directory cannot
// hold the slash that the platform's pattern allows.
func (r *reporter) checkSlug(slug Text) {
	switch {
	case slug.Value == reservedSlug:
		r.report(ruleSlugReserved, slug.At, "slug %q is reserved", reservedSlug)
	case !workspaceSlug.MatchString(slug.Value):
		r.report(ruleSlugInvalid, slug.At, "slug %s is not valid", show(slug.Value))
	}
}
