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
	// Slug is the one that the file states, else its path.
	Slug string
	// Endpoint is the path below /webhooks/ by which it can be called: the slug for true, ""
	// for an automation without an endpoint.
	Endpoint string
	// Private automations cannot be called from outside of the workspace.
	Private bool
	// Guarded says that the automation has authorizations of its own.
	Guarded bool
	// Arguments tells of each declared argument whether it is required.
	Arguments map[string]bool
	// Calls holds the names of the arguments that are passed, by automation that is called.
	Calls map[string][]string
	// Emits and Listens are the names of events, Hosts those of hosts that are fetched from.
	// A host that is only known from the configuration stands as {{config.name}}.
	Emits, Listens, Hosts []string
}

// Describe reads an automation, by its path below automations. It returns false if the file is
// none that can be read.
func Describe(name string, data []byte) (*Description, bool) {
	r := New()
	a := r.readAutomation(data)
	if a.unread {
		return nil, false
	}
	t := &r.tree
	d := &Description{
		Slug: cmp.Or(a.slug, strings.TrimSuffix(name, path.Ext(name))), Private: a.private,
		Guarded:   t.get(0, "authorizations") != 0,
		Arguments: map[string]bool{}, Calls: map[string][]string{}, Emits: a.emits, Hosts: a.hosts,
	}
	for _, event := range a.events {
		d.Listens = append(d.Listens, event.name)
	}
	if a.endpoint {
		d.Endpoint = string(t.text(t.get(0, "when"), "endpoint"))
		if d.Endpoint == "true" {
			d.Endpoint = d.Slug
		}
	}
	if arguments := t.get(0, "arguments"); arguments != 0 {
		for id, n := range t.children(arguments) {
			d.Arguments[string(n.key)] = string(t.text(id, "required")) == "true"
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

// hostOf returns the host of a URL, which may begin with a value of the configuration; "" if
// it is not known, or the platform's own.
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
