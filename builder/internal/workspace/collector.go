// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/md5" // the checksums of the platform are MD5
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/builder/internal/gitfilter"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Collector validates the files of a repository. Files are added once, in any order. It keeps
// facts, not content. It is not safe for concurrent use.
type Collector struct {
	*reporter
	options Options
	spaces  map[string]*workspaceState
	// clean caches the facts of valid files by section and content: workspaces share many files.
	clean map[contentKey]fileFacts
	// scripts checks automations and pages; nil if its results are not needed.
	scripts *dsul.Release
	// foundGroups is set if workspaces name groups other than the platform's.
	foundGroups bool
	// yaml parses one file after another in the same memory.
	yaml yamltree.Parser
}

// minCached is the size in bytes from which the facts of a file are cached. Smaller files are
// cheaper to parse again.
const minCached = 4 << 10

type contentKey struct {
	section section
	sum     [sha256.Size]byte
}

// workspaceState accumulates one workspace.
type workspaceState struct {
	slug  string
	files []release.File
	bytes int64
	// index and metadata are nil until their file has been parsed.
	index                              *index
	metadata                           *metadata
	hasIndex, hasMetadata, hasSecurity bool
	// delegates is the position of the rule in security.yml that lets other workspaces read
	// secrets.
	delegates Position
	overrides []override
	// documents counts the YAML and JSON files.
	documents int
	covered   []coveredFile
	// listed has the sorted hashes of the keys in .import.yml that have an MD5.
	listed  []uint64
	objects []object
	imports []appImport
	references
}

// file is a file that is being added.
type file struct {
	at Position
	// rel is the path in the workspace.
	rel  string
	data []byte
	sum  [sha256.Size]byte
	// parsed is set once root and errs are.
	parsed bool
	root   *yaml.Node
	errs   []error
}

// coveredFile is a file that .import.yml may list with a checksum.
type coveredFile struct {
	// file is the index of the file in its workspace.
	file int
	// slug is the slug declared in the file.
	slug string
	// md5 is the sum of the file; zero if no checksum is compared with it.
	md5 [md5.Size]byte
	// lineFeeds is the MD5 of the file with LF line endings; nil if it has no CRLF, or if md5 is zero.
	lineFeeds *[md5.Size]byte
}

// appImport is an app used by imports/*.yml.
type appImport struct{ app Text }

// fileFacts are the facts kept of automations, pages and app instances.
type fileFacts struct {
	// slug as JavaScript reads it; empty if JavaScript considers it false.
	slug, appSlug Text
	// page is set for a file with blocks.
	page bool
}

// NewCollector returns an empty collector.
func NewCollector(options Options) *Collector {
	return &Collector{
		reporter: newReporter(),
		options:  options.withDefaults(),
		spaces:   map[string]*workspaceState{},
		clean:    map[contentKey]fileFacts{},
		scripts:  dsul.New(),
	}
}

// Add adds a file, but does not retain its data.
func (c *Collector) Add(added source.File) {
	slug, rel, nested := strings.Cut(added.Path, "/")
	if !nested || strings.HasPrefix(slug, ".") {
		c.report(ruleOutsideWorkspace, Position{File: added.Path}, "the file is not in a workspace")
		return
	}
	s := c.stateOf(slug)
	s.files = append(s.files, release.File{Path: rel, Sum: added.Sum})
	s.bytes += int64(len(added.Data))
	if gitfilter.Detect(rel, added.Data) != gitfilter.None {
		s.recordPresence(rel)
		return
	}
	f := &file{at: Position{File: added.Path}, rel: rel, data: added.Data, sum: added.Sum}
	c.scripts.Add(slug, dsul.File{Name: rel, Data: added.Data, Root: func() *yaml.Node {
		root, _ := c.parse(f)
		return root
	}})
	c.examine(s, f)
}

