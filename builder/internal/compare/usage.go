// SPDX-License-Identifier: AGPL-3.0-or-later

package compare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/dsul"
	"github.com/prismeai/workspaces-release/internal/release"
)

// loss is something that a workspace offered, and does no more as it did.
type loss struct {
	// slug is the workspace, app the app that it publishes, file where it was.
	slug, app, file string
	kind            lossKind
	// name is the automation, event, endpoint or config key; argument that of an automation.
	name, argument string
}

type lossKind string

const (
	lostApp        lossKind = "app"
	lostAutomation lossKind = "automation"
	lostArgument   lossKind = "argument"
	nowRequired    lossKind = "required argument"
	lostEvent      lossKind = "event"
	lostEndpoint   lossKind = "endpoint"
	lostConfig     lossKind = "config key"
	requiredConfig lossKind = "required config key"
)

// String says what was lost.
func (l loss) String() string {
	switch l.kind {
	case lostApp:
		return "app " + l.name + " is no longer published"
	case lostArgument:
		return fmt.Sprintf("argument %s of automation %s is gone", l.argument, l.name)
	case nowRequired:
		return fmt.Sprintf("automation %s now requires argument %s", l.name, l.argument)
	case requiredConfig:
		return fmt.Sprintf("the app now requires config key %s", l.name)
	default:
		return fmt.Sprintf("%s %s is gone", l.kind, l.name)
	}
}

// offer is what the automations of a workspace offer to others, by slug.
type offer struct {
	automations map[string]*dsul.Description
	files       map[string]string
	events      map[string]bool
}

func newOffer(files map[string]content) offer {
	o := offer{map[string]*dsul.Description{}, map[string]string{}, map[string]bool{}}
	for path, c := range files {
		if !isAutomation(path) {
			continue
		}
		d, ok := dsul.Describe(strings.TrimPrefix(path, "automations/"), c.data)
		if !ok {
			continue
		}
		o.automations[d.Slug] = d
		o.files[d.Slug] = path
		for _, event := range d.Emits {
			o.events[event] = true
		}
	}
	return o
}

// losses compares what a workspace offers. What cannot be read is not lost.
func losses(p workspacePair, files workspaceFiles) []loss {
	if p.older.App == "" && p.newer == nil {
		return nil
	}
	if p.older.App != "" && (p.newer == nil || p.newer.App != p.older.App) {
		return []loss{{slug: p.slug(), app: p.older.App, kind: lostApp, name: p.older.App}}
	}
	after := maps.Clone(files.before)
	for _, f := range files.changed {
		switch {
		case f.newer == nil:
			delete(after, f.path)
		case f.newer.data == nil:
			return nil
		default:
			after[f.path] = *f.newer
		}
	}
	was := newOffer(files.before)
	is := newOffer(after)
	l := lossList{slug: p.slug(), app: p.older.App}
	for _, slug := range slices.Sorted(maps.Keys(was.automations)) {
		l.file = was.files[slug]
		l.automation(slug, was.automations[slug], is.automations[slug])
	}
	for _, event := range slices.Sorted(maps.Keys(was.events)) {
		if !is.events[event] {
			l.file = ""
			l.add(lostEvent, event, "")
		}
	}
	l.file = "index.yml"
	l.config(files.before["index.yml"].data, after["index.yml"].data)
	return l.list
}

func (p workspacePair) slug() string {
	if p.newer != nil {
		return p.newer.Slug
	}
	return p.older.Slug
}

type lossList struct {
	slug, app, file string
	list            []loss
}

func (l *lossList) add(kind lossKind, name, argument string) {
	l.list = append(l.list, loss{l.slug, l.app, l.file, kind, name, argument})
}

func (l *lossList) automation(slug string, before, after *dsul.Description) {
	if after == nil || after.Private && !before.Private {
		l.add(lostAutomation, slug, "")
	}
	if before.Endpoint != "" && (after == nil || after.Endpoint != before.Endpoint) {
		l.add(lostEndpoint, before.Endpoint, "")
	}
	if after == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(before.Arguments)) {
		if _, stays := after.Arguments[name]; !stays {
			l.add(lostArgument, slug, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.Arguments)) {
		if after.Arguments[name] && !before.Arguments[name] {
			l.add(nowRequired, slug, name)
		}
	}
}

func (l *lossList) config(older, newer []byte) {
	before := lookup(parse(older), "config", "schema")
	after := lookup(parse(newer), "config", "schema")
	_, removed := differentKeys(before, after)
	for _, key := range removed {
		l.add(lostConfig, key, "")
	}
	for _, key := range keysOf(after) {
		required := func(schema []byte) bool {
			n := lookup(parse(schema), "config", "schema", key, "required")
			return n != nil && n.Value == "true"
		}
		if required(newer) && !required(older) {
			l.add(requiredConfig, key, "")
		}
	}
}

