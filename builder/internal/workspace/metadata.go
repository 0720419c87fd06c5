// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/builder/internal/spelling"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// metadataFile is what the platform generates when it pushes a workspace.
const metadataFile = ".import.yml"

// metadata is the content of .import.yml. Any part may be missing: plain
// exports have version (without a name) and checksums only, others have
// workspaceId and app only.
type metadata struct {
	workspaceID Text
	version     Text
	app         Text
	groups      []Text
	dependsOn   []Text
	// checksums is nil if the file has none.
	checksums []checksum
}

// checksum is what .import.yml says about one file.
type checksum struct {
	// section is the directory, such as automations; key names the file in it.
	section, key string
	// algorithm is md5 or sha256, sum its value; nil for a text that is neither.
	algorithm string
	sum       []byte
	at        Position
}

var metadataKeys = []string{"workspaceId", "version", "groups", "dependsOn", "app", "checksums"}

func readMetadata(root *yaml.Node, r reader) *metadata {
	m := &metadata{}
	top := r.mapping(root, metadataFile)
	r.checkKeys(top)
	r.checkPlaceholders(root)
	m.workspaceID = r.text(get(top, "workspaceId"), "workspaceId")
	m.groups = r.texts(get(top, "groups"), "groups", r.text)
	m.dependsOn = r.dependencies(get(top, "dependsOn"))
	m.version = r.text(get(r.mapping(get(top, "version"), "version"), "name"), "version.name")
	m.app = r.text(get(r.mapping(get(top, "app"), "app"), "slug"), "app.slug")
	m.checksums = r.checksums(get(top, "checksums"))
	return m
}

// checkKeys reports keys that are almost, but not quite, known. Others may be
// those of a newer platform.
func (r reader) checkKeys(top *yaml.Node) {
	for k := range fields(top) {
		key := keyText(k)
		if slices.Contains(metadataKeys, key) {
			continue
		}
		if known := spelling.Nearest(key, slices.Values(metadataKeys)); known != "" {
			r.report(ruleUnknownKey, r.at(k), "unknown key %s, did you mean %s?", show(key), known)
		}
	}
}

var placeholder = lazyregexp.New(`^(app/)?<[^<>]+>$`)

// checkPlaceholders reports text such as <workspace-id>, left over from a template.
func (r reader) checkPlaceholders(n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode && placeholder.MatchString(n.Value) {
		r.report(rulePlaceholder, r.at(n), "a placeholder <...> was not replaced")
	}
	for _, child := range n.Content {
		r.checkPlaceholders(child)
	}
}

// appSlug is the platform's default pattern of slugs other than workspaces'.
var appSlug = lazyregexp.New(`^[/a-zA-Z0-9 _-]+$`)

// dependencies returns the app slugs of dependsOn.
func (r reader) dependencies(n *yaml.Node) []Text {
	var out []Text
	for _, t := range r.texts(n, "dependsOn", r.text) {
		slug, ok := strings.CutPrefix(t.Value, "app/")
		if !ok || !appSlug.MatchString(slug) {
			if !placeholder.MatchString(t.Value) {
				r.report(ruleDependsOnInvalid, t.At, "dependency %s is not app/<slug>", show(t.Value))
			}
			continue
		}
		out = append(out, Text{Value: slug, At: t.At})
	}
	return out
}

func (r reader) checksums(n *yaml.Node) []checksum {
	top := r.mapping(n, "checksums")
	if top == nil {
		return nil
	}
	out := []checksum{}
	for section, entries := range fields(top) {
		name := strings.Clone(keyText(section))
		for key, value := range fields(r.mapping(entries, "checksums."+show(name))) {
			sum := checksum{section: name, key: strings.Clone(keyText(key)), at: r.at(value)}
			sum.parse(resolve(value))
			out = append(out, sum)
		}
	}
	return out
}

// parse reads both notations: 32 hexadecimal digits (MD5, what the platform
// writes) and algorithm:digits (what its documentation shows). Anything else leaves the
// sum nil.
func (c *checksum) parse(n *yaml.Node) {
	algorithm, digits, prefixed := strings.Cut(n.Value, ":")
	if !prefixed {
		algorithm, digits = algorithmMD5, n.Value
	}
	sum, err := hex.DecodeString(digits)
	if n.Kind != yaml.ScalarNode || err != nil {
		return
	}
	if algorithm == algorithmMD5 && len(sum) == 16 || algorithm == algorithmSHA256 && len(sum) == 32 {
		c.algorithm, c.sum = strings.Clone(algorithm), sum
	}
}