func (c *Collector) stateOf(slug string) *workspaceState {
	s := c.spaces[slug]
	if s == nil {
		s = &workspaceState{slug: slug}
		c.spaces[slug] = s
	}
	return s
}

// recordPresence records that a required file exists.
func (s *workspaceState) recordPresence(rel string) {
	switch rel {
	case indexFile:
		s.hasIndex = true
	case securityFile:
		s.hasSecurity = true
	case metadataFile:
		s.hasMetadata = true
	}
}

// examine checks the files that the platform reads: YAML, JSON and .import.yml.
func (c *Collector) examine(s *workspaceState, f *file) {
	at := f.at
	rel := f.rel
	s.recordPresence(rel)
	if rel == metadataFile {
		if root, ok := c.read(f); ok {
			c.reportEmpty(ruleFileEmpty, at, root, "the file is empty: the workspace is not in any group")
			s.metadata = readMetadata(root, valueReader{c.reporter, at.File})
			s.listed = listMD5(s.metadata.checksums)
		}
		return
	}
	if isHidden(rel) {
		c.checkHidden(at, rel)
		return
	}
	if isDocument(rel) {
		s.documents++
		s.references.addFile(at.File, f.data)
	}
	if !c.checkPath(s, at, rel) {
		return
	}
	switch p := classifyPath(rel); {
	case p.ext == ".json":
		c.examineJSON(s, f, p)
	case rel == indexFile:
		if root, ok := c.read(f); ok {
			c.reportEmpty(ruleYAMLEmpty, at, root, "the file is empty: the platform imports nothing of the workspace")
			s.index = readIndex(c.rootMapping(at, root), valueReader{c.reporter, at.File})
		}
	case rel == securityFile:
		if root, ok := c.read(f); ok {
			c.reportEmpty(ruleFileEmpty, at, root, "the file is empty: the platform removes all roles and rules "+
				"of the workspace")
			s.delegates = checkSecurity(c.rootMapping(at, root), valueReader{c.reporter, at.File})
		}
	case rel == "runtime.yml":
		c.report(rulePlatformInternal, at, "the file is internal to the platform")
	default:
		c.examineYAML(s, f, p)
	}
}

func (c *Collector) reportEmpty(rule string, at Position, root *yaml.Node, message string) {
	if root == nil || isNull(root) {
		c.report(rule, at, "%s", message)
	}
}

