// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
)

const (
	startedEvent   = "workspaces.bulkImport.started"
	progressEvent  = "workspaces.bulkImport.progress"
	completedEvent = "workspaces.bulkImport.completed"
)

// bulk is a bulk import. It holds the lock.
type bulk struct {
	pod           *Pod
	life          context.Context
	in            pullBody
	workspaces    []Workspace
	correlationID string
	lock          *lock
	entry         int // index in ledger.Bulks
	begin         time.Time

	done   chan struct{}
	report object // set at the end; nil if the pod was killed
}

// result is the result for one workspace.
type result struct {
	Workspace
	outcome Outcome
	created bool
	took    time.Duration
	errors  []object
	// imported is the number of files, and deleted lists paths.
	imported int
	deleted  []string
}

// startBulk takes the lock and starts the import in the background. It returns nil if the lock is
// held.
func (pod *Pod) startBulk(in pullBody, workspaces []Workspace, correlationID string) *bulk {
	p := pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod.state.killed {
		return nil
	}
	l := p.acquireLock(cmp.Or(pod.Name, "api"), "pull_in_progress")
	if l == nil {
		return nil
	}
	b := &bulk{pod: pod, life: pod.state.life, in: in, workspaces: workspaces, correlationID: correlationID, lock: l,
		entry: len(p.ledger.Bulks), begin: l.at, done: make(chan struct{})}
	p.ledger.Bulks = append(p.ledger.Bulks, Bulk{CorrelationID: correlationID, Pod: pod.Name, Groups: in.Groups,
		Force: in.Force, Begin: l.at})
	slugs := []object{}
	for _, w := range workspaces {
		slugs = append(slugs, object{"slug": w.Slug})
	}
	p.emit(pod, startedEvent, correlationID, object{"repositoryId": in.Repository.ID, "groups": in.Groups,
		"workspaces": slugs})
	pod.work.Go(b.importAll)
	return b
}

// importAll imports the workspaces one by one. A killed pod stops midway and leaves the lock.
func (b *bulk) importAll() {
	defer close(b.done)
	var results []result
	for i, w := range b.workspaces {
		r := b.importOne(w)
		if r.outcome == Killed {
			b.finishImport(Killed, nil)
			return
		}
		results = append(results, r)
		b.emitProgress(r, i+1)
	}
	b.finishImport("", b.buildReport(results))
}

// importOne applies the skip rule, otherwise it replaces the workspace (platform contract §1.2).
func (b *bulk) importOne(w Workspace) result {
	p, begin := b.pod.platform, time.Now()
	p.mu.Lock()
	old := p.findInstalled(w)
	if old != nil && p.isUpToDate(old.Version, w.Version) && !b.in.Force {
		p.mu.Unlock()
		return result{Workspace: w, outcome: Skipped}
	}
	message, broken := p.nextFailure(w.Slug)
	entry := len(p.ledger.Imports)
	p.ledger.Imports = append(p.ledger.Imports, Import{Bulk: b.entry, Pod: b.pod.Name, Slug: w.Slug, Version: w.Version,
		Begin: begin})
	p.mu.Unlock()

	r := result{Workspace: w, outcome: Imported, created: old == nil}
	switch {
	case !p.simulateWork(b.life, w.Slug):
		r.outcome = Killed
	case broken:
		r.outcome = Failed
		class, text := splitFailure(message)
		r.errors = []object{{"msg": text, "err": object{"error": class, "message": text}}}
	}
	r.took = time.Since(begin)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.outcome != Killed {
		b.importContent(&r)
		p.storeVersion(w, b.in.Repository.ID, r.outcome == Imported || p.opts.VersionAfterFailure)
	}
	p.ledger.Imports[entry].End = time.Now()
	p.ledger.Imports[entry].Outcome = r.outcome
	return r
}

// className matches the error class at the start of a message of [Platform.Fail].
var className = regexp.MustCompile(`^([A-Z][a-z]+(?:[A-Z][a-z]+)+): (.+)$`)

// splitFailure splits an error into class and text, as the service reports them.
func splitFailure(message string) (class, text string) {
	if named := className.FindStringSubmatch(message); named != nil {
		return named[1], named[2]
	}
	switch {
	case strings.Contains(strings.ToLower(message), "slug"):
		return "SlugAlreadyInUse", message
	case strings.Contains(message, "Missing"):
		return "MissingFieldError", message
	}
	return "PrismeError", message
}

// importContent imports files like a pull, as far as the release has content. Files that fail, or
// whose path differs from where they are stored, are deleted. The caller holds mu.
func (b *bulk) importContent(r *result) {
	r.imported = r.Files
	if r.Content == nil || r.outcome != Imported {
		return
	}
	p := b.pod.platform
	target := p.findInstalled(r.Workspace)
	if target == nil {
		target = p.createInstalled(r.Name, r.Slug)
		target.ID = cmp.Or(r.ID, r.Slug)
	}
	run := p.newImport(target, true, false)
	run.v27 = true // earlier versions lack bulk imports
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(r.Content)) {
		entries = append(entries, entry{r.Slug + "/" + name, r.Content[name]})
	}
	report, err := run.importFiles(entries)
	if err != nil {
		report = object{"errors": []object{{"msg": err.Error(), "err": asException(err).encodeObject()}}}
	}
	r.imported = len(run.imported)
	r.deleted = run.deleted
	r.errors, _ = report["errors"].([]object)
	if len(r.errors) > 0 {
		r.outcome = Failed
	}
	if report["workspace"] != nil {
		p.emitIn(b.pod, target.ID, importedEvent, b.correlationID, newImportedPayload(report))
	}
}