// user is how a workspace uses the apps of others.
type user struct {
	slug string
	// instances maps app instances to apps, config their keys that are set.
	instances map[string]string
	config    map[string][]string
	calls     map[string][]string
	listens   []string
	// webhooks are the losses of endpoints that its files mention.
	webhooks []loss
}

func newUser(slug string) *user {
	return &user{
		slug: slug, instances: map[string]string{}, config: map[string][]string{}, calls: map[string][]string{},
	}
}

// breaking finds out which losses other workspaces of the new release suffer from. It reads
// them only if something was lost.
func (t *teller) breaking(
	ctx context.Context, r *Report, newer *Release, pairs []workspacePair, files map[workspacePair]workspaceFiles,
) error {
	var lost []loss
	for _, p := range pairs {
		if p.older != nil {
			lost = append(lost, losses(p, files[p])...)
		}
	}
	lost = slices.DeleteFunc(lost, func(l loss) bool { return l.kind == lostApp && publishes(newer, l.name) })
	if len(lost) == 0 {
		return nil
	}
	users := map[string]*user{}
	err := newer.Walk(ctx, func(string) bool { return true }, func(path string, size int64, from io.Reader) error {
		slug, name, _ := strings.Cut(path, "/")
		if users[slug] == nil {
			users[slug] = newUser(slug)
		}
		if size > maxShown || !isAutomation(name) && !strings.HasPrefix(name, "imports/") {
			return nil
		}
		data, err := io.ReadAll(from)
		if err == nil {
			users[slug].add(name, data, lost)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, l := range lost {
		t.blame(r, l, users)
	}
	return nil
}

// publishes reports whether a workspace of a release publishes an app.
func publishes(r *Release, app string) bool {
	return slices.ContainsFunc(r.Manifest.Workspaces, func(w release.Workspace) bool { return w.App == app })
}

// add takes a file of the workspace.
func (u *user) add(name string, data []byte, lost []loss) {
	if instance, ok := strings.CutPrefix(name, "imports/"); ok {
		root := parse(data)
		app := lookup(root, "appSlug")
		if app == nil {
			return
		}
		names := []string{strings.TrimSuffix(strings.TrimSuffix(instance, ".yml"), ".yaml")}
		if slug := lookup(root, "slug"); slug != nil && slug.Value != "" {
			names = append(names, slug.Value)
		}
		for _, n := range names {
			u.instances[n] = app.Value
			u.config[n] = keysOf(lookup(root, "config"))
		}
		return
	}
	d, ok := dsul.Describe(strings.TrimPrefix(name, "automations/"), data)
	if !ok {
		return
	}
	for target, arguments := range d.Calls {
		u.calls[target] = append(u.calls[target], arguments...)
	}
	u.listens = append(u.listens, d.Listens...)
	for _, l := range lost {
		if l.kind == lostEndpoint && l.slug != u.slug && bytes.Contains(data, []byte(l.slug+"/webhooks/"+l.name)) {
			u.webhooks = append(u.webhooks, l)
		}
	}
}

// suffers reports whether the workspace uses what was lost.
func (u *user) suffers(l loss) bool {
	if l.kind == lostEndpoint {
		return slices.Contains(u.webhooks, l)
	}
	for instance, app := range u.instances {
		if app != l.app || app == "" {
			continue
		}
		arguments, calls := u.calls[instance+"."+l.name]
		switch l.kind {
		case lostApp:
			return true
		case lostAutomation:
			if calls {
				return true
			}
		case lostArgument:
			if slices.Contains(arguments, l.argument) {
				return true
			}
		case nowRequired:
			if calls && !slices.Contains(arguments, l.argument) {
				return true
			}
		case lostEvent:
			if slices.Contains(u.listens, instance+"."+l.name) {
				return true
			}
		case lostConfig:
			if slices.Contains(u.config[instance], l.name) {
				return true
			}
		case requiredConfig:
			if !slices.Contains(u.config[instance], l.name) {
				return true
			}
		}
	}
	return false
}

// blame adds a loss to the workspace that causes it, with those that suffer.
func (t *teller) blame(r *Report, l loss, users map[string]*user) {
	var suffer []string
	for _, slug := range slices.Sorted(maps.Keys(users)) {
		if slug != l.slug && users[slug].suffers(l) {
			suffer = append(suffer, slug)
		}
	}
	i := slices.IndexFunc(r.Workspaces, func(w Workspace) bool { return w.Slug == l.slug })
	if len(suffer) == 0 || i < 0 {
		return
	}
	w := &r.Workspaces[i]
	if t.isHidden(l.slug, l.file) {
		l.name = notShown
		l.argument = notShown
	}
	w.Reasons = append(w.Reasons, Reason{Breaking, l.file, fmt.Sprintf("%s, which %s uses", l, names(suffer))})
	for j := range w.Files {
		if w.Files[j].Path == l.file {
			w.Files[j].Classes = union(w.Files[j].Classes, []Class{Breaking})
		}
	}
}
