// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"slices"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// defaultSecurity is the security.yml of a new workspace.
const defaultSecurity = "authorizations:\n  roles:\n    editor: {}\n  rules:\n    - role: editor\n" +
	"      action: [read, update]\n      subject: workspaces\n"

// createInstalled creates a workspace. If slug is empty it gets a random one. The caller holds mu.
func (p *Platform) createInstalled(name, slug string) *Installed {
	if slug == "" {
		p.serial++
		slug = fmt.Sprintf("%s-%s-%d", []string{"quick", "dry", "lazy"}[p.serial%3],
			[]string{"fox", "eel", "ape"}[p.serial/3%3], p.serial)
	}
	w := &Installed{ID: p.nextID("new"), Slug: slug, Name: name}
	index := jsvalue.NewMapping()
	index.Set("name", jsvalue.NewText(name))
	index.Set("slug", jsvalue.NewText(slug))
	index.Set("id", jsvalue.NewText(w.ID))
	p.installed[slug] = w
	p.content[slug] = map[string]string{"index.yml": jsvalue.Dump(index), "security.yml": defaultSecurity}
	return w
}

// renameWorkspace changes the slug of a workspace. The caller holds mu.
func (p *Platform) renameWorkspace(w *Installed, slug string) {
	if w.Slug == slug {
		return
	}
	p.content[slug] = p.content[w.Slug]
	p.secrets[slug] = p.secrets[w.Slug]
	delete(p.installed, w.Slug)
	delete(p.content, w.Slug)
	delete(p.secrets, w.Slug)
	w.Slug = slug
	p.installed[slug] = w
}

// describeWorkspace returns the representation of a workspace. The caller holds mu.
func (p *Platform) describeWorkspace(w *Installed) object {
	detail := object{"id": w.ID, "slug": w.Slug, "name": w.Name}
	for _, pair := range parseStored(p.content[w.Slug], "index.yml").Pairs {
		detail[pair.Key] = encodePlain(pair.Value, 0)
	}
	detail["id"] = w.ID
	detail["slug"] = w.Slug
	return detail
}

// maxNesting limits the depth of encoded values.
const maxNesting = 100

// encodePlain converts a value to JSON.
func encodePlain(v *jsvalue.Value, depth int) any {
	if v.IsNull() || depth > maxNesting {
		return nil
	}
	switch v.Kind {
	case jsvalue.Bool:
		return v.Bool
	case jsvalue.Number:
		if math.IsInf(v.Number, 0) || math.IsNaN(v.Number) {
			return nil
		}
		return v.Number
	case jsvalue.Sequence:
		items := []any{}
		for _, item := range v.Items {
			items = append(items, encodePlain(item, depth+1))
		}
		return items
	case jsvalue.Mapping:
		pairs := object{}
		for _, pair := range v.Pairs {
			pairs[pair.Key] = encodePlain(pair.Value, depth+1)
		}
		return pairs
	}
	return v.String()
}

// workspaceName matches valid names of the API.
var workspaceName = regexp.MustCompile(`^[0-9A-Za-zÀ-ÖØ-öø-ÿ ,.'\- ]{1,60}$`)

// rejectInvalid rejects a request that does not match the specification.
func (p *Platform) rejectInvalid(w http.ResponseWriter, format string, args ...any) {
	p.writeError(w, http.StatusBadRequest, "RequestValidationError", fmt.Sprintf(format, args...), []object{})
}

// readObject reads a JSON object.
func readObject(w http.ResponseWriter, r *http.Request) (object, error) {
	var in object
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	return in, err
}

// serveCreate serves POST /v2/workspaces.
func (p *Platform) serveCreate(w http.ResponseWriter, r *http.Request) {
	in, err := readObject(w, r)
	name, _ := in["name"].(string)
	slug, _ := in["slug"].(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil || !workspaceName.MatchString(name):
		p.rejectInvalid(w, "request.body.name should match pattern")
	case slug != "" && !workspaceSlug.MatchString(slug):
		p.writeError(w, http.StatusBadRequest, "InvalidSlugError", asException(newSlugError(slug)).message, nil)
	case p.installed[slug] != nil:
		p.writeError(w, http.StatusBadRequest, "AlreadyUsedError", "Workspace slug '"+slug+"' is already used", nil)
	case p.opts.LoseSlugs:
		writeJSON(w, http.StatusOK, p.describeWorkspace(p.createInstalled(name, "")))
	default:
		writeJSON(w, http.StatusOK, p.describeWorkspace(p.createInstalled(name, slug)))
	}
}

// serveDetail serves GET /v2/workspaces/{id}.
func (p *Platform) serveDetail(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.findWorkspace(r.PathValue("id"))
	if found == nil {
		p.rejectMissing(w, r.PathValue("id"))
		return
	}
	writeJSON(w, http.StatusOK, p.describeWorkspace(found))
}

// servePatch serves PATCH /v2/workspaces/{id} for customDomains.
func (p *Platform) servePatch(w http.ResponseWriter, r *http.Request) {
	in, err := readObject(w, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.findWorkspace(r.PathValue("id"))
	domains, ok := in["customDomains"].([]any)
	switch {
	case found == nil:
		p.rejectMissing(w, r.PathValue("id"))
		return
	case err != nil || !ok:
		p.rejectInvalid(w, "request.body.customDomains should be array")
		return
	}
	list := jsvalue.NewSequence()
	for _, domain := range domains {
		list.Items = append(list.Items, jsvalue.NewText(fmt.Sprint(domain)))
	}
	index := parseStored(p.content[found.Slug], "index.yml")
	index.Set("customDomains", list)
	p.content[found.Slug]["index.yml"] = jsvalue.Dump(index)
	writeJSON(w, http.StatusOK, p.describeWorkspace(found))
}

// rejectMissing responds that the platform has no such workspace. The response differs from that for an
// unknown path.
func (p *Platform) rejectMissing(w http.ResponseWriter, id string) {
	p.writeError(w, http.StatusNotFound, "ObjectNotFoundError", "Could not find workspaces with filter '"+id+"'",
		object{"id": id})
}

// allowParameters rejects query parameters that are not in the specification.
func (p *Platform) allowParameters(h http.HandlerFunc, names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name := range r.URL.Query() {
			if !slices.Contains(names, name) {
				p.rejectInvalid(w, "Unknown query parameter '%s'", name)
				return
			}
		}
		h(w, r)
	}
}
