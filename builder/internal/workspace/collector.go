// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the checksums of the platform are MD5
	"crypto/sha256"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Collector takes the files of a repository, each once and in any order.
// It keeps facts, not content. It is for one goroutine.
type Collector struct {
	*reporter
	options Options
	spaces  map[string]*space
	// clean holds what was found in YAML files without a mistake, by content:
	// workspaces have many files in common.
	clean map[[sha256.Size]byte]fileFacts
	// scripts looks inside automations and pages; nil where nobody reads what it finds.
	scripts *dsul.Release
}

// space is a workspace while its files come in.
type space struct {
	slug  string
	files []release.File
	bytes int64
	// index and metadata are nil as long as their file has not been read well.
	index                 *index
	metadata              *metadata
	hasIndex, hasMetadata bool
	// documents counts the YAML and JSON files.
	documents int
	covered   []coveredFile
	imports   []appImport
	references
}

// coveredFile is a file that .import.yml may have a checksum of.
type coveredFile struct {
	// file is the index of the file in its workspace.
	file int
	// slug is what the file says of itself.
	slug string
	md5  [md5.Size]byte
}

// appImport is an app that imports/*.yml uses.
type appImport struct{ app Text }

// fileFacts is what we need of YAML files other than index.yml and .import.yml.
type fileFacts struct{ slug, appSlug Text }

// NewCollector returns an empty collector.
func NewCollector(options Options) *Collector {
	return &Collector{
		reporter: newReporter(),
		options:  options.withDefaults(),
		spaces:   map[string]*space{},
		clean:    map[[sha256.Size]byte]fileFacts{},
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
	c.scripts.Add(slug, rel, data)
	if bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")) {
		c.report(ruleLFSPointer, Position{File: name}, "the file is a Git LFS pointer, not its content")
		return
	}
	c.examine(s, rel, data, sum)
}

func (c *Collector) space(slug string) *space {
	s := c.spaces[slug]
	if s == nil {
		s = &space{slug: slug}
		c.spaces[slug] = s
	}
	return s
}

// examine looks into the files that the platform considers: YAML and JSON
// that is not hidden, and .import.yml.
func (c *Collector) examine(s *space, rel string, data []byte, sum [sha256.Size]byte) {
	at := Position{File: s.slug + "/" + rel}
	switch ext := path.Ext(rel); {
	case rel == metadataFile:
		if root, ok := c.parse(at, data); ok {
			s.metadata = readMetadata(root, reader{c.reporter, at.File})
		}
		s.hasMetadata = true
	case hidden(rel):
	case ext == ".json":
		s.documents++
		s.references.add(at.File, data)
		c.checkJSON(at, rel, data)
	case ext != ".yml" && ext != ".yaml":
	case rel == indexFile:
		s.documents++
		s.references.add(at.File, data)
		if root, ok := c.parse(at, data); ok {
			s.index = readIndex(root, reader{c.reporter, at.File})
		}
		s.hasIndex = true
	default:
		s.documents++
		c.yamlFile(s, rel, data, sum)
	}
}

func hidden(rel string) bool {
	return strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.")
}

// checkJSON leaves the sources of pages to their toolchain, whose JSON has comments.
func (c *Collector) checkJSON(at Position, rel string, data []byte) {
	switch {
	case len(data) > c.options.Limits.FileSize:
		c.report(ruleLimit, at, "the file has %v", &LimitError{What: "bytes", Max: c.options.Limits.FileSize})
	case !strings.HasPrefix(rel, "pages/") && !json.Valid(data):
		c.report(ruleJSONInvalid, at, "invalid JSON")
	}
}

// yamlFile handles automations, pages, imports and whatever else is YAML.
func (c *Collector) yamlFile(s *space, rel string, data []byte, sum [sha256.Size]byte) {
	at := Position{File: s.slug + "/" + rel}
	if rel == "runtime.yml" || path.Base(rel) == "__index__.yml" {
		c.report(rulePlatformInternal, at, "the file is internal to the platform")
		return
	}
	s.references.add(at.File, data)
	facts, known := c.clean[sum]
	if !known {
		facts = c.facts(at, data, sum)
	}
	section, _, nested := strings.Cut(rel, "/")
	if !nested {
		return
	}
	s.covered = append(s.covered, coveredFile{file: len(s.files) - 1, slug: facts.slug.Value, md5: md5.Sum(data)})
	if section == "imports" && facts.appSlug.Value != "" {
		facts.appSlug.At.File = at.File
		s.imports = append(s.imports, appImport{app: facts.appSlug})
	}
}

// facts reads a file. It remembers its content if it is clean and took a parser.
func (c *Collector) facts(at Position, data []byte, sum [sha256.Size]byte) fileFacts {
	if facts, ok := skim(data, c.options.Limits); ok {
		return facts
	}
	before := len(c.found)
	root, ok := c.parse(at, data)
	if !ok || root == nil || root.Kind != yaml.MappingNode {
		return fileFacts{}
	}
	quiet := reader{newReporter(), at.File}
	facts := fileFacts{slug: quiet.text(get(root, "slug"), ""), appSlug: quiet.text(get(root, "appSlug"), "")}
	if len(c.found) == before {
		c.clean[sum] = facts
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
	if root == nil && len(errs) == 0 {
		c.report(ruleYAMLEmpty, at, "the file is empty")
	}
	return root, !slices.ContainsFunc(errs, unreadable)
}

// unreadable reports whether an error leaves nothing to look at, which
// duplicate keys do not.
func unreadable(err error) bool {
	var syntax *syntaxError
	return !errors.As(err, &syntax) || syntax.rule != ruleYAMLDuplicateKey
}

func (c *Collector) reportParse(at Position, err error) {
	var limit *LimitError
	var syntax *syntaxError
	switch {
	case errors.As(err, &limit):
		at.Line, at.Column = limit.Line, limit.Column
		c.report(ruleLimit, at, "the file has %v", limit)
	case errors.As(err, &syntax):
		at.Line, at.Column = syntax.line, syntax.column
		c.report(syntax.rule, at, "%s", syntax.message)
	}
}
