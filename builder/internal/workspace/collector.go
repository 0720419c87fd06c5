// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5" //nolint:gosec // the checksums of the platform are MD5
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/builder/internal/gitfilter"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Collector takes the files of a repository, each once and in any order.
// It keeps facts, not content. It is for one goroutine.
type Collector struct {
	*reporter
	options Options
	spaces  map[string]*space
	// clean holds what was found in files without a mistake, by section and content:
	// workspaces have many files in common.
	clean map[contentKey]fileFacts
	// scripts looks inside automations and pages; nil where nobody reads what it finds.
	scripts *dsul.Release
	// foundGroups reports that the workspaces name groups beside the platform's own.
	foundGroups bool
}

// minRemembered is the size in bytes from which a file is remembered: reading a smaller
// one again costs less than the memory.
const minRemembered = 4 << 10

type contentKey struct {
	section section
	sum     [sha256.Size]byte
}

// space is a workspace while its files come in.
type space struct {
	slug  string
	files []release.File
	bytes int64
	// index and metadata are nil as long as their file has not been read well.
	index                              *index
	metadata                           *metadata
	hasIndex, hasMetadata, hasSecurity bool
	// delegates is where security.yml lets other workspaces read secrets.
	delegates Position
	overrides []override
	// documents counts the YAML and JSON files.
	documents int
	covered   []coveredFile
	objects   []object
	imports   []appImport
	references
}

// coveredFile is a file that .import.yml may have a checksum of.
type coveredFile struct {
	// file is the index of the file in its workspace.
	file int
	// slug is what the file says of itself.
	slug string
	// md5 of the file, and of the file with LF line ends, if it has CRLF.
	md5       [md5.Size]byte
	lineFeeds *[md5.Size]byte
}

// appImport is an app that imports/*.yml uses.
type appImport struct{ app Text }

// fileFacts is what we need of automations, pages and app instances.
type fileFacts struct {
	// slug is slug as JavaScript reads it; empty for what it takes for false.
	slug, appSlug Text
	// page marks a file with blocks.
	page bool
}

// NewCollector returns an empty collector.
func NewCollector(options Options) *Collector {
	return &Collector{
		reporter: newReporter(),
		options:  options.withDefaults(),
		spaces:   map[string]*space{},
		clean:    map[contentKey]fileFacts{},
		scripts:  dsul.New(),
	}
}

// Add takes one file. The path is relative to the directory of the
// workspaces, with slashes: slug/automations/x.yml. Add keeps no reference to data.
func (c *Collector) Add(name string, data []byte) {
	slug, rel, nested := strings.Cut(name, "/")
	if !nested || strings.HasPrefix(slug, ".") {
		c.report(ruleOutsideWorkspace, Position{File: name}, "the file is in no workspace")
		return
	}
	s := c.space(slug)
	sum := sha256.Sum256(data)
	s.files = append(s.files, release.File{Path: rel, Sum: sum})
	s.bytes += int64(len(data))
	if gitfilter.Detect(rel, data) != gitfilter.None {
		s.note(rel)
		return
	}
	c.scripts.Add(slug, rel, data)
	c.examine(s, name, data, sum)
}

func (c *Collector) space(slug string) *space {
	s := c.spaces[slug]
	if s == nil {
		s = &space{slug: slug}
		c.spaces[slug] = s
	}
	return s
}

// note takes note of the files that a workspace must have.
func (s *space) note(rel string) {
	switch rel {
	case indexFile:
		s.hasIndex = true
	case securityFile:
		s.hasSecurity = true
	case metadataFile:
		s.hasMetadata = true
	}
}

// examine looks into the files that the platform considers: YAML and JSON, and
// .import.yml.
func (c *Collector) examine(s *space, name string, data []byte, sum [sha256.Size]byte) {
	at := Position{File: name}
	rel := name[len(s.slug)+1:]
	s.note(rel)
	if rel == metadataFile {
		if root, ok := c.parse(at, data); ok {
			c.reportEmpty(ruleFileEmpty, at, root, "the file is empty: it puts the workspace into no group")
			s.metadata = readMetadata(root, reader{c.reporter, at.File})
		}
		return
	}
	if isHidden(rel) {
		c.checkHidden(at, rel)
		return
	}
	if isDocument(rel) {
		s.documents++
		s.references.add(at.File, data)
	}
	if !c.checkPath(s, at, rel) {
		return
	}
	switch p := placeOf(rel); {
	case p.ext == ".json":
		c.jsonFile(s, at, p, data)
	case rel == indexFile:
		if root, ok := c.parse(at, data); ok {
			c.reportEmpty(ruleYAMLEmpty, at, root, "the file is empty: the platform imports nothing of the workspace")
			s.index = readIndex(c.rootMapping(at, root), reader{c.reporter, at.File})
		}
	case rel == securityFile:
		if root, ok := c.parse(at, data); ok {
			c.reportEmpty(ruleFileEmpty, at, root, "the file is empty: the platform takes all roles and rules "+
				"of the workspace away")
			s.delegates = checkSecurity(c.rootMapping(at, root), reader{c.reporter, at.File})
		}
	case rel == "runtime.yml":
		c.report(rulePlatformInternal, at, "the file is internal to the platform")
	default:
		c.yamlFile(s, at, p, data, sum)
	}
}

