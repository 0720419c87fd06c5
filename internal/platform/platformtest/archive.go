// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	importedEvent = "workspaces.imported"
	// maxUpload bounds the archive of an import, in bytes.
	maxUpload = 100 << 20
	// exportFolder is the directory that the platform puts all of an export into.
	exportFolder = "current"
)

// Install puts a workspace into the database, with the files of a directory.
func (p *Platform) Install(w Installed, files fs.FS) error {
	content := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		content[name] = string(data)
		return err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.installed[w.Slug], p.content[w.Slug] = &w, content
	return err
}

// Content returns the files of a workspace that came by [Platform.Install] or an
// archive, by path.
func (p *Platform) Content(slug string) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.content[slug])
}

// known returns the workspace with an id or slug, nil if there is none. The caller holds mu.
func (p *Platform) known(id string) *Installed {
	for _, w := range p.installed {
		if w.ID == id || w.Slug == id {
			return w
		}
	}
	return nil
}

// export answers with the archive of a workspace (contract §12).
func (p *Platform) export(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	found := p.known(r.PathValue("id"))
	var files map[string]string
	if found != nil {
		files = maps.Clone(p.content[found.Slug])
	}
	p.mu.Unlock()
	if found == nil {
		p.notFound(w, r)
		return
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := archive.Create(path.Join(exportFolder, name))
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			panic(err) // it is in memory
		}
	}
	_ = archive.Close() // likewise
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out.Bytes()) // the client may be gone
}

// exportAt refuses the path of an export that the variant does not have.
func (p *Platform) exportAt(documented bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch refused := p.opts.ExportByGet; {
		case documented && refused != 0:
			p.refuse(w, refused, "ObjectNotFound", "Unknown path", nil)
		case !documented && refused == 0:
			p.notFound(w, r)
		default:
			p.export(w, r)
		}
	}
}

// archiveImport is an import of one workspace.
type archiveImport struct {
	pod           *Pod
	id            string // empty for a new workspace
	prune         bool
	files         map[string]string
	correlationID string
	done          chan object
}

// importArchive answers POST /v2/workspaces/import and /v2/workspaces/{id}/import (contract §12).
func (pod *Pod) importArchive(w http.ResponseWriter, r *http.Request) {
	p := pod.platform
	files, err := uploaded(w, r)
	if err != nil {
		p.refuse(w, http.StatusBadRequest, "BadParameters", err.Error(), nil)
		return
	}
	p.mu.Lock()
	missing := r.PathValue("id") != "" && p.known(r.PathValue("id")) == nil
	life := pod.state.life
	p.mu.Unlock()
	if missing {
		p.notFound(w, r)
		return
	}
	run := &archiveImport{pod: pod, id: r.PathValue("id"), prune: r.URL.Query().Get("prune") == "true", files: files,
		correlationID: r.Header.Get(correlationHeader), done: make(chan object, 1)}
	pod.work.Go(func() { run.run(life) })
	if p.opts.ArchiveProcessing {
		reply(w, http.StatusOK, object{"processing": true, "message": "Import is still processing"})
		return
	}
	select {
	case report := <-run.done:
		reply(w, http.StatusOK, report)
	case <-r.Context().Done(): // the client is gone, the import goes on
		panic(http.ErrAbortHandler)
	case <-life.Done():
		panic(http.ErrAbortHandler)
	}
}

// uploaded returns the files of an archive, without the directory that they are in.
func uploaded(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	file, _, err := r.FormFile("archive")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range archive.File {
		_, name, _ := strings.Cut(f.Name, "/")
		content, err := fs.ReadFile(archive, f.Name)
		if err != nil {
			return nil, err
		}
		files[name] = string(content)
	}
	if _, ok := files["index.yml"]; !ok {
		return nil, errors.New("Missing index.yml") //nolint:staticcheck // as the platform says it
	}
	return files, nil
}

// run imports after a while, and tells.
func (a *archiveImport) run(life context.Context) {
	p := a.pod.platform
	slug := indexSlug(a.files["index.yml"])
	if !p.work(life, slug) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	target, created := p.known(a.id), a.id == ""
	if created {
		target = &Installed{ID: p.nextID("new"), Slug: cmp.Or(p.opts.NewSlug, slug), Name: slug}
		p.installed[target.Slug], p.content[target.Slug] = target, map[string]string{}
	}
	if target == nil { // deleted meanwhile
		a.done <- object{"imported": []string{}, "errors": []object{{"msg": "Workspace is gone"}}}
		return
	}
	report := a.store(target)
	if created {
		report["createdWorkspaceIds"] = []string{target.ID}
	} else {
		report["updatedWorkspaceIds"] = []string{target.ID}
	}
	if !p.opts.DropImported {
		p.emitIn(a.pod, target.ID, importedEvent, a.correlationID, object{"workspace": report["workspace"], "files": report["imported"],
			"deleted": report["deleted"], "errors": report["errors"]})
	}
	a.done <- report
}

// store writes the files, but for one where the workspace fails. The caller holds mu.
func (a *archiveImport) store(target *Installed) object {
	p := a.pod.platform
	content := p.content[target.Slug]
	if content == nil {
		content = map[string]string{}
		p.content[target.Slug] = content
	}
	errs, imported, deleted := []object{}, []string{}, []string{}
	message, broken := p.broken(target.Slug)
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if broken && strings.HasPrefix(name, "automations/") {
			broken = false
			errs = append(errs, object{"msg": "Some error occured while importing a workspace archive", "workspaceId": target.ID,
				"filepath": name, "err": object{"error": "RequestValidationError", "message": message}})
			continue
		}
		content[name] = a.files[name]
		imported = append(imported, name)
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if _, kept := a.files[name]; a.prune && !kept {
			delete(content, name)
			deleted = append(deleted, name)
		}
	}
	target.PulledAt = time.Now()
	return object{"imported": imported, "deleted": deleted, "errors": errs, "workspace": object{"id": target.ID, "slug": target.Slug, "name": target.Name}}
}

// indexSlug returns the slug of an index.yml.
func indexSlug(index string) string {
	for line := range strings.Lines(index) {
		if slug, ok := strings.CutPrefix(line, "slug:"); ok {
			return strings.Trim(strings.TrimSpace(slug), `"'`)
		}
	}
	return "import"
}
