// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
)

// section is what the platform makes of a file.
type section string

const (
	sectionIndex       section = "index"
	sectionSecurity    section = "security"
	sectionAutomations section = "automations"
	sectionPages       section = "pages"
	sectionImports     section = "imports"
	// sectionOther are documents that the platform reads and ignores.
	sectionOther section = ""
)

// what names an object of a section in messages.
func (s section) what() string {
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

// place is what the path of a YAML or JSON file means to the platform. It takes the
// first part of the path without its extension for the section, so that index.json
// and automations.old/ are read, too.
type place struct {
	section section
	// within is the path below the section; empty for a file at the top.
	within string
	ext    string
}

// isDocument reports whether the platform reads a file. It knows small letters only.
func isDocument(rel string) bool {
	switch path.Ext(rel) {
	case ".yml", ".yaml", ".json":
		return true
	}
	return false
}

func placeOf(rel string) place {
	first, within, _ := strings.Cut(rel, "/")
	p := place{within: within, ext: path.Ext(rel)}
	switch s := section(stem(first)); s {
	case sectionIndex, sectionSecurity, sectionAutomations, sectionPages, sectionImports:
		p.section = s
	}
	return p
}

// stem is a name without its extension, as Node.js takes it: .yml is a name.
func stem(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		return name[:dot]
	}
	return name
}

// nested reports whether the file is in a directory below its section.
func (p place) nested() bool { return strings.Contains(p.within, "/") }