// rootMapping returns the root if it is a mapping; otherwise it reports the root and returns nil.
func (c *Collector) rootMapping(at Position, root *yaml.Node) *yaml.Node {
	if root == nil || isNull(root) || root.Kind == yaml.MappingNode {
		return root
	}
	c.report(ruleYAMLRoot, Position{at.File, root.Line, root.Column}, "the file must be a mapping (key: value), "+
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
func (c *Collector) examineJSON(s *workspaceState, f *file, p pathInfo) {
	at := f.at
	root, _ := c.parse(f)
	for _, err := range f.errs {
		var limit *LimitError
		var mistake *syntaxError
		errors.As(err, &mistake)
		switch {
		case errors.As(err, &limit):
			c.reportParse(at, err)
		case mistake.rule == ruleYAMLDuplicateKey || !p.isPageSource():
			c.report(ruleJSONInvalid, Position{at.File, mistake.line, mistake.column}, "invalid JSON: %s",
				strings.TrimPrefix(mistake.message, "invalid YAML: "))
		}
	}
	if len(f.errs) > 0 || p.isPageSource() {
		return
	}
	if !json.Valid(bytes.TrimPrefix(f.data, []byte("\ufeff"))) {
		c.report(ruleJSONYAML, at, "the file is not JSON; the platform reads it as YAML")
	}
	if p.section.holdsObjects() {
		c.rootMapping(at, root)
		facts := readFacts(root, at.File)
		s.addObject(p.section, c.checkObjectSlug(at, p, facts.slug))
	}
}

// examineYAML checks automations, pages, imports and other YAML files.
func (c *Collector) examineYAML(s *workspaceState, f *file, p pathInfo) {
	key := contentKey{p.section, f.sum}
	facts, known := c.clean[key]
	if !known {
		before := len(c.found)
		facts = c.readFile(f, p)
		if len(c.found) == before && len(f.data) >= minCached {
			c.clean[key] = facts
		}
	}
	if p.within == "" {
		return
	}
	if own := trimExtension(p.within); facts.slug.Value == own {
		facts.slug.Value = own // shares memory with the path
	}
	covered := coveredFile{file: len(s.files) - 1, slug: facts.slug.Value}
	if c.comparesMD5(s, f.rel, covered.slug) {
		covered.md5 = md5.Sum(f.data)
		covered.lineFeeds = hashWithLineFeeds(f.data)
	}
	s.covered = append(s.covered, covered)
	if !p.section.holdsObjects() || p.isPageSource() && (p.ext != ".yml" || !facts.page) {
		return
	}
	s.addObject(p.section, c.checkObjectSlug(f.at, p, facts.slug))
	if p.section == sectionImports && facts.appSlug.Value != "" {
		facts.appSlug.At.File = f.at.File
		s.imports = append(s.imports, appImport{app: facts.appSlug})
	}
}

// readFile reads a file and checks its content.
func (c *Collector) readFile(f *file, p pathInfo) fileFacts {
	at := f.at
	root, ok := c.read(f)
	if !ok || !p.section.holdsObjects() {
		return fileFacts{}
	}
	facts := readFacts(root, at.File)
	if p.isPageSource() && !facts.page {
		return facts
	}
	if root == nil || isNull(root) {
		c.report(ruleYAMLEmpty, at, "the file is empty: the platform deletes the %s", p.section.objectName())
		return facts
	}
	top := c.rootMapping(at, root)
	if top == nil {
		return facts
	}
	r := valueReader{c.reporter, at.File}
	switch p.section {
	case sectionAutomations:
		r.checkAutomation(top)
	case sectionPages:
		r.checkPage(top)
	case sectionImports:
		r.checkInstance(top)
	}
	return facts
}

// readFacts reads the values that objects of all sections have.
func readFacts(root *yaml.Node, file string) fileFacts {
	quiet := valueReader{&reporter{}, file}
	facts := fileFacts{page: getValue(root, "blocks") != nil}
	if slug := getValue(root, "slug"); !isFalsy(slug) {
		facts.slug = Text{Value: strings.Clone(scriptText(slug)), At: quiet.positionOf(slug)}
	}
	if app := resolveAlias(getValue(root, "appSlug")); app != nil && app.Kind == yaml.ScalarNode {
		facts.appSlug = quiet.readCoerced(app, "")
	}
	return facts
}

// read reports syntax errors of a YAML file and returns its root, or nil if the file is empty. It
// returns false if the file cannot be read.
func (c *Collector) read(f *file) (*yaml.Node, bool) {
	root, ok := c.parse(f)
	for _, err := range f.errs {
		c.reportParse(f.at, err)
	}
	return root, ok
}

// parse returns the root of a YAML file, or nil if the file is empty. It returns false if the file
// cannot be read. It parses each file once.
func (c *Collector) parse(f *file) (*yaml.Node, bool) {
	if !f.parsed {
		f.parsed = true
		f.root, f.errs = parseWith(&c.yaml, f.data, c.options.Limits)
	}
	return f.root, !slices.ContainsFunc(f.errs, isUnreadable)
}

func (c *Collector) reportParse(at Position, err error) {
	var limit *LimitError
	var mistake *syntaxError
	switch {
	case errors.As(err, &limit):
		at.Line = limit.Line
		at.Column = limit.Column
		c.report(ruleLimit, at, "the file has %v", limit)
	case errors.As(err, &mistake):
		at.Line = mistake.line
		at.Column = mistake.column
		c.report(mistake.rule, at, "%s", mistake.message)
	}
}
