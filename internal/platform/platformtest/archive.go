// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

const (
	importedEvent = "workspaces.imported"
	// exportFolder is the top-level directory of an export.
	exportFolder = "current"
)

// Install adds a workspace to the database, with the files of a directory that the platform stores.
func (p *Platform) Install(w Installed, files fs.FS) error {
	content := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isDSUL(name) || strings.HasPrefix(d.Name(), ".") {
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

// Content returns the files of a workspace that was added by [Platform.Install] or an archive, by
// path.
func (p *Platform) Content(slug string) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.content[slug])
}

// findWorkspace returns the workspace with an ID or slug, or nil. The caller holds mu.
func (p *Platform) findWorkspace(id string) *Installed {
	for _, w := range p.installed {
		if w.ID == id || w.Slug == id {
			return w
		}
	}
	return nil
}

// serveExport responds with the archive of a workspace (platform contract §12).
func (p *Platform) serveExport(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	found := p.findWorkspace(r.PathValue("id"))
	var files map[string]string
	if found != nil {
		files = maps.Clone(p.content[found.Slug])
	}
	p.mu.Unlock()
	if found == nil {
		p.rejectMissing(w, r.PathValue("id"))
		return
	}
	files[".import.yml"] = p.encodeImportConfig(found)
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := archive.Create(path.Join(exportFolder, name))
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			panic(err) // it writes to memory
		}
	}
	_ = archive.Close() // it writes to memory
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out.Bytes()) // the client may have gone
}

// serveExportAt rejects the export path that the variant lacks.
func (p *Platform) serveExportAt(documented bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch refused := p.opts.ExportByGet; {
		case documented && refused != 0:
			p.writeError(w, refused, "ObjectNotFound", "Unknown path", nil)
		case !documented && refused == 0:
			rejectUnknownRoute(w, r)
		default:
			p.serveExport(w, r)
		}
	}
}

// encodeImportConfig returns the .import.yml of an export. The caller must not hold mu.
func (p *Platform) encodeImportConfig(w *Installed) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	config := jsvalue.NewMapping()
	if p.opts.V27 {
		id := parseStored(p.content[w.Slug], "index.yml").Get("id")
		if id == nil {
			id = jsvalue.NewText(w.ID)
		}
		config.Set("workspaceId", id)
	}
	for slug, owner := range p.apps {
		if owner == w.ID {
			app := jsvalue.NewMapping()
			app.Set("slug", jsvalue.NewText(slug))
			config.Set("app", app)
		}
	}
	return jsvalue.Dump(config)
}

// archiveImport is the import of an archive.
type archiveImport struct {
	pod           *Pod
	id            string // empty for a new workspace
	prune         bool
	entries       []entry
	correlationID string
	done          chan importAnswer
}

// importAnswer is a report, or the error that rejects the import.
type importAnswer struct {
	report object
	err    error
}

// serveArchiveImport serves POST /v2/workspaces/import and /v2/workspaces/{id}/import (platform contract
// §12, §14).
func (pod *Pod) serveArchiveImport(w http.ResponseWriter, r *http.Request) {
	p := pod.platform
	entries, err := readUpload(w, r, p.opts.UploadLimit)
	if limit, ok := errors.AsType[*http.MaxBytesError](err); ok {
		writeJSON(w, http.StatusRequestEntityTooLarge, object{"name": "MulterError", "message": "File too large",
			"code":  "LIMIT_FILE_SIZE",
			"field": "archive", "storageErrors": []object{}, "limit": limit.Limit})
		return
	}
	if err != nil {
		p.writeError(w, http.StatusBadRequest, "BadParameters", err.Error(), nil)
		return
	}
	p.mu.Lock()
	missing := r.PathValue("id") != "" && p.findWorkspace(r.PathValue("id")) == nil
	life := pod.state.life
	p.mu.Unlock()
	if missing {
		p.rejectMissing(w, r.PathValue("id"))
		return
	}
	run := &archiveImport{pod: pod, id: r.PathValue("id"), prune: p.opts.V27 && r.URL.Query().Get("prune") == "true",
		entries:       entries,
		correlationID: r.Header.Get(correlationHeader), done: make(chan importAnswer, 1)}
	pod.work.Go(func() { run.run(life) })
	if p.opts.ArchiveProcessing {
		writeJSON(w, http.StatusOK, object{"processing": true, "message": "Import is still processing"})
		return
	}
	select {
	case answer := <-run.done:
		p.answerImport(w, answer)
	case <-r.Context().Done(): // the client has gone, the import continues
		panic(http.ErrAbortHandler)
	case <-life.Done():
		panic(http.ErrAbortHandler)
	}
}

