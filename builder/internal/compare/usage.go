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

// loss is something that a workspace no longer offers, or offers with more requirements.
type loss struct {
	// slug is the workspace that offered it.
	slug string
	// app is the app that the workspace publishes.
	app string
	// file is the file that offered it.
	file string
	kind lossKind
	// name is the automation, event, endpoint or config key.
	name string
	// argument is the argument of the automation.
	argument string
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

// String describes the loss.
func (l loss) String() string {
	switch l.kind {
	case lostApp:
		return "app " + l.name + " is no longer published"
	case lostArgument:
		return fmt.Sprintf("argument %s of automation %s was removed", l.argument, l.name)
	case nowRequired:
		return fmt.Sprintf("automation %s now requires argument %s", l.name, l.argument)
	case requiredConfig:
		return fmt.Sprintf("the app now requires config key %s", l.name)
	default:
		return fmt.Sprintf("%s %s was removed", l.kind, l.name)
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

// findLosses compares what a workspace offers before and after. A file that cannot be parsed is not
// a loss.
func findLosses(p workspacePair, files workspaceFiles) []loss {
	if p.older.App == "" && p.newer == nil {
		return nil
	}
	if p.older.App != "" && (p.newer == nil || p.newer.App != p.older.App) {
		return []loss{{slug: p.currentSlug(), app: p.older.App, kind: lostApp, name: p.older.App}}
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
	l := lossList{slug: p.currentSlug(), app: p.older.App}
	for _, slug := range slices.Sorted(maps.Keys(was.automations)) {
		l.file = was.files[slug]
		l.compareAutomation(slug, was.automations[slug], is.automations[slug])
	}
	for _, event := range slices.Sorted(maps.Keys(was.events)) {
		if !is.events[event] {
			l.file = ""
			l.addLoss(lostEvent, event, "")
		}
	}
	l.file = "index.yml"
	l.compareConfig(files.before["index.yml"].data, after["index.yml"].data)
	return l.list
}

func (p workspacePair) currentSlug() string {
	if p.newer != nil {
		return p.newer.Slug
	}
	return p.older.Slug
}

type lossList struct {
	slug, app, file string
	list            []loss
}

func (l *lossList) addLoss(kind lossKind, name, argument string) {
	l.list = append(l.list, loss{l.slug, l.app, l.file, kind, name, argument})
}

func (l *lossList) compareAutomation(slug string, before, after *dsul.Description) {
	if after == nil || after.Private && !before.Private {
		l.addLoss(lostAutomation, slug, "")
	}
	if before.Endpoint != "" && (after == nil || after.Endpoint != before.Endpoint) {
		l.addLoss(lostEndpoint, before.Endpoint, "")
	}
	if after == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(before.Arguments)) {
		if _, stays := after.Arguments[name]; !stays {
			l.addLoss(lostArgument, slug, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.Arguments)) {
		if after.Arguments[name] && !before.Arguments[name] {
			l.addLoss(nowRequired, slug, name)
		}
	}
}

func (l *lossList) compareConfig(older, newer []byte) {
	before := lookupPath(parseYAML(older), "config", "schema")
	after := lookupPath(parseYAML(newer), "config", "schema")
	_, removed := differentKeys(before, after)
	for _, key := range removed {
		l.addLoss(lostConfig, key, "")
	}
	for _, key := range keysOf(after) {
		required := func(schema []byte) bool {
			n := lookupPath(parseYAML(schema), "config", "schema", key, "required")
			return n != nil && n.Value == "true"
		}
		if required(newer) && !required(older) {
			l.addLoss(requiredConfig, key, "")
		}
	}
}

// appUser is how a workspace uses the apps of others.
type appUser struct {
	slug string
	// instances maps app instances to apps.
	instances map[string]string
	// config maps app instances to the config keys that are set.
	config  map[string][]string
	calls   map[string][]string
	listens []string
	// webhooks are lost endpoints that the files mention.
	webhooks []loss
}

func newAppUser(slug string) *appUser {
	return &appUser{
		slug: slug, instances: map[string]string{}, config: map[string][]string{}, calls: map[string][]string{},
	}
}

// addBreaking reports the losses that affect other workspaces of the new release. It reads those
// only if something was lost.
func (t *hunkBuilder) addBreaking(
	ctx context.Context, r *Report, newer *Release, pairs []workspacePair, files map[workspacePair]workspaceFiles,
) error {
	var lost []loss
	for _, p := range pairs {
		if p.older != nil {
			lost = append(lost, findLosses(p, files[p])...)
		}
	}
	lost = slices.DeleteFunc(lost, func(l loss) bool { return l.kind == lostApp && publishesApp(newer, l.name) })
	if len(lost) == 0 {
		return nil
	}
	users := map[string]*appUser{}
	err := newer.Walk(ctx, func(string) bool { return true }, func(path string, size int64, from io.Reader) error {
		slug, name, _ := strings.Cut(path, "/")
		if users[slug] == nil {
			users[slug] = newAppUser(slug)
		}
		if size > maxShown || !isAutomation(name) && !strings.HasPrefix(name, "imports/") {
			return nil
		}
		data, err := io.ReadAll(from)
		if err == nil {
			users[slug].addFile(name, data, lost)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, l := range lost {
		t.reportLoss(r, l, users)
	}
	return nil
}

// publishesApp reports whether a workspace of a release publishes an app.
func publishesApp(r *Release, app string) bool {
	return slices.ContainsFunc(r.Manifest.Workspaces, func(w release.Workspace) bool { return w.App == app })
}

// addFile adds a file of the workspace.
func (u *appUser) addFile(name string, data []byte, lost []loss) {
	if instance, ok := strings.CutPrefix(name, "imports/"); ok {
		root := parseYAML(data)
		app := lookupPath(root, "appSlug")
		if app == nil {
			return
		}
		names := []string{strings.TrimSuffix(strings.TrimSuffix(instance, ".yml"), ".yaml")}
		if slug := lookupPath(root, "slug"); slug != nil && slug.Value != "" {
			names = append(names, slug.Value)
		}
		for _, n := range names {
			u.instances[n] = app.Value
			u.config[n] = keysOf(lookupPath(root, "config"))
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

// isAffected reports whether the workspace uses what was lost.
func (u *appUser) isAffected(l loss) bool {
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

// reportLoss adds a loss to the workspace that causes it, with the affected workspaces.
func (t *hunkBuilder) reportLoss(r *Report, l loss, users map[string]*appUser) {
	var suffer []string
	for _, slug := range slices.Sorted(maps.Keys(users)) {
		if slug != l.slug && users[slug].isAffected(l) {
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
	w.Reasons = append(w.Reasons, Reason{Breaking, l.file, fmt.Sprintf("%s, which %s uses", l, joinNames(suffer))})
	for j := range w.Files {
		if w.Files[j].Path == l.file {
			w.Files[j].Classes = unionOf(w.Files[j].Classes, []Class{Breaking})
		}
	}
}
