// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a file of a workspace.
type File struct {
	// Name is the path in the workspace, with slashes.
	Name string
	Data []byte
	// Root returns the content as package yamltree parses it, or nil if the file is empty or cannot
	// be parsed. It is called only if the content is needed.
	Root func() *yaml.Node
}

// Facts are what a release needs of a file. They depend on the name and the content of the file
// only.
type Facts struct {
	// automation is set for a file of automations; otherwise others may be.
	automation *automation
	others     *objects
	// mentioned are the hashes of the names that may be events.
	mentioned []uint64
	// guarded is set if security.yml has rules about executing automations.
	guarded bool
	// computed is set if the file may emit any event.
	computed bool
}

// objects are what files other than those of automations define.
type objects struct {
	// page is set for a page, whose declared slug is slug; "" without one.
	page bool
	slug string
	// links are those of the page or of index.yml.
	links []link
	// instances are app instances. index.yml may have several.
	instances []instance
	// inlined are the slugs of automations in index.yml.
	inlined []string
}

// instance is an app instance. slug is empty for the one that has the name of its file.
type instance struct{ slug, app string }

// DropMentions removes what only the first file with these facts adds to a release.
func (f *Facts) DropMentions() {
	if f != nil {
		f.mentioned = nil
	}
}

// Reader reads the facts of files. It is not safe for concurrent use.
type Reader struct {
	words    *vocabulary
	mentions mentions
	names    map[string]string
}

// NewReader returns a reader.
func NewReader() *Reader {
	return &Reader{words: newVocabulary(), mentions: mentions{}, names: map[string]string{}}
}

// Read returns the facts of a file, or nil if the file does not matter. They share no memory with the
// file.
func (r *Reader) Read(f File) *Facts {
	section, within, nested := strings.Cut(f.Name, "/")
	isYAML := path.Ext(f.Name) == ".yml" || path.Ext(f.Name) == ".yaml"
	facts := new(Facts)
	switch {
	case section == "automations" && nested && isYAML:
		facts.automation = r.readAutomation(f.Root())
	case section == "imports" && nested && isYAML:
		facts.others = &objects{instances: r.readInstance(f.Root())}
	case section == "pages" && nested && isYAML:
		facts.others = r.readPage(&f)
	case section == "pages" && nested:
		// Page sources may emit and listen to any event.
		facts.computed = isSource(within)
	case f.Name == "index.yml":
		facts.others = r.readIndex(&f)
	case f.Name == "security.yml":
		facts.guarded = mentionsWord(f.Data, "automations")
	default:
		return nil
	}
	facts.mentioned = r.takeMentions()
	return facts
}

// takeMentions returns the hashes of the names in a file, sorted, and removes them.
func (r *Reader) takeMentions() []uint64 {
	const usual = 1 << 10 // names; a map never shrinks, and clearing a large one takes long
	hashes := slices.AppendSeq(make([]uint64, 0, len(r.mentions)), maps.Keys(r.mentions))
	slices.Sort(hashes)
	if len(hashes) > usual {
		r.mentions = mentions{}
	}
	clear(r.mentions)
	return hashes
}

// intern returns the text as a string that does not share memory with the file. Equal names share
// memory.
func (r *Reader) intern(text string) string {
	if name, known := r.names[text]; known {
		return name
	}
	name := strings.Clone(text)
	r.names[name] = name
	return name
}