// findInstalled returns the workspace of a directory, or nil. It finds a renamed workspace by its ID. The
// caller holds mu.
func (p *Platform) findInstalled(w Workspace) *Installed {
	if found := p.installed[w.Slug]; found != nil || w.ID == "" {
		return found
	}
	return p.findWorkspace(w.ID)
}

// isUpToDate implements the skip rule. The caller holds mu.
func (p *Platform) isUpToDate(installed, version string) bool {
	return version != "" && (installed == version || p.opts.SkipNewer && installed > version)
}

// storeVersion writes to the database, including the version if counts is true. The caller holds mu.
func (p *Platform) storeVersion(w Workspace, repositoryID string, counts bool) {
	next := Installed{ID: cmp.Or(w.ID, w.Slug), Slug: w.Slug, Name: w.Name, RepositoryID: repositoryID,
		PulledAt: time.Now()}
	if old := p.findInstalled(w); old != nil { // it keeps its ID, and may have got another slug
		next.ID = old.ID
		next.Slug = old.Slug
		next.Version = old.Version
	}
	if counts {
		next.Version = w.Version
	}
	p.installed[next.Slug] = &next
}

// sleep waits for d. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	return backoff.Sleep(ctx, d) == nil && ctx.Err() == nil
}

func (b *bulk) emitProgress(r result, current int) {
	total := len(b.workspaces)
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit(b.pod, progressEvent, b.correlationID, object{
		"repositoryId": b.in.Repository.ID, "workspaceSlug": r.Slug, "workspaceId": r.ID, "workspaceName": r.Name,
		"status": string(r.outcome), "duration": r.took.Milliseconds(), "errors": r.listErrors(),
		"importedFilesCount": r.countImported(), "deletedFilesCount": len(r.deleted),
		"current": current, "total": total, "percentage": 100 * current / total,
	})
}

func (r *result) countImported() int {
	if r.outcome == Imported || r.Content != nil {
		return r.imported
	}
	return 0
}

func (r *result) listErrors() []object { return append([]object{}, r.errors...) }

// buildReport builds the report (platform contract §1.3, shape B).
func (b *bulk) buildReport(results []result) object {
	ids := map[string][]string{"created": {}, "updated": {}, "skipped": {}}
	workspaces, errs, files, deleted := []object{}, []object{}, 0, 0
	for _, r := range results {
		kind := "updated"
		switch {
		case r.outcome == Skipped:
			kind = "skipped"
		case r.created:
			kind = "created"
		}
		ids[kind] = append(ids[kind], cmp.Or(r.ID, r.Slug))
		files += r.countImported()
		deleted += len(r.deleted)
		for _, e := range r.errors {
			errs = append(errs, object{"error": "ImportError", "message": e["msg"], "details": object{"slug": r.Slug}})
		}
		workspaces = append(workspaces, r.reportWorkspace(b.pod.platform.opts.NameDeleted))
	}
	if b.pod.platform.opts.ErrorsInWorkspacesOnly {
		errs = []object{}
	}
	return object{"repositoryId": b.in.Repository.ID, "groups": b.in.Groups,
		"duration": time.Since(b.begin).Milliseconds(), "errors": errs,
		"createdWorkspaceIds": ids["created"], "updatedWorkspaceIds": ids["updated"], "skippedWorkspaceIds": ids["skipped"],
		"importedFilesCount": files, "deletedFilesCount": deleted, "workspaces": workspaces}
}

// reportWorkspace returns the entry in a report.
func (r *result) reportWorkspace(nameDeleted bool) object {
	w := object{"slug": r.Slug, "workspaceId": r.ID, "name": r.Name, "version": r.Version, "status": string(r.outcome),
		"errors":             r.listErrors(),
		"importedFilesCount": r.countImported(), "deletedFilesCount": len(r.deleted), "duration": r.took.Milliseconds()}
	if nameDeleted {
		w["deleted"] = append([]string{}, r.deleted...)
	}
	return w
}

// finishImport closes the ledger entry. Unless the pod was killed it emits the event and releases the
// lock.
func (b *bulk) finishImport(outcome Outcome, report object) {
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	if report != nil {
		outcome = Imported
		for _, i := range p.ledger.Imports {
			if i.Bulk == b.entry && i.Outcome == Failed {
				outcome = Failed
			}
		}
		p.emit(b.pod, completedEvent, b.correlationID, report)
		p.releaseLock(b.lock, false)
	}
	b.report = report
	p.ledger.Bulks[b.entry].End, p.ledger.Bulks[b.entry].Outcome = time.Now(), outcome
}
