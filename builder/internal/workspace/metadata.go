// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// metadataFile is the file that the platform generates when it pushes a workspace.
const metadataFile = ".import.yml"

// metadata is the content of .import.yml. Any part may be missing: plain exports have only version
// (without a name) and checksums, others only workspaceId and app.
type metadata struct {
	workspaceID Text
	version     Text
	app         Text
	groups      []Text
	dependsOn   []Text
	// checksums is nil if the file has none.
	checksums []checksum
}

// checksum is an entry of checksums in .import.yml.
type checksum struct {
	// section is the directory, such as automations.
	section string
	// key identifies the file in the section.
	key string
	// algorithm is md5 or sha256.
	algorithm string
	// sum is nil if the text is not a valid checksum.
	sum []byte
	at  Position
}

var metadataKeys = []string{"workspaceId", "version", "groups", "dependsOn", "app", "checksums"}

func readMetadata(root *yaml.Node, r valueReader) *metadata {
	m := &metadata{}
	top := r.readMapping(root, metadataFile)
	r.checkKeys(top)
	r.checkPlaceholders(root)
	m.workspaceID = r.readText(yamltree.Lookup(top, "workspaceId"), "workspaceId")
	m.groups = r.readTexts(yamltree.Lookup(top, "groups"), "groups", r.readText)
	m.dependsOn = r.readDependencies(yamltree.Lookup(top, "dependsOn"))
	version := r.readMapping(yamltree.Lookup(top, "version"), "version")
	m.version = r.readText(yamltree.Lookup(version, "name"), "version.name")
	m.app = r.readText(yamltree.Lookup(r.readMapping(yamltree.Lookup(top, "app"), "app"), "slug"), "app.slug")
	m.checksums = r.readChecksums(yamltree.Lookup(top, "checksums"))
	return m
}

// checkKeys reports misspelt keys. Other unknown keys may belong to a newer platform.
func (r valueReader) checkKeys(top *yaml.Node) {
	for k := range yamltree.Pairs(top).All {
		key := yamltree.KeyText(k)
		if slices.Contains(metadataKeys, key) {
			continue
		}
		if known := spelling.Nearest(key, slices.Values(metadataKeys)); known != "" {
			r.report(ruleUnknownKey, r.positionOf(k), "unknown key %s, did you mean %s?", quoteName(key), known)
		}
	}
}

var placeholder = lazyregexp.New(`^(app/)?<[^<>]+>$`)

// checkPlaceholders reports unreplaced template text such as <workspace-id>.
func (r valueReader) checkPlaceholders(n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode && placeholder.MatchString(n.Value) {
		r.report(rulePlaceholder, r.positionOf(n), "a placeholder <...> was not replaced")
	}
	for _, child := range n.Content {
		r.checkPlaceholders(child)
	}
}

// appSlug is the platform's default pattern of slugs, except those of workspaces.
var appSlug = lazyregexp.New(`^[/a-zA-Z0-9 _-]+$`)

// readDependencies returns the app slugs of dependsOn.
func (r valueReader) readDependencies(n *yaml.Node) []Text {
	var out []Text
	for _, t := range r.readTexts(n, "dependsOn", r.readText) {
		slug, ok := strings.CutPrefix(t.Value, "app/")
		if !ok || !appSlug.MatchString(slug) {
			if !placeholder.MatchString(t.Value) {
				r.report(ruleDependsOnInvalid, t.At,
					"dependency %s does not have the form app/<slug>", quoteName(t.Value))
			}
			continue
		}
		out = append(out, Text{Value: slug, At: t.At})
	}
	return out
}

func (r valueReader) readChecksums(n *yaml.Node) []checksum {
	top := r.readMapping(n, "checksums")
	if top == nil {
		return nil
	}
	out := []checksum{}
	for section, entries := range yamltree.Pairs(top).All {
		name := strings.Clone(yamltree.KeyText(section))
		for key, value := range yamltree.Pairs(r.readMapping(entries, "checksums."+quoteName(name))).All {
			sum := checksum{section: name, key: strings.Clone(yamltree.KeyText(key)), at: r.positionOf(value)}
			sum.parseText(yamltree.Resolve(value))
			out = append(out, sum)
		}
	}
	return out
}

// parseText reads both notations: 32 hexadecimal digits (MD5, as the platform writes it) and
// algorithm:digits (as its documentation shows). It leaves sum nil for anything else.
func (c *checksum) parseText(n *yaml.Node) {
	algorithm, digits, prefixed := strings.Cut(n.Value, ":")
	if !prefixed {
		algorithm = algorithmMD5
		digits = n.Value
	}
	sum, err := hex.DecodeString(digits)
	if n.Kind != yaml.ScalarNode || err != nil {
		return
	}
	switch {
	case algorithm == algorithmMD5 && len(sum) == 16:
		c.algorithm = algorithmMD5
	case algorithm == algorithmSHA256 && len(sum) == 32:
		c.algorithm = algorithmSHA256
	default:
		return
	}
	c.sum = sum
}
