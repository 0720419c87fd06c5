// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/diagnostic"
	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/builder/internal/gitfilter"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// facts are what the validation keeps of a file. They depend on the path of the file in its
// workspace, its content, and the limits only.
//
// Only positions in found and root name the file.
type facts struct {
	found []diagnostic.Diagnostic
	// document is set for a YAML or JSON file, covered for a file that .import.yml may list.
	document, covered bool
	// override is set for a file that the platform also treats as the root file of its section.
	override bool
	// slug is the slug declared in the file, as JavaScript reads it.
	slug string
	// object is the slug of the object in the file; empty if there is none.
	object string
	// app is the app of an app instance.
	app *Text
	references
	script *dsul.Facts
	// root is set for index.yml, .import.yml and security.yml.
	root *rootFacts
}

// rootFacts are the facts of a file at the root of a workspace.
type rootFacts struct {
	// index and metadata are nil unless this is their file, and the file can be read.
	index    *index
	metadata *metadata
	// delegates is the position of the rule in security.yml that lets other workspaces read
	// secrets.
	delegates Position
}

// isShareable reports whether the facts of a file of some size are worth keeping for files of other
// workspaces with the same path and content.
func (f *facts) isShareable(size int) bool {
	const minSize = 4 << 10 // bytes; smaller files are cheaper to read again
	return f.document && size >= minSize && len(f.found) == 0 && f.root == nil
}

// factsKey identifies the facts of a file.
type factsKey struct {
	rel string
	sum [sha256.Size]byte
}

// reader reads the facts of one file after another. It is not safe for concurrent use.
type reader struct {
	*reporter
	limits  Limits
	scripts *dsul.Reader
	// yaml parses all files in the same memory.
	yaml yamltree.Parser
}

// file is a file that is being read.
type file struct {
	source.File
	at Position
	// rel is the path in the workspace.
	rel string
	// parsed is set once root and errs are.
	parsed bool
	root   *yaml.Node
	errs   []error
}

// objectValues are the values that objects of all sections have.
type objectValues struct {
	// slug as JavaScript reads it; empty if JavaScript considers it false.
	slug, appSlug Text
	// page is set for a file with blocks.
	page bool
}

// readFacts reads a file. rel is its path in the workspace. The facts do not retain its data.
func (r *reader) readFacts(added source.File, rel string) *facts {
	facts := new(facts)
	if gitfilter.Detect(rel, added.Data) != gitfilter.None {
		return facts // the content is not in the source, which another diagnostic reports
	}
	f := &file{File: added, at: Position{File: added.Path}, rel: rel}
	facts.script = r.scripts.Read(dsul.File{Name: rel, Data: f.Data, Root: func() *yaml.Node {
		root, _ := r.parse(f)
		return root
	}})
	r.examine(f, facts)
	facts.found = r.found
	r.found = nil
	return facts
}

// examine checks the files that the platform reads: YAML, JSON and .import.yml.
func (r *reader) examine(f *file, facts *facts) {
	at := f.at
	rel := f.rel
	if rel == metadataFile {
		if root, ok := r.readRoot(f); ok {
			r.reportEmpty(ruleFileEmpty, at, root, "the file is empty: the workspace is not in any group")
			facts.root = &rootFacts{metadata: readMetadata(root, valueReader{r.reporter, at.File})}
		}
		return
	}
	if isHidden(rel) {
		r.checkHidden(at, rel)
		return
	}
	if isDocument(rel) {
		facts.document = true
		facts.references = findNames(f.Data)
	}
	if !r.checkPath(at, rel, facts) {
		return
	}
	switch p := classifyPath(rel); {
	case p.ext == ".json":
		r.examineJSON(f, p, facts)
	case rel == indexFile:
		if root, ok := r.readRoot(f); ok {
			r.reportEmpty(ruleYAMLEmpty, at, root, "the file is empty: the platform imports nothing of the workspace")
			facts.root = &rootFacts{index: readIndex(r.rootMapping(at, root), valueReader{r.reporter, at.File})}
		}
	case p.isSecurity():
		if root, ok := r.readRoot(f); ok {
			facts.root = r.readSecurity(at, root)
		}
	case rel == "runtime.yml":
		r.report(rulePlatformInternal, at, "the file is internal to the platform")
	default:
		r.examineYAML(f, p, facts)
	}
}

// readSecurity checks security.yml, or a file that the platform reads as security.yml.
func (r *reader) readSecurity(at Position, root *yaml.Node) *rootFacts {
	r.reportEmpty(ruleFileEmpty, at, root, "the file is empty: the platform removes all roles and rules of the "+
		"workspace")
	return &rootFacts{delegates: checkSecurity(r.rootMapping(at, root), valueReader{r.reporter, at.File})}
}

func (r *reader) reportEmpty(rule string, at Position, root *yaml.Node, message string) {
	if root == nil || isNull(root) {
		r.report(rule, at, "%s", message)
	}
}

// rootMapping returns the root if it is a mapping; otherwise it reports the root and returns nil.
func (r *reader) rootMapping(at Position, root *yaml.Node) *yaml.Node {
	if root == nil || isNull(root) || root.Kind == yaml.MappingNode {
		return root
	}
	r.report(ruleYAMLRoot, Position{at.File, root.Line, root.Column}, "the file must be a mapping (key: value), "+
		"but is %s", kindName(root))
	return nil
}

