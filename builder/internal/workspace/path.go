// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// section is the kind of object that the platform makes of a file.
type section string

const (
	sectionIndex       section = "index"
	sectionSecurity    section = "security"
	sectionAutomations section = "automations"
	sectionPages       section = "pages"
	sectionImports     section = "imports"
	// sectionOther are documents that the platform reads but ignores.
	sectionOther section = ""
)

// objectName returns the name of an object of the section for messages.
func (s section) objectName() string {
	switch s {
	case sectionAutomations:
		return "automation"
	case sectionPages:
		return "page"
	case sectionImports:
		return "app instance"
	}
	return "workspace"
}

func (s section) holdsObjects() bool {
	return s == sectionAutomations || s == sectionPages || s == sectionImports
}

// pathInfo is how the platform interprets the path of a YAML or JSON file. It derives the section
// from the first path element without its extension, so it also reads index.json and
// automations.old/.
type pathInfo struct {
	section section
	// within is the path below the section; empty for a file at the root.
	within string
	ext    string
}

// isDocument reports whether the platform reads a file. The extension is case-sensitive.
func isDocument(rel string) bool {
	switch path.Ext(rel) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

func classifyPath(rel string) pathInfo {
	first, within, _ := strings.Cut(rel, "/")
	p := pathInfo{within: within, ext: path.Ext(rel)}
	switch s := section(trimExtension(first)); s {
	case sectionIndex, sectionSecurity, sectionAutomations, sectionPages, sectionImports:
		p.section = s
	}
	return p
}

// trimExtension returns a name without its extension, as Node.js does: .yml has none.
func trimExtension(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		return name[:dot]
	}
	return name
}

// isSecurity reports whether the platform reads the file as security.yml, such as security.json.
func (p pathInfo) isSecurity() bool { return p.section == sectionSecurity && p.within == "" }

// isNested reports whether the file is in a subdirectory of its section.
func (p pathInfo) isNested() bool { return strings.Contains(p.within, "/") }

