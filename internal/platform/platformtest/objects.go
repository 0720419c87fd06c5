// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// importIndex applies index.yml like an update of the workspace. ID, repositories and, except for
// pulls, the slug do not change.
func (i *fileImport) importIndex(text string) error {
	content, err := loadYAML(text)
	if err != nil {
		return err
	}
	if content.IsNull() {
		return newTypeError()
	}
	slug := i.target.Slug
	if wanted := content.Get("slug"); i.pull && isTruthy(wanted) && wanted.String() != slug {
		if other := i.p.installed[wanted.String()]; other != nil {
			i.errs = append(i.errs, object{"err": "SlugAlreadyInUse", "slug": wanted.String(),
				"conflictingWorkspaceId": other.ID,
				"msg": "Could not rename workspace slug from " + slug + " to " + wanted.String() +
					" as it is already used by workspaceId " + other.ID})
		} else {
			slug = wanted.String()
		}
	}
	next, err := i.mergeIndex(content)
	if err != nil {
		return err
	}
	if slug != i.target.Slug && !workspaceSlug.MatchString(slug) {
		return newSlugError(slug)
	}
	next.Set("slug", jsvalue.NewText(slug))
	next.Set("id", jsvalue.NewText(i.target.ID))
	next.Set("customDomains", jsvalue.NewSequence())
	if err := cmp.Or(checkText(next, "name"), checkText(next, "photo"),
		checkLabels("workspaces", next.Get("labels"))); err != nil {
		return err
	}
	i.files["index.yml"] = jsvalue.Dump(next)
	i.p.renameWorkspace(i.target, slug)
	if name := next.Get("name"); name != nil {
		i.target.Name = name.String()
	}
	return nil
}

// mergeIndex returns the index of the workspace merged with index.yml.
func (i *fileImport) mergeIndex(content *jsvalue.Value) (*jsvalue.Value, error) {
	labels, err := uniteLabels(i.index.Get("labels"), content.Get("labels"))
	if err != nil {
		return nil, err
	}
	description, err := importedDescription(content.Get("description"))
	if err != nil {
		return nil, err
	}
	next := jsvalue.NewMapping()
	for _, source := range []*jsvalue.Value{i.index, content} {
		for _, pair := range source.Pairs {
			next.Set(pair.Key, pair.Value)
		}
	}
	next.Set("description", description)
	next.Set("labels", labels)
	next.Delete("repositories")
	if repositories := i.index.Get("repositories"); repositories != nil {
		next.Set("repositories", repositories)
	}
	if !content.Has("name") {
		next.Delete("name")
	}
	return next, nil
}

// uniteLabels returns the union of the workspace's labels and those of index.yml.
func uniteLabels(present, added *jsvalue.Value) (*jsvalue.Value, error) {
	all := jsvalue.NewSequence()
	for _, list := range []*jsvalue.Value{present, added} {
		if !isTruthy(list) {
			continue
		}
		items, ok := iterateItems(list)
		if !ok {
			return nil, newTypeError()
		}
		for _, item := range items {
			same := func(v *jsvalue.Value) bool { return !isObject(v) && !isObject(item) && v.String() == item.String() }
			if !slices.ContainsFunc(all.Items, same) {
				all.Items = append(all.Items, item)
			}
		}
	}
	return all, nil
}

// importSuffix is the suffix that the service adds to descriptions.
const importSuffix = " (IMPORT)"

func importedDescription(v *jsvalue.Value) (*jsvalue.Value, error) {
	text := func(v *jsvalue.Value) *jsvalue.Value {
		if !isTruthy(v) {
			return jsvalue.NewText(importSuffix)
		}
		return jsvalue.NewText(v.String() + importSuffix)
	}
	switch {
	case v != nil && v.IsNull():
		return nil, newTypeError()
	case !isObject(v):
		return text(v), nil
	}
	localized := jsvalue.NewMapping()
	for n, item := range v.Items {
		localized.Set(jsvalue.FormatNumber(float64(n)), text(item))
	}
	for _, pair := range v.Pairs {
		localized.Set(pair.Key, text(pair.Value))
	}
	return localized, nil
}

func (i *fileImport) storeSecurity(content *jsvalue.Value) error {
	if err := i.checkSecurity(content); err != nil {
		return err
	}
	if content == nil || content.Kind != jsvalue.Mapping {
		content = jsvalue.NewMapping()
	}
	i.files["security.yml"] = jsvalue.Dump(content)
	return nil
}

// readSlug returns the slug in a file's content. If there is none it sets the slug to the file name.
func readSlug(content *jsvalue.Value, fallback string) (string, error) {
	if !isTruthy(content.Get("slug")) {
		return fallback, setSlug(content, fallback)
	}
	return content.Get("slug").String(), nil
}

func (i *fileImport) storeAutomation(name string, content *jsvalue.Value) error {
	slug, err := readSlug(content, name)
	if err != nil {
		return err
	}
	if err := checkAutomation(content); err != nil {
		return err
	}
	if !objectSlug.MatchString(slug) {
		return newSlugError(slug)
	}
	i.files[objectPath(automationsFolder, slug)] = jsvalue.Dump(content)
	return nil
}

