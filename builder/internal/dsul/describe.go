// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/yamltree"
)

// Description is what an automation offers and uses.
type Description struct {
	// Slug is the declared slug, else the path.
	Slug string
	// Endpoint is the path below /webhooks/ of the automation: its slug if the endpoint is true, ""
	// without an endpoint.
	Endpoint string
	// Private automations cannot be called from outside of the workspace.
	Private bool
	// Guarded is set if the automation has authorizations.
	Guarded bool
	// Arguments are the declared arguments; the value is true for required ones.
	Arguments map[string]bool
	// Calls holds the names of the passed arguments by called automation.
	Calls map[string][]string
	// Emits and Listens are names of events. Hosts are the hosts it fetches from; {{config.name}}
	// stands for a host from the configuration.
	Emits, Listens, Hosts []string
}

// Describe parses an automation. name is its path below automations. It returns false if the file
// cannot be parsed.
func Describe(name string, data []byte) (*Description, bool) {
	root := parse(data)
	a := NewReader().readAutomation(root)
	if a.unread {
		return nil, false
	}
	d := &Description{
		Slug: cmp.Or(a.slug, strings.TrimSuffix(name, path.Ext(name))), Private: a.private,
		Guarded:   valueOf(root, "authorizations") != nil,
		Arguments: map[string]bool{}, Calls: map[string][]string{}, Emits: a.emits, Hosts: a.hosts,
	}
	for _, event := range a.events {
		d.Listens = append(d.Listens, event.name)
	}
	if a.endpoint {
		d.Endpoint = textOf(valueOf(valueOf(root, "when"), "endpoint"))
		if d.Endpoint == "true" {
			d.Endpoint = d.Slug
		}
	}
	for e := range contentOf(valueOf(root, "arguments")).entries {
		d.Arguments[e.name()] = textOf(valueOf(e.value, "required")) == "true"
	}
	for _, c := range a.calls {
		passed := d.Calls[c.target]
		for _, argument := range c.arguments {
			passed = append(passed, argument.name)
		}
		d.Calls[c.target] = passed
	}
	slices.Sort(d.Hosts)
	d.Hosts = slices.Compact(d.Hosts)
	return d, true
}

// parse parses a file. It returns nil if the file is empty, too large, or not YAML.
func parse(data []byte) *yaml.Node {
	const (
		maxNodes = 500_000
		maxDepth = 100
		maxBytes = 64 << 20
	)
	if !utf8.Valid(data) {
		return nil
	}
	doc, err := yamltree.Parse(data, yamltree.Limits{Nodes: maxNodes, Depth: maxDepth, Scalar: maxBytes})
	if err != nil || doc.CheckExpansion(maxNodes, maxBytes) != nil {
		return nil
	}
	return doc.Root
}

// hostOf returns the host of a URL, which may start with a configuration value. It returns "" for
// an unknown host and for the platform itself.
func hostOf(address string) string {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "{{") {
		name, _, closed := strings.Cut(address[2:], "}}")
		name = strings.TrimSpace(name)
		if !closed || !strings.HasPrefix(name, "config.") || !isName(name) {
			return ""
		}
		return "{{" + name + "}}"
	}
	scheme, rest, found := strings.Cut(address, "://")
	if !found || isComputed(scheme) {
		return ""
	}
	authority := rest[:strings.IndexAny(rest+"/", "/?#")]
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	if isComputed(authority) {
		return strings.ToLower(authority)
	}
	u, err := url.Parse("//" + authority)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
