// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"path"
	"strings"
)

// link is what a page refers to.
type link struct {
	file string
	at   place
	// automation or page is the name.
	automation, page string
}

// instance reads imports/*.yml. Both the name of the file and slug name an app instance.
func (r *Release) instance(w *workspace, name string, data []byte) {
	app := ""
	if r.tree.read(data) {
		app = r.keep(r.tree.text(0, "appSlug"))
		if slug := r.tree.text(0, "slug"); len(slug) > 0 {
			w.instances[r.keep(slug)] = app
		}
	}
	w.instances[name] = app
}

// index reads the blocks of index.yml, and the sections that older exports have in it.
func (r *Release) index(w *workspace, data []byte) {
	r.mentions.addWords(data)
	t := &r.tree
	if !hasSection(data) || !t.read(data) {
		return
	}
	const file = "index.yml"
	if blocks := t.get(0, "blocks"); blocks != 0 {
		for id := range t.children(blocks) {
			r.block(w, file, id, 0)
		}
	}
	if imports := t.get(0, "imports"); imports != 0 {
		for id, n := range t.children(imports) {
			w.instances[r.keep(n.key)] = r.keep(t.text(id, "appSlug"))
		}
	}
	if automations := t.get(0, "automations"); automations != 0 {
		for _, n := range t.children(automations) {
			w.automations = append(w.automations, unreadFile(r.keep(n.key)))
		}
	}
}

// hasSection reports whether index.yml may have a section that is looked at. Most have none, and
// need no parser.
func hasSection(data []byte) bool {
	for _, section := range []string{"blocks", "imports", "automations"} {
		if bytes.Contains(data, []byte(section)) {
			return true
		}
	}
	return false
}

// unreadFile is an automation of which only the slug is known.
func unreadFile(slug string) file { return file{slug, &automation{slug: slug, unread: true}} }

// page reads a file below pages. What is no YAML is the source of a page, which may emit and
// listen to any event.
func (r *Release) page(w *workspace, name string, isYAML bool, data []byte) {
	if !isYAML {
		w.computed = w.computed || isSource(name)
		return
	}
	r.mentions.addWords(data)
	w.pages[r.keep([]byte(strings.TrimSuffix(name, path.Ext(name))))] = true
	t := &r.tree
	if !t.read(data) || t.nodes[0].kind != mapping {
		return
	}
	if slug := t.text(0, "slug"); len(slug) > 0 {
		w.pages[r.keep(slug)] = true
	}
	r.block(w, "pages/"+name, 0, 0)
}

func isSource(name string) bool {
	switch path.Ext(name) {
	case ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".html", ".vue", ".svelte":
		return true
	}
	return false
}

// block reads the automation of a page or of a block (spec Page and Block), its links to
// pages (docs, blocks/Button.mdx and Action.mdx), and the blocks within it.
func (r *Release) block(w *workspace, file string, id nodeID, depth int) {
	t := &r.tree
	if depth > maxDepth || t.nodes[id].kind != mapping {
		return
	}
	if automation := t.get(id, "automation"); automation != 0 {
		at := at(&t.nodes[automation])
		slug := t.nodes[automation].value
		if t.nodes[automation].kind == mapping {
			slug = t.text(automation, "slug")
		}
		if len(slug) > 0 && !isComputed(slug) {
			w.links = append(w.links, link{file: file, at: at, automation: r.keep(slug)})
		}
	}
	r.pageLink(w, file, id)
	for _, key := range []string{"blocks", "content"} {
		if blocks := t.get(id, key); blocks != 0 && t.nodes[blocks].kind == sequence {
			for child := range t.children(blocks) {
				r.block(w, file, child, depth+1)
			}
		}
	}
}

// pageLink reads the link of a button to a page: its value, or href of its value.
func (r *Release) pageLink(w *workspace, file string, id nodeID) {
	t := &r.tree
	slug := string(t.text(id, "slug"))
	if slug != "Action" && slug != "Button" || string(t.text(id, "type")) != "internal" {
		return
	}
	value := t.get(id, "value")
	if value == 0 {
		return
	}
	href := t.nodes[value].value
	if t.nodes[value].kind == mapping {
		href = t.text(value, "href")
	}
	if page := pageOf(href); page != "" {
		w.links = append(w.links, link{file: file, at: at(&t.nodes[value]), page: page})
	}
}

// pageOf returns the slug of a link within the workspace, or "" if it has none that is known.
func pageOf(value []byte) string {
	if isComputed(value) || bytes.Contains(value, []byte("://")) {
		return ""
	}
	if end := bytes.IndexAny(value, "?#"); end >= 0 {
		value = value[:end]
	}
	return string(bytes.Trim(value, "/"))
}
