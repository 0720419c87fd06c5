// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"crypto/md5" // the checksums of the platform are MD5
	"slices"
	"strings"
	"sync"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
)

// Collector validates the files of a repository. It keeps facts, not content.
//
// [Collector.Read] is safe for concurrent use; the other methods are not.
type Collector struct {
	*reporter
	options Options
	spaces  map[string]*workspaceState
	scripts *dsul.Release
	// foundGroups is set if workspaces name groups other than the platform's.
	foundGroups bool

	mu sync.Mutex
	// idle are readers that no goroutine uses.
	idle []*reader
	// shared are the facts of valid files: workspaces have many files in common.
	shared map[factsKey]*facts
}

// FileFacts are what [Collector.Read] finds out about a file. They keep its data.
type FileFacts struct {
	source.File
	// slug is the directory of the workspace; empty for a file outside of workspaces. rel is the path
	// in the workspace.
	slug, rel string
	*facts
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

// NewCollector returns an empty collector.
func NewCollector(options Options) *Collector {
	return &Collector{
		reporter: new(reporter),
		options:  options.withDefaults(),
		spaces:   map[string]*workspaceState{},
		scripts:  dsul.New(),
		shared:   map[factsKey]*facts{},
	}
}

// Add reads a file and adds its facts.
func (c *Collector) Add(f source.File) { c.AddFacts(c.Read(f)) }

// Read reads the facts of a file. They do not depend on other files, and are not added yet.
func (c *Collector) Read(f source.File) *FileFacts {
	slug, rel, nested := strings.Cut(f.Path, "/")
	if !nested || strings.HasPrefix(slug, ".") {
		return &FileFacts{File: f}
	}
	facts := c.findFacts(factsKey{rel, f.Sum})
	if facts == nil {
		r := c.takeReader()
		facts = r.readFacts(f, rel)
		c.returnReader(r)
	}
	return &FileFacts{f, slug, rel, facts}
}

// findFacts returns shared facts, or nil.
func (c *Collector) findFacts(key factsKey) *facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shared[key]
}

func (c *Collector) takeReader() *reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return &reader{reporter: new(reporter), limits: c.options.Limits, scripts: dsul.NewReader()}
	}
	r := c.idle[last]
	c.idle = c.idle[:last]
	return r
}

func (c *Collector) returnReader(r *reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, r)
}

// AddFacts adds the facts of a file. Every file of a repository is added once, in any order: the
// results do not depend on it.
func (c *Collector) AddFacts(f *FileFacts) {
	if f.slug == "" {
		c.report(ruleOutsideWorkspace, Position{File: f.Path}, "the file is not in a workspace")
		return
	}
	s := c.stateOf(f.slug)
	s.files = append(s.files, release.File{Path: f.rel, Sum: f.Sum})
	s.bytes += int64(len(f.Data))
	s.recordPresence(f.rel)
	c.found = append(c.found, f.found...)
	c.scripts.Add(f.slug, f.rel, f.script)
	s.addFile(f, c.options.Checksums)
	if f.isShareable(len(f.Data)) {
		c.shareFacts(factsKey{f.rel, f.Sum}, f.facts)
	}
}

// shareFacts keeps facts that have been added, for other files with the same key.
func (c *Collector) shareFacts(key factsKey, facts *facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shared[key] == nil {
		facts.script.DropMentions()
		c.shared[key] = facts
	}
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

// addFile adds the facts of the last file of the workspace.
func (s *workspaceState) addFile(f *FileFacts, mode ChecksumMode) {
	if f.document {
		s.documents++
	}
	s.references.merge(f.Path, f.references)
	p := classifyPath(f.rel)
	if f.override {
		s.overrides = append(s.overrides, override{Position{File: f.Path}, string(p.section) + ".yml"})
	}
	if f.root != nil {
		s.addRoot(f.root)
	}
	last := len(s.files) - 1
	if f.covered {
		covered := coveredFile{file: last, slug: f.facts.slug}
		if s.comparesMD5(f.rel, covered.slug, mode) {
			covered.md5 = md5.Sum(f.Data)
			covered.lineFeeds = hashWithLineFeeds(f.Data)
		}
		s.covered = append(s.covered, covered)
	}
	if f.object != "" {
		s.objects = append(s.objects, object{
			slug:    f.object,
			file:    int32(last),                                      // bounded by Limits.Files
			section: uint8(slices.Index(objectSections(), p.section)), // three sections
		})
	}
	if f.app != nil {
		app := Text{f.app.Value, Position{f.Path, f.app.At.Line, f.app.At.Column}}
		s.imports = append(s.imports, appImport{app})
	}
}

// addRoot adds the facts of a file at the root.
func (s *workspaceState) addRoot(f *rootFacts) {
	switch {
	case f.index != nil:
		s.index = f.index
	case f.metadata != nil:
		s.metadata = f.metadata
		s.listed = listMD5(s.metadata.checksums)
	case f.delegates.File > s.delegates.File: // of security.yml, if there is security.yaml as well
		s.delegates = f.delegates
	}
}