func (i *fileImport) storePage(name string, content *jsvalue.Value) error {
	slug, err := readSlug(content, name)
	if err != nil {
		return err
	}
	if !objectSlug.MatchString(slug) {
		return newSlugError(slug)
	}
	if err := checkPage(content); err != nil {
		return err
	}
	id := i.p.nextID("page")
	old := ""
	if given := content.Get("id"); given != nil && i.pageIDs[given.String()] != "" {
		id, old = given.String(), i.pageIDs[given.String()]
	}
	place := objectPath(pagesFolder, slug)
	if _, taken := i.files[place]; taken && !i.known[place] || taken && old != "" && old != slug {
		return newException("AlreadyUsedError", "pages slug %s already exists", slug)
	}
	if old != "" && old != slug {
		delete(i.files, objectPath(pagesFolder, old))
	}
	page := jsvalue.NewMapping()
	for n, item := range content.Items {
		page.Set(jsvalue.FormatNumber(float64(n)), item)
	}
	page.Pairs = append(page.Pairs, content.Pairs...)
	if content.Kind == jsvalue.Sequence {
		page.Set("slug", jsvalue.NewText(slug))
	}
	page.Set("id", jsvalue.NewText(id))
	page.Set("workspaceSlug", jsvalue.NewText(i.target.Slug))
	if !strings.HasSuffix("/"+slug, "/"+folderIndex) {
		i.files[place] = jsvalue.Dump(page)
	}
	return checkPageMeta(page)
}

// storeInstance stores an app instance. The app is only checked for an existing instance.
func (i *fileImport) storeInstance(name string, content *jsvalue.Value) error {
	configured := "undefined"
	if v := content.Get("slug"); v != nil {
		configured = v.String()
	}
	if i.known[objectPath(importsFolder, configured)] || isInherited(configured) {
		return i.configureInstance(configured, content)
	}
	if !isObject(content) {
		return newTypeError()
	}
	if content.Kind == jsvalue.Mapping {
		content.Set("slug", jsvalue.NewText(name))
	}
	place := objectPath(importsFolder, name)
	switch _, taken := i.files[place]; {
	case !objectSlug.MatchString(name):
		return newSlugError(name)
	case taken:
		return newException("AlreadyUsedError", "imports slug %s already exists", name)
	}
	i.files[place] = jsvalue.Dump(content)
	return nil
}

func (i *fileImport) configureInstance(slug string, content *jsvalue.Value) error {
	place := objectPath(importsFolder, slug)
	if _, ok := i.files[place]; !ok {
		return newNotStoredError(importsFolder, slug)
	}
	next := parseStored(i.files, place)
	for _, pair := range content.Pairs {
		next.Set(pair.Key, pair.Value)
	}
	if app := next.Get("appSlug").String(); !i.p.hasApp(app) {
		return newException("ObjectNotFoundError", "Unknown app '%s'", app)
	}
	i.files[place] = jsvalue.Dump(next)
	return nil
}

// isInherited reports whether every JavaScript object has the key.
func isInherited(key string) bool {
	return slices.Contains([]string{"constructor", "toString", "toLocaleString", "valueOf", "hasOwnProperty",
		"isPrototypeOf", "propertyIsEnumerable",
		"__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"}, key)
}

// isExcluded reports whether the workspace excludes a part from imports.
func (i *fileImport) isExcluded(part string) bool {
	for _, repository := range listRoles(i.index.Get("repositories")) {
		if kind := repository.Value.Get("type"); kind == nil || kind.String() != "archive" {
			continue
		}
		exclude, _ := iterateItems(repository.Value.Get("pull").Get("exclude"))
		return slices.ContainsFunc(exclude, func(v *jsvalue.Value) bool {
			p := v.Get("path")
			return p != nil && p.String() == part
		})
	}
	return false
}

// readConfig returns the app settings in .import.yml. A file that cannot be parsed fails the
// import.
func readConfig(e *entry) (*jsvalue.Value, error) {
	if e == nil {
		return nil, nil
	}
	config, err := loadYAML(e.data)
	return config.Get("app"), err
}

// appLabel makes later versions publish a workspace as an app.
const appLabel = "production:app"

// publishIfConfigured publishes the workspace as an app if it is configured to.
func (i *fileImport) publishIfConfigured(app *jsvalue.Value) error {
	index := parseStored(i.files, "index.yml")
	slug := ""
	if v := app.Get("slug"); isTruthy(v) {
		slug = v.String()
	}
	labels, _ := iterateItems(index.Get("labels"))
	if i.v27 && slug == "" && slices.ContainsFunc(labels, func(v *jsvalue.Value) bool { return v.String() == appLabel }) {
		slug = index.Get("name").String()
	}
	if slug == "" {
		return nil
	}
	if !isTruthy(index.Get("photo")) {
		if i.v27 {
			return newException("MissingFieldError", "Missing photo")
		}
		return newException("MissingFieldError", "Missing photo or description")
	}
	return i.p.publishApp(slug, i.target.ID)
}

// publishApp registers an app. The app outlives its workspace.
func (p *Platform) publishApp(slug, workspace string) error {
	for other, owner := range p.apps {
		switch {
		case owner == workspace && other != slug:
			return newException("PrismeError", "Once published, an app slug cannot be updated.")
		case owner != workspace && other == slug:
			return newException("AlreadyUsedError", "App slug '%s' already used", slug)
		}
	}
	if !objectSlug.MatchString(slug) {
		return newSlugError(slug)
	}
	p.apps[slug] = workspace
	return nil
}

func (p *Platform) hasApp(slug string) bool {
	_, published := p.apps[slug]
	return published || slices.Contains(p.opts.Apps, slug)
}