// isHidden reports whether a file or a directory that it is in begins with a dot.
func isHidden(rel string) bool { return strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.") }

// checkHidden reports a hidden file that would be an object otherwise.
func (c *Collector) checkHidden(at Position, rel string) {
	p := placeOf(rel)
	if isDocument(rel) && p.section.holdsObjects() && strings.HasPrefix(p.within, ".") {
		c.report(ruleFileHidden, at, "the platform ignores hidden files: there is no such %s", p.section.what())
	}
}

// source reports whether the file may belong to the source tree of a page, which the
// platform does not read as DSUL.
func (p place) source() bool { return p.section == sectionPages && p.nested() }

// checkPath reports what the path of a file makes of it, and returns false if nothing
// can be said of its content.
func (c *Collector) checkPath(s *space, at Position, rel string) bool {
	if strings.HasSuffix(rel, "bulkExport.json") {
		c.report(ruleBulkExport, at, "the path ends with bulkExport.json: the platform takes the archive for an "+
			"export of several workspaces and refuses it")
	}
	if !isDocument(rel) {
		c.checkUnread(at, rel)
		return false
	}
	p := placeOf(rel)
	switch {
	case p.section == sectionOther:
		c.checkMisspelt(at, rel)
	case p.section == sectionIndex || p.section == sectionSecurity:
		c.checkRoot(s, at, rel, p)
	default:
		return c.checkObjectPath(at, rel, p)
	}
	return true
}

// checkUnread reports files that the platform would read under another extension.
func (c *Collector) checkUnread(at Position, rel string) {
	lower := strings.ToLower(path.Ext(rel))
	p := placeOf(rel)
	if !isDocument("x"+lower) || p.section == sectionOther || p.source() {
		return
	}
	c.report(ruleFileExtension, at, "the platform does not read files that end with %s: the %s is not imported",
		show(path.Ext(rel)), p.section.what())
}

// sectionNames are those that people write in other ways.
var sectionNames = []string{"automations", "pages", "imports", "security", "index"}

// checkMisspelt reports a directory that was meant to be a section.
func (c *Collector) checkMisspelt(at Position, rel string) {
	first, _, nested := strings.Cut(rel, "/")
	if !nested {
		return
	}
	for _, name := range sectionNames[:3] {
		lower := strings.ToLower(first)
		misspelt := len(name) > 8 && spelling.Nearest(lower, slices.Values([]string{name})) != ""
		if lower == name || lower+"s" == name || misspelt {
			c.report(ruleSectionName, at, "the platform does not import %s/, only %s/: the file is lost", show(first),
				name)
			return
		}
	}
}

// checkRoot reports what the platform takes for index.yml or security.yml, too.
func (c *Collector) checkRoot(s *space, at Position, rel string, p place) {
	name := string(p.section) + ".yml"
	switch {
	case rel == name:
	case p.within != "":
		c.report(ruleRootOverride, at, "the platform takes a file in a directory %s for %s: it overrides the "+
			"file of that name", show(strings.SplitN(rel, "/", 2)[0]), name)
	default:
		s.overrides = append(s.overrides, override{at, name})
	}
}

// override is a file, such as index.json, that overrides another if that is there.
type override struct {
	at   Position
	name string
}

// isInternal reports whether a file below a section belongs to the platform itself.
func isInternal(rel string, p place) bool {
	return stem(strings.SplitN(p.within, "/", 2)[0]) == "__index__" || path.Base(rel) == "__index__.yml"
}

// checkObjectPath checks the path of an automation, page or app instance.
func (c *Collector) checkObjectPath(at Position, rel string, p place) bool {
	first, _, _ := strings.Cut(rel, "/")
	switch {
	case p.within == "":
		c.report(ruleSectionName, at, "the platform takes the file for an object of %s/ without a name, and "+
			"refuses it", p.section)
		return false
	case isInternal(rel, p):
		return false // the platform writes it with each push from a file system, and ignores it
	case first != string(p.section):
		c.report(ruleSectionName, at, "the platform takes %s/ for %s/, and mixes them up", show(first), p.section)
		return false
	case p.section == sectionImports && p.nested():
		c.report(ruleImportNested, at, "an app instance must be in imports/ itself: the platform names it %s",
			show(strings.SplitN(p.within, "/", 2)[0]))
		return false
	case p.ext != ".yml" && !p.source():
		c.report(ruleFileExtension, at, "the platform stores the %s as %s.yml, and a pull deletes it", p.section.what(),
			show(stem(p.within)))
	}
	return true
}

// objectPrototype are the properties of every object in JavaScript, by which the
// platform believes that it has an app instance already.
var objectPrototype = []string{
	"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
	"__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
}

// checkSlugOf checks the slug of an object, which the file states or not, and returns
// the one that the platform gives it.
func (c *Collector) checkSlugOf(at Position, p place, stated Text) string {
	own := stem(p.within)
	slug := own
	if stated.Value != "" && p.section != sectionImports {
		slug = stated.Value
		at.Line, at.Column = stated.At.Line, stated.At.Column
	}
	switch {
	case !appSlug.MatchString(slug):
		c.report(ruleSlugOfFile, at, "slug %s is not valid: the platform refuses the %s", show(slug), p.section.what())
	case p.section == sectionImports && slices.Contains(objectPrototype, slug), p.section == sectionPages &&
		slug == "__index__":
		c.report(ruleSlugTaken, at, "slug %s means something else to the platform: the %s is lost", show(slug),
			p.section.what())
	case slug == own:
	case p.section == sectionAutomations && p.nested() && slug == path.Base(own):
		c.report(ruleSlugNested, at, "slug %s is not the path of the file, %s", show(slug), show(own))
	default:
		c.report(ruleObjectSlug, at, "slug %s is not the path of the file, %s: a pull deletes the %s", show(slug),
			show(own), p.section.what())
	}
	if p.section == sectionImports && stated.Value != "" && stated.Value != own {
		at.Line, at.Column = stated.At.Line, stated.At.Column
		c.report(ruleInstanceSlug, at, "slug %s is not the name of the file, %s", show(stated.Value), show(own))
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

// addObject takes note of the object in the latest file.
func (s *space) addObject(in section, slug string) {
	s.objects = append(s.objects, object{slug, int32(len(s.files) - 1),
		uint8(slices.Index(objectSections(), in))}) //nolint:gosec // bounded
}

// checkObjects reports the objects of a workspace that have one slug.
func (c *Collector) checkObjects(s *space) {
	type name struct {
		section uint8
		slug    string
	}
	path := func(o object) string { return s.slug + "/" + s.files[o.file].Path }
	slices.SortStableFunc(s.objects, func(a, b object) int {
		return strings.Compare(s.files[a.file].Path,
			s.files[b.file].Path)
	})
	first := make(map[name]object, len(s.objects))
	for _, o := range s.objects {
		key := name{o.section, strings.TrimPrefix(o.slug, "/")}
		if other, taken := first[key]; taken {
			what := objectSections()[o.section].what()
			c.report(ruleSlugTwice, Position{File: path(o)}, "slug %s is already that of %s: the platform keeps "+
				"one %s", show(o.slug), path(other), what)
			continue
		}
		first[key] = o
	}
	for _, o := range s.overrides {
		if o.name == indexFile && s.hasIndex || o.name == securityFile && s.hasSecurity {
			c.report(ruleRootOverride, o.at, "the platform takes the file for %s, too: what it reads last wins", o.name)
		}
	}
}
