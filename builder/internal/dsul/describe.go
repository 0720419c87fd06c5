// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"bytes"
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
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
	r := New()
	a := r.readAutomation(data)
	if a.unread {
		return nil, false
	}
	t := &r.tree
	d := &Description{
		Slug: cmp.Or(a.slug, strings.TrimSuffix(name, path.Ext(name))), Private: a.private,
		Guarded:   t.valueOf(0, "authorizations") != 0,
		Arguments: map[string]bool{}, Calls: map[string][]string{}, Emits: a.emits, Hosts: a.hosts,
	}
	for _, event := range a.events {
		d.Listens = append(d.Listens, event.name)
	}
	if a.endpoint {
		d.Endpoint = string(t.textOf(t.valueOf(0, "when"), "endpoint"))
		if d.Endpoint == "true" {
			d.Endpoint = d.Slug
		}
	}
	if arguments := t.valueOf(0, "arguments"); arguments != 0 {
		for id, n := range t.children(arguments) {
			d.Arguments[string(n.key)] = string(t.textOf(id, "required")) == "true"
		}
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

// hostOf returns the host of a URL, which may start with a configuration value. It returns "" for
// an unknown host and for the platform itself.
func hostOf(address []byte) string {
	address = bytes.TrimSpace(address)
	if bytes.HasPrefix(address, []byte("{{")) {
		name, _, closed := bytes.Cut(address[2:], []byte("}}"))
		name = bytes.TrimSpace(name)
		if !closed || !bytes.HasPrefix(name, []byte("config.")) || !isName(name) {
			return ""
		}
		return "{{" + string(name) + "}}"
	}
	scheme, rest, found := strings.Cut(string(address), "://")
	if !found || isComputed([]byte(scheme)) {
		return ""
	}
	authority := rest[:strings.IndexAny(rest+"/", "/?#")]
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	if isComputed([]byte(authority)) {
		return strings.ToLower(authority)
	}
	u, err := url.Parse("//" + authority)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
