// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"path"
	"strings"
)

// link is a reference from a page.
type link struct {
	file string
	at   position
	// automation or page is the name.
	automation, page string
}

// addInstance reads imports/*.yml. An app instance is known by its file name and by its slug.
func (r *Release) addInstance(w *workspace, name string, data []byte) {
	app := ""
	if r.tree.parseFile(data) {
		app = r.intern(r.tree.textOf(0, "appSlug"))
		if slug := r.tree.textOf(0, "slug"); len(slug) > 0 {
			w.instances[r.intern(slug)] = app
		}
	}
	w.instances[name] = app
}

// readIndex reads the blocks of index.yml, and the sections of older exports in it.
func (r *Release) readIndex(w *workspace, data []byte) {
	r.mentions.addWords(data)
	t := &r.tree
	if !hasSection(data) || !t.parseFile(data) {
		return
	}
	const file = "index.yml"
	if blocks := t.valueOf(0, "blocks"); blocks != 0 {
		for id := range t.children(blocks) {
			r.readBlock(w, file, id, 0)
		}
	}
	if imports := t.valueOf(0, "imports"); imports != 0 {
		for id, n := range t.children(imports) {
			w.instances[r.intern(n.key)] = r.intern(t.textOf(id, "appSlug"))
		}
	}
	if automations := t.valueOf(0, "automations"); automations != 0 {
		for _, n := range t.children(automations) {
			w.automations = append(w.automations, unreadFile(r.intern(n.key)))
		}
	}
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

// addPage reads a file below pages. Files other than YAML are page sources, which may emit and
// listen to any event.
func (r *Release) addPage(w *workspace, name string, isYAML bool, data []byte) {
	if !isYAML {
		w.computed = w.computed || isSource(name)
		return
	}
	r.mentions.addWords(data)
	w.pages[r.intern([]byte(strings.TrimSuffix(name, path.Ext(name))))] = true
	t := &r.tree
	if !t.parseFile(data) || t.nodes[0].kind != mapping {
		return
	}
	if slug := t.textOf(0, "slug"); len(slug) > 0 {
		w.pages[r.intern(slug)] = true
	}
	r.readBlock(w, "pages/"+name, 0, 0)
}

func isSource(name string) bool {
	switch path.Ext(name) {
	case ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".html", ".vue", ".svelte":
		return true
	}
	return false
}

// readBlock reads the automation of a page or block (spec Page and Block), its links to pages
// (docs, blocks/Button.mdx and Action.mdx), and nested blocks.
func (r *Release) readBlock(w *workspace, file string, id nodeID, depth int) {
	t := &r.tree
	if depth > maxDepth || t.nodes[id].kind != mapping {
		return
	}
	if automation := t.valueOf(id, "automation"); automation != 0 {
		at := positionOf(&t.nodes[automation])
		slug := t.nodes[automation].value
		if t.nodes[automation].kind == mapping {
			slug = t.textOf(automation, "slug")
		}
		if len(slug) > 0 && !isComputed(slug) {
			w.links = append(w.links, link{file: file, at: at, automation: r.intern(slug)})
		}
	}
	r.addPageLink(w, file, id)
	for _, key := range []string{"blocks", "content"} {
		if blocks := t.valueOf(id, key); blocks != 0 && t.nodes[blocks].kind == sequence {
			for child := range t.children(blocks) {
				r.readBlock(w, file, child, depth+1)
			}
		}
	}
}

// addPageLink reads the link of a button to a page: its value, or href of its value.
func (r *Release) addPageLink(w *workspace, file string, id nodeID) {
	t := &r.tree
	slug := string(t.textOf(id, "slug"))
	if slug != "Action" && slug != "Button" || string(t.textOf(id, "type")) != "internal" {
		return
	}
	value := t.valueOf(id, "value")
	if value == 0 {
		return
	}
	href := t.nodes[value].value
	if t.nodes[value].kind == mapping {
		href = t.textOf(value, "href")
	}
	if page := pageSlug(href); page != "" {
		w.links = append(w.links, link{file: file, at: positionOf(&t.nodes[value]), page: page})
	}
}

// pageSlug returns the page slug of a link in the workspace, or "" if it is computed or external.
func pageSlug(value []byte) string {
	if isComputed(value) || bytes.Contains(value, []byte("://")) {
		return ""
	}
	if end := bytes.IndexAny(value, "?#"); end >= 0 {
		value = value[:end]
	}
	return string(bytes.Trim(value, "/"))
}