func (c *Collector) reportEmpty(rule string, at Position, root *yaml.Node, message string) {
	if root == nil || isNull(root) {
		c.report(rule, at, "%s", message)
	}
}

// rootMapping reports a root that is no mapping, and returns nil for it.
func (c *Collector) rootMapping(at Position, root *yaml.Node) *yaml.Node {
	if root == nil || isNull(root) || root.Kind == yaml.MappingNode {
		return root
	}
	c.report(ruleYAMLRoot, Position{at.File, root.Line, root.Column}, "the file must be a mapping (key: value), "+
		"and is %s", kindName(root))
	return nil
}

func kindName(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "one text or number"
}

// jsonFile handles JSON, which the platform reads as YAML. The sources of pages are
// left to their toolchain, whose JSON has comments.
func (c *Collector) jsonFile(s *space, at Position, p place, data []byte) {
	root, errs := parseYAML(data, c.options.Limits)
	for _, err := range errs {
		var limit *LimitError
		var mistake *syntaxError
		errors.As(err, &mistake)
		switch {
		case errors.As(err, &limit):
			c.reportParse(at, err)
		case mistake.rule == ruleYAMLDuplicateKey || !p.source():
			c.report(ruleJSONInvalid, Position{at.File, mistake.line, mistake.column}, "invalid JSON: %s",
				strings.TrimPrefix(mistake.message, "invalid YAML: "))
		}
	}
	if len(errs) > 0 || p.source() {
		return
	}
	if !json.Valid(data) {
		c.report(ruleJSONYAML, at, "the file is not JSON, and the platform reads it as YAML")
	}
	if p.section.holdsObjects() {
		c.rootMapping(at, root)
		facts := readFacts(root, at.File)
		s.addObject(p.section, c.checkSlugOf(at, p, facts.slug))
	}
}

// yamlFile handles automations, pages, imports and whatever else is YAML.
func (c *Collector) yamlFile(s *space, at Position, p place, data []byte, sum [sha256.Size]byte) {
	key := contentKey{p.section, sum}
	facts, known := c.clean[key]
	if !known {
		before := len(c.found)
		facts = c.facts(at, p, data)
		if len(c.found) == before && len(data) >= minRemembered {
			c.clean[key] = facts
		}
	}
	if p.within == "" {
		return
	}
	if own := stem(p.within); facts.slug.Value == own {
		facts.slug.Value = own // it shares the memory of the path
	}
	ends := withLineFeeds(data)
	s.covered = append(s.covered, coveredFile{
		file:      len(s.files) - 1,
		slug:      facts.slug.Value,
		md5:       md5.Sum(data),
		lineFeeds: ends,
	})
	if !p.section.holdsObjects() || p.source() && (p.ext != ".yml" || !facts.page) {
		return
	}
	s.addObject(p.section, c.checkSlugOf(at, p, facts.slug))
	if p.section == sectionImports && facts.appSlug.Value != "" {
		facts.appSlug.At.File = at.File
		s.imports = append(s.imports, appImport{app: facts.appSlug})
	}
}

// facts reads a file and checks its content.
func (c *Collector) facts(at Position, p place, data []byte) fileFacts {
	root, ok := c.parse(at, data)
	if !ok || !p.section.holdsObjects() {
		return fileFacts{}
	}
	facts := readFacts(root, at.File)
	if p.source() && !facts.page {
		return facts
	}
	if root == nil || isNull(root) {
		c.report(ruleYAMLEmpty, at, "the file is empty: the platform deletes the %s", p.section.what())
		return facts
	}
	top := c.rootMapping(at, root)
	if top == nil {
		return facts
	}
	r := reader{c.reporter, at.File}
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

// readFacts reads what the platform reads of an object whatever it is.
func readFacts(root *yaml.Node, file string) fileFacts {
	quiet := reader{&reporter{}, file}
	facts := fileFacts{page: get(root, "blocks") != nil}
	if slug := get(root, "slug"); !isFalsy(slug) {
		facts.slug = Text{Value: strings.Clone(scriptText(slug)), At: quiet.at(slug)}
	}
	if app := resolve(get(root, "appSlug")); app != nil && app.Kind == yaml.ScalarNode {
		facts.appSlug = quiet.coerced(app, "")
	}
	return facts
}

// parse reports what is wrong with a YAML file and returns its root, which is
// nil if the file is empty. It returns false if the file cannot be read.
func (c *Collector) parse(at Position, data []byte) (*yaml.Node, bool) {
	root, errs := parseYAML(data, c.options.Limits)
	for _, err := range errs {
		c.reportParse(at, err)
	}
	return root, !slices.ContainsFunc(errs, unreadable)
}

func (c *Collector) reportParse(at Position, err error) {
	var limit *LimitError
	var mistake *syntaxError
	switch {
	case errors.As(err, &limit):
		at.Line, at.Column = limit.Line, limit.Column
		c.report(ruleLimit, at, "the file has %v", limit)
	case errors.As(err, &mistake):
		at.Line, at.Column = mistake.line, mistake.column
		c.report(mistake.rule, at, "%s", mistake.message)
	}
}
