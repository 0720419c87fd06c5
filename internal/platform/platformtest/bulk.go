// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"cmp"
	"context"
	"time"
)

const (
	startedEvent   = "workspaces.bulkImport.started"
	progressEvent  = "workspaces.bulkImport.progress"
	completedEvent = "workspaces.bulkImport.completed"
)

// bulk is a bulk import that holds the lock.
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
	report object // once done; nil when the pod was killed
}

// result of one workspace.
type result struct {
	Workspace
	outcome Outcome
	created bool
	took    time.Duration
	errors  []object
}

// startBulk takes the lock and imports in the background; nil when the lock is held.
func (pod *Pod) startBulk(in pullBody, workspaces []Workspace, correlationID string) *bulk {
	p := pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod.state.killed {
		return nil
	}
	l := p.acquire(cmp.Or(pod.Name, "api"), "pull_in_progress")
	if l == nil {
		return nil
	}
	b := &bulk{pod: pod, life: pod.state.life, in: in, workspaces: workspaces, correlationID: correlationID, lock: l,
		entry: len(p.ledger.Bulks), begin: l.at, done: make(chan struct{})}
	p.ledger.Bulks = append(p.ledger.Bulks, Bulk{CorrelationID: correlationID, Pod: pod.Name, Groups: in.Groups, Force: in.Force, Begin: l.at})
	slugs := []object{}
	for _, w := range workspaces {
		slugs = append(slugs, object{"slug": w.Slug})
	}
	p.emit(pod, startedEvent, correlationID, object{"repositoryId": in.Repository.ID, "groups": in.Groups, "workspaces": slugs})
	pod.work.Go(b.run)
	return b
}

// run imports one workspace after the other. A killed pod stops in the middle
// and leaves the lock.
func (b *bulk) run() {
	defer close(b.done)
	var results []result
	for i, w := range b.workspaces {
		r := b.importOne(w)
		if r.outcome == Killed {
			b.finish(Killed, nil)
			return
		}
		results = append(results, r)
		b.progress(r, i+1)
	}
	b.finish("", b.makeReport(results))
}

// importOne applies the skip rule, else replaces the workspace (contract §1.2).
func (b *bulk) importOne(w Workspace) result {
	p, begin := b.pod.platform, time.Now()
	p.mu.Lock()
	old := p.installed[w.Slug]
	if old != nil && p.upToDate(old.Version, w.Version) && !b.in.Force {
		p.mu.Unlock()
		return result{Workspace: w, outcome: Skipped}
	}
	message, broken := p.broken(w.Slug)
	entry := len(p.ledger.Imports)
	p.ledger.Imports = append(p.ledger.Imports, Import{Bulk: b.entry, Pod: b.pod.Name, Slug: w.Slug, Version: w.Version, Begin: begin})
	p.mu.Unlock()

	r := result{Workspace: w, outcome: Imported, created: old == nil}
	switch {
	case !p.work(b.life, w.Slug):
		r.outcome = Killed
	case broken:
		r.outcome, r.errors = Failed, []object{{"msg": message, "err": object{"error": "SlugAlreadyInUse", "message": message}}}
	}
	r.took = time.Since(begin)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.Imports[entry].End, p.ledger.Imports[entry].Outcome = time.Now(), r.outcome
	if r.outcome != Killed {
		p.store(w, b.in.Repository.ID, r.outcome == Imported || p.opts.VersionAfterFailure)
	}
	return r
}

// upToDate is the skip rule. The caller holds mu.
func (p *Platform) upToDate(installed, version string) bool {
	return version != "" && (installed == version || p.opts.SkipNewer && installed > version)
}

// store writes to the database; the version only if the import counts. The caller holds mu.
func (p *Platform) store(w Workspace, repositoryID string, counts bool) {
	next := Installed{ID: cmp.Or(w.ID, w.Slug), Slug: w.Slug, Name: w.Name, RepositoryID: repositoryID, PulledAt: time.Now()}
	if old := p.installed[w.Slug]; old != nil {
		next.ID, next.Version = old.ID, old.Version // an existing workspace keeps its id
	}
	if counts {
		next.Version = w.Version
	}
	p.installed[w.Slug] = &next
}

// sleep reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (b *bulk) progress(r result, current int) {
	total := len(b.workspaces)
	p := b.pod.platform
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit(b.pod, progressEvent, b.correlationID, object{
		"repositoryId": b.in.Repository.ID, "workspaceSlug": r.Slug, "workspaceId": r.ID, "workspaceName": r.Name,
		"status": string(r.outcome), "duration": r.took.Milliseconds(), "errors": r.errorList(),
		"importedFilesCount": r.imported(), "deletedFilesCount": 0,
		"current": current, "total": total, "percentage": 100 * current / total,
	})
}

func (r *result) imported() int {
	if r.outcome == Imported {
		return r.Files
	}
	return 0
}

func (r *result) errorList() []object { return append([]object{}, r.errors...) }

// makeReport builds shape B (contract §1.3).
func (b *bulk) makeReport(results []result) object {
	ids := map[string][]string{"created": {}, "updated": {}, "skipped": {}}
	workspaces, errs, files := []object{}, []object{}, 0
	for _, r := range results {
		kind := "updated"
		switch {
		case r.outcome == Skipped:
			kind = "skipped"
		case r.created:
			kind = "created"
		}
		ids[kind] = append(ids[kind], cmp.Or(r.ID, r.Slug))
		files += r.imported()
		for _, e := range r.errors {
			errs = append(errs, object{"error": "ImportError", "message": e["msg"], "details": object{"slug": r.Slug}})
		}
		workspaces = append(workspaces, object{"slug": r.Slug, "workspaceId": r.ID, "name": r.Name, "version": r.Version,
			"status": string(r.outcome), "errors": r.errorList(), "importedFilesCount": r.imported(), "duration": r.took.Milliseconds()})
	}
	if b.pod.platform.opts.ErrorsInWorkspacesOnly {
		errs = []object{}
	}
	return object{"repositoryId": b.in.Repository.ID, "groups": b.in.Groups, "duration": time.Since(b.begin).Milliseconds(), "errors": errs,
		"createdWorkspaceIds": ids["created"], "updatedWorkspaceIds": ids["updated"], "skippedWorkspaceIds": ids["skipped"],
		"importedFilesCount": files, "deletedFilesCount": 0, "workspaces": workspaces}
}

// finish closes the ledger's entry, and unless killed tells the end and frees the lock.
func (b *bulk) finish(outcome Outcome, report object) {
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
		p.release(b.lock, false)
	}
	b.report = report
	p.ledger.Bulks[b.entry].End, p.ledger.Bulks[b.entry].Outcome = time.Now(), outcome
}