func kindName(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a single text or number"
}

// examineJSON checks a JSON file, which the platform reads as YAML. Page sources are skipped: their
// tools allow comments in JSON.
func (r *reader) examineJSON(f *file, p pathInfo, facts *facts) {
	at := f.at
	root, _ := r.parse(f)
	for _, err := range f.errs {
		var limit *LimitError
		var mistake *syntaxError
		errors.As(err, &mistake)
		switch {
		case errors.As(err, &limit):
			r.reportParse(at, err)
		case p.section == sectionOther && isAboutStorage(err):
		case mistake.rule == ruleYAMLDuplicateKey || !p.isPageSource():
			r.report(ruleJSONInvalid, Position{at.File, mistake.line, mistake.column}, "invalid JSON: %s",
				strings.TrimPrefix(mistake.message, "invalid YAML: "))
		}
	}
	if len(f.errs) > 0 || p.isPageSource() {
		return
	}
	if !json.Valid(bytes.TrimPrefix(f.Data, []byte("\ufeff"))) {
		r.report(ruleJSONYAML, at, "the file is not JSON; the platform reads it as YAML")
	}
	switch {
	case p.section.holdsObjects():
		r.rootMapping(at, root)
		facts.object = r.checkObjectSlug(at, p, readObject(root).slug)
	case p.isSecurity():
		facts.root = r.readSecurity(at, root)
	}
}

// examineYAML checks automations, pages, imports and other YAML files.
func (r *reader) examineYAML(f *file, p pathInfo, facts *facts) {
	values := r.readFile(f, p)
	if p.within == "" {
		return
	}
	facts.covered = true
	facts.slug = values.slug.Value
	if own := trimExtension(p.within); facts.slug == own {
		facts.slug = own // shares memory with the path
	}
	if !p.section.holdsObjects() || p.isPageSource() && (p.ext != ".yml" || !values.page) {
		return
	}
	facts.object = r.checkObjectSlug(f.at, p, values.slug)
	if p.section == sectionImports && values.appSlug.Value != "" {
		facts.app = &values.appSlug
	}
}

// readFile reads a file and checks its content.
func (r *reader) readFile(f *file, p pathInfo) objectValues {
	at := f.at
	root, ok := r.parse(f)
	values := readObject(root)
	ignored := p.section == sectionOther || p.isPageSource() && !values.page
	for _, err := range f.errs {
		if !ignored || !isAboutStorage(err) {
			r.reportParse(at, err)
		}
	}
	switch {
	case !ok || !p.section.holdsObjects():
		return objectValues{}
	case ignored:
		return values
	}
	if root == nil || isNull(root) {
		r.report(ruleYAMLEmpty, at, "the file is empty: the platform deletes the %s", p.section.objectName())
		return values
	}
	top := r.rootMapping(at, root)
	if top == nil {
		return values
	}
	v := valueReader{r.reporter, at.File}
	switch p.section {
	case sectionAutomations:
		v.checkAutomation(top)
	case sectionPages:
		v.checkPage(top)
	case sectionImports:
		v.checkInstance(top)
	}
	return values
}

// readObject reads the values that objects of all sections have. Their positions do not name the file.
func readObject(root *yaml.Node) objectValues {
	quiet := valueReader{&reporter{}, ""}
	values := objectValues{page: yamltree.Lookup(root, "blocks") != nil}
	if slug := yamltree.Lookup(root, "slug"); !isFalsy(slug) {
		values.slug = Text{Value: strings.Clone(scriptText(slug)), At: quiet.positionOf(slug)}
	}
	if app := yamltree.Resolve(yamltree.Lookup(root, "appSlug")); app != nil && app.Kind == yaml.ScalarNode {
		values.appSlug = quiet.readCoerced(app, "")
	}
	return values
}

// readRoot reports syntax errors of a YAML file and returns its root, or nil if the file is empty. It
// returns false if the file cannot be read.
func (r *reader) readRoot(f *file) (*yaml.Node, bool) {
	root, ok := r.parse(f)
	for _, err := range f.errs {
		r.reportParse(f.at, err)
	}
	return root, ok
}

// parse returns the root of a YAML file, or nil if the file is empty. It returns false if the file
// cannot be read. It parses each file once.
func (r *reader) parse(f *file) (*yaml.Node, bool) {
	if !f.parsed {
		f.parsed = true
		f.root, f.errs = parseWith(&r.yaml, f.Data, r.limits)
	}
	return f.root, !slices.ContainsFunc(f.errs, isUnreadable)
}

func (r *reader) reportParse(at Position, err error) {
	var limit *LimitError
	var mistake *syntaxError
	switch {
	case errors.As(err, &limit):
		at.Line = limit.Line
		at.Column = limit.Column
		r.report(ruleLimit, at, "the file has %v", limit)
	case errors.As(err, &mistake):
		at.Line = mistake.line
		at.Column = mistake.column
		r.report(mistake.rule, at, "%s", mistake.message)
	}
}
