// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// link is a reference from a page.
type link struct {
	at position
	// automation or page is the name.
	automation, page string
}

// pageLink is a link and its file.
type pageLink struct {
	file string
	link
}

// readInstance reads imports/*.yml. An app instance is known by its file name and by its slug.
func (r *Reader) readInstance(root *yaml.Node) []instance {
	list := []instance{{app: r.intern(textOf(valueOf(root, "appSlug")))}}
	if slug := textOf(valueOf(root, "slug")); slug != "" {
		list = append(list, instance{r.intern(slug), list[0].app})
	}
	return list
}

// readIndex reads the blocks of index.yml, and the sections of older exports in it.
func (r *Reader) readIndex(f *File) *objects {
	r.mentions.addWords(string(f.Data))
	if !hasSection(f.Data) {
		return nil
	}
	root := f.Root()
	found := new(objects)
	for e := range contentOf(valueOf(root, "blocks")).entries {
		found.links = r.readBlock(found.links, e.value, 0)
	}
	for e := range contentOf(valueOf(root, "imports")).entries {
		app := r.intern(textOf(valueOf(e.value, "appSlug")))
		found.instances = append(found.instances, instance{r.intern(e.name()), app})
	}
	for e := range contentOf(valueOf(root, "automations")).entries {
		found.inlined = append(found.inlined, r.intern(e.name()))
	}
	return found
}

// hasSection reports whether index.yml may have a section to check. Most have none, so they need
// not be parsed.
func hasSection(data []byte) bool {
	for _, section := range []string{"blocks", "imports", "automations"} {
		if bytes.Contains(data, []byte(section)) {
			return true
		}
	}
	return false
}

// unreadFile returns an automation of which only the slug is known.
func unreadFile(slug string) file { return file{slug, &automation{slug: slug, unread: true}} }

func (r *Reader) readPage(f *File) *objects {
	r.mentions.addWords(string(f.Data))
	root := f.Root()
	return &objects{
		page:  true,
		slug:  r.intern(textOf(valueOf(root, "slug"))),
		links: r.readBlock(nil, root, 0),
	}
}

func isSource(name string) bool {
	switch path.Ext(name) {
	case ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".html", ".vue", ".svelte":
		return true
	}
	return false
}

// maxBlocks is the maximum nesting depth of the blocks that are read.
const maxBlocks = 100

// readBlock appends the links of a page or block: its automation (spec Page and Block), its link to
// a page (docs, blocks/Button.mdx and Action.mdx), and those of nested blocks.
func (r *Reader) readBlock(links []link, n *yaml.Node, depth int) []link {
	if depth > maxBlocks || !isKind(n, yaml.MappingNode) {
		return links
	}
	if e := find(n, "automation"); e.value != nil {
		slug := e.text()
		if e.isMapping() {
			slug = textOf(valueOf(e.value, "slug"))
		}
		if slug != "" && !isComputed(slug) {
			links = append(links, link{at: e.position(), automation: r.intern(slug)})
		}
	}
	links = r.readPageLink(links, n)
	for _, key := range []string{"blocks", "content"} {
		blocks := find(n, key)
		if !blocks.isSequence() {
			continue
		}
		for child := range contentOf(blocks.value).entries {
			links = r.readBlock(links, child.value, depth+1)
		}
	}
	return links
}

// readPageLink appends the link of a button to a page: its value, or href of its value.
func (r *Reader) readPageLink(links []link, n *yaml.Node) []link {
	slug := textOf(valueOf(n, "slug"))
	if slug != "Action" && slug != "Button" || textOf(valueOf(n, "type")) != "internal" {
		return links
	}
	value := find(n, "value")
	href := value.text()
	if value.isMapping() {
		href = textOf(valueOf(value.value, "href"))
	}
	if page := pageSlug(href); page != "" {
		links = append(links, link{at: value.position(), page: r.intern(page)})
	}
	return links
}

// pageSlug returns the page slug of a link in the workspace, or "" if it is computed or external.
func pageSlug(value string) string {
	if isComputed(value) || strings.Contains(value, "://") {
		return ""
	}
	if end := strings.IndexAny(value, "?#"); end >= 0 {
		value = value[:end]
	}
	return strings.Trim(value, "/")
}