func (p *Platform) answerImport(w http.ResponseWriter, answer importAnswer) {
	if answer.err == nil {
		writeJSON(w, http.StatusOK, answer.report)
		return
	}
	e := asException(answer.err)
	status := errorStatus(e)
	if status == http.StatusInternalServerError {
		p.writeError(w, status, "Internal", "Internal error", nil)
		return
	}
	p.writeError(w, status, e.class, e.message, nil)
}

// errorStatus returns the status of an error: 404 for missing objects, otherwise 400.
func errorStatus(e *exception) int {
	switch {
	case e.class == "ObjectNotFoundError":
		return http.StatusNotFound
	case e.fields != nil:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// readUpload returns the files of an archive in archive order.
func readUpload(w http.ResponseWriter, r *http.Request, limit int64) ([]entry, error) {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
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
	var entries []entry
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		content, err := fs.ReadFile(archive, f.Name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{f.Name, string(content)})
	}
	return entries, nil
}

// bulkIndexFile is the index file of an archive of several workspaces.
const bulkIndexFile = "bulkExport.json"

// rejectBulkArchive rejects an archive that the service treats as an archive of several workspaces.
func rejectBulkArchive(entries []entry) error {
	if slices.ContainsFunc(entries, func(e entry) bool { return strings.HasSuffix(e.path, bulkIndexFile) }) {
		return newException("PrismeError", "Cant import a bulk archive to specific workspace")
	}
	return nil
}

// run imports after the import time and emits the event.
func (a *archiveImport) run(life context.Context) {
	p := a.pod.platform
	p.mu.Lock()
	slug := a.id
	if w := p.findWorkspace(a.id); w != nil {
		slug = w.Slug
	}
	p.mu.Unlock()
	if !p.simulateWork(life, slug) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := rejectBulkArchive(a.entries); err != nil {
		a.done <- importAnswer{err: err}
		return
	}
	target, created := p.findWorkspace(a.id), a.id == ""
	if created {
		target = p.createInstalled("Import", "")
	}
	if target == nil { // deleted in the meantime
		a.done <- importAnswer{err: newException("ObjectNotFoundError", "Could not find workspaces with filter '%s'", a.id)}
		return
	}
	a.done <- a.importInto(target, created)
}

// importInto imports, and emits an event unless index.yml failed. The caller holds mu.
func (a *archiveImport) importInto(target *Installed, created bool) importAnswer {
	p := a.pod.platform
	run := p.newImport(target, false, a.prune)
	run.failNext(target.Slug)
	report, err := run.importFiles(a.entries)
	if err != nil {
		return importAnswer{err: err}
	}
	if report["workspace"] == nil {
		return importAnswer{report: report}
	}
	if p.opts.V27 {
		report["deleted"] = append([]string{}, run.deleted...)
		report[map[bool]string{true: "createdWorkspaceIds", false: "updatedWorkspaceIds"}[created]] = []string{target.ID}
	}
	if !p.opts.DropImported {
		p.emitIn(a.pod, target.ID, importedEvent, a.correlationID, newImportedPayload(report))
	}
	return importAnswer{report: report}
}

// newImportedPayload returns the event payload of an import.
func newImportedPayload(report object) object {
	payload := object{"workspace": report["workspace"], "files": report["imported"], "errors": report["errors"]}
	if deleted, ok := report["deleted"]; ok {
		payload["deleted"] = deleted
	}
	return payload
}