// isHidden reports whether a file or one of its directories starts with a dot.
func isHidden(rel string) bool { return strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.") }

// checkHidden reports a hidden file that would otherwise be an object.
func (r *reader) checkHidden(at Position, rel string) {
	p := classifyPath(rel)
	if isDocument(rel) && p.section.holdsObjects() && (!p.isPageSource() || strings.HasPrefix(p.within, ".")) {
		r.report(ruleFileHidden, at, "the platform ignores hidden files: the %s is not imported",
			p.section.objectName())
	}
}

// isPageSource reports whether the file may belong to the source tree of a page, which the platform
// does not parse as DSUL.
func (p pathInfo) isPageSource() bool { return p.section == sectionPages && p.isNested() }

// checkPath checks the path of a file. It returns false if the content need not be checked.
func (r *reader) checkPath(at Position, rel string, facts *facts) bool {
	if strings.HasSuffix(rel, "bulkExport.json") {
		r.report(ruleBulkExport, at, "the path ends with bulkExport.json: the platform treats the archive as an "+
			"export of several workspaces, and refuses it")
	}
	if !isDocument(rel) {
		r.checkUnread(at, rel)
		return false
	}
	p := classifyPath(rel)
	switch {
	case p.section == sectionOther:
		r.checkMisspelt(at, rel)
	case p.section == sectionIndex || p.section == sectionSecurity:
		r.checkRoot(at, rel, p, facts)
	default:
		return r.checkObjectPath(at, rel, p)
	}
	return true
}

// checkUnread reports files that the platform would read with another extension.
func (r *reader) checkUnread(at Position, rel string) {
	lower := strings.ToLower(path.Ext(rel))
	p := classifyPath(rel)
	if !isDocument("x"+lower) || p.section == sectionOther || p.isPageSource() {
		return
	}
	r.report(ruleFileExtension, at, "the platform does not read files that end with %s: the %s is not imported",
		quoteName(path.Ext(rel)), p.section.objectName())
}

// sectionNames are the names that are often misspelt.
var sectionNames = []string{"automations", "pages", "imports", "security", "index"}

// checkMisspelt reports a directory or a file whose name is almost that of a section.
func (r *reader) checkMisspelt(at Position, rel string) {
	first, _, nested := strings.Cut(rel, "/")
	if !nested {
		if strings.EqualFold(trimExtension(first), string(sectionSecurity)) {
			r.report(ruleSectionName, at, "the platform does not import %s, only %s: the roles and rules are lost",
				quoteName(first), securityFile)
		}
		return
	}
	for _, name := range sectionNames[:3] {
		lower := strings.ToLower(first)
		misspelt := len(name) > 8 && spelling.Nearest(lower, slices.Values([]string{name})) != ""
		if lower == name || lower+"s" == name || misspelt {
			r.report(ruleSectionName, at,
				"the platform does not import %s/, only %s/: the file is lost", quoteName(first),
				name)
			return
		}
	}
}

// checkRoot reports files that the platform also reads as index.yml or security.yml.
func (r *reader) checkRoot(at Position, rel string, p pathInfo, facts *facts) {
	name := string(p.section) + ".yml"
	switch {
	case rel == name:
	case p.within != "":
		r.report(ruleRootOverride, at, "the platform treats a file in a directory %s as %s: it overrides the "+
			"file of that name", quoteName(strings.SplitN(rel, "/", 2)[0]), name)
	default:
		facts.override = true
	}
}

// override is a file, such as index.json, that overrides another one if that exists.
type override struct {
	at   Position
	name string
}

// isInternal reports whether a file in a section belongs to the platform.
func isInternal(rel string, p pathInfo) bool {
	return trimExtension(strings.SplitN(p.within, "/", 2)[0]) == "__index__" || path.Base(rel) == "__index__.yml"
}

// checkObjectPath checks the path of an automation, page or app instance.
func (r *reader) checkObjectPath(at Position, rel string, p pathInfo) bool {
	first, _, _ := strings.Cut(rel, "/")
	switch {
	case p.within == "":
		r.report(ruleSectionName, at, "the platform treats the file as an object of %s/ without a name, and "+
			"refuses it", p.section)
		return false
	case isInternal(rel, p):
		return false // the platform writes it with each push from a file system, and ignores it
	case first != string(p.section):
		r.report(ruleSectionName, at, "the platform treats %s/ as %s/, and mixes them up", quoteName(first), p.section)
		return false
	case p.section == sectionImports && p.isNested():
		r.report(ruleImportNested, at, "an app instance must be in imports/ itself: the platform names it %s",
			quoteName(strings.SplitN(p.within, "/", 2)[0]))
		return false
	case p.ext != ".yml" && !p.isPageSource():
		r.report(ruleFileExtension, at, "the platform stores the %s as %s.yml, and a pull deletes it",
			p.section.objectName(),
			quoteName(trimExtension(p.within)))
	}
	return true
}

// objectPrototype lists the properties of every JavaScript object: the platform assumes that app
// instances with these names already exist.
var objectPrototype = []string{
	"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
	"__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
}

// checkObjectSlug checks the slug of an object, which the file may declare, and returns the slug
// that the platform uses.
func (r *reader) checkObjectSlug(at Position, p pathInfo, stated Text) string {
	own := trimExtension(p.within)
	slug := own
	if stated.Value != "" && p.section != sectionImports {
		slug = stated.Value
		at.Line = stated.At.Line
		at.Column = stated.At.Column
	}
	switch {
	case !appSlug.MatchString(slug):
		r.report(ruleSlugOfFile, at, "slug %s is not valid: the platform refuses the %s", quoteName(slug),
			p.section.objectName())
	case p.section == sectionImports && slices.Contains(objectPrototype, slug),
		p.section == sectionPages && slug == "__index__":
		r.report(ruleSlugTaken, at, "slug %s has a special meaning for the platform: the %s is lost", quoteName(slug),
			p.section.objectName())
	case slug == own:
	case p.section == sectionAutomations && p.isNested() && slug == path.Base(own):
		r.report(ruleSlugNested, at, "slug %s differs from the path of the file, %s", quoteName(slug), quoteName(own))
	default:
		r.report(ruleObjectSlug, at, "slug %s differs from the path of the file, %s: a pull deletes the %s", quoteName(slug),
			quoteName(own), p.section.objectName())
	}
	if p.section == sectionImports && stated.Value != "" && stated.Value != own {
		at.Line = stated.At.Line
		at.Column = stated.At.Column
		r.report(ruleInstanceSlug, at, "slug %s differs from the name of the file, %s",
			quoteName(stated.Value), quoteName(own))
	}
	return slug
}

// object is an automation, page or app instance.
type object struct {
	slug string
	// file is the index of the file in its workspace.
	file int32
	// section is the index in objectSections.
	section uint8
}

func objectSections() []section { return []section{sectionAutomations, sectionPages, sectionImports} }

// checkObjects reports objects of a workspace with the same slug.
func (c *Collector) checkObjects(s *workspaceState) {
	type name struct {
		section uint8
		slug    string
	}
	path := func(o object) string { return s.slug + "/" + s.files[o.file].Path }
	slices.SortStableFunc(s.objects, func(a, b object) int {
		return strings.Compare(s.files[a.file].Path, s.files[b.file].Path)
	})
	first := make(map[name]object, len(s.objects))
	for _, o := range s.objects {
		key := name{o.section, strings.TrimPrefix(o.slug, "/")}
		if other, taken := first[key]; taken {
			what := objectSections()[o.section].objectName()
			c.report(ruleSlugTwice, Position{File: path(o)}, "slug %s is already that of %s: the platform keeps "+
				"one %s", quoteName(o.slug), path(other), what)
			continue
		}
		first[key] = o
	}
	for _, o := range s.overrides {
		if o.name == indexFile && s.hasIndex || o.name == securityFile && s.hasSecurity {
			c.report(ruleRootOverride, o.at,
				"the platform also treats the file as %s: the last one it reads wins", o.name)
		}
	}
}
