// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const isoTime = "2006-01-02T15:04:05.000Z"

func formatISO(t time.Time) string { return t.UTC().Format(isoTime) }

func hasSuffix(path, end string) bool {
	return strings.HasPrefix(path, "/v2/workspaces/") && strings.HasSuffix(path, end)
}

// servePlatform serves GET /v2/workspaces/platform.
func (pod *Pod) servePlatform(w http.ResponseWriter, _ *http.Request) {
	p := pod.platform
	body := object{"id": "platform", "slug": "platform", "name": "Platform", "platformRepositories": object{
		pod.release.ID: object{"name": pod.release.Name, "type": "filesystem", "mode": "read-only",
			"groups": pod.release.Groups()},
	}}
	p.mu.Lock()
	if l := p.heldLock(); l != nil {
		body["writeLock"] = object{"lockedAt": formatISO(l.at), "lockedBy": l.by, "reason": l.reason}
	}
	p.mu.Unlock()
	writeJSON(w, http.StatusOK, body)
}

// serveWorkspaces serves GET /v2/workspaces (platform contract §1.8). Its order is that of the last
// change, like in a database that moves what it changes: the platform documents none.
func (p *Platform) serveWorkspaces(w http.ResponseWriter, r *http.Request) {
	limit := parseNumber(r, "limit", 20)
	if p.opts.PageCap > 0 {
		limit = min(limit, p.opts.PageCap)
	}
	slug, page := r.URL.Query().Get("slug"), []object{}
	all := slices.DeleteFunc(p.Installed(), func(i Installed) bool { return slug != "" && i.Slug != slug })
	slices.SortStableFunc(all, func(a, b Installed) int { return a.PulledAt.Compare(b.PulledAt) })
	for _, i := range cutPage(all, parseNumber(r, "page", 0), limit) {
		item := object{"id": i.ID, "slug": i.Slug, "name": i.Name, "dirty": i.Edited}
		if i.Version != "" && !p.opts.HideLastPull {
			item["lastPull"] = object{"version": i.Version, "repositoryId": i.RepositoryID, "createdAt": formatISO(i.PulledAt)}
		}
		page = append(page, item)
	}
	writeJSON(w, http.StatusOK, page)
}

// parseNumber parses a query parameter. It returns the default for anything but a number from 0.
func parseNumber(r *http.Request, name string, def int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 || n > 1e6 {
		return def
	}
	return n
}

// cutPage returns a page, counted from 0.
func cutPage[T any](all []T, page, limit int) []T {
	from := min(page*limit, len(all))
	return all[from:min(from+limit, len(all))]
}

// serveStatus serves GET /v2/workspaces/{id}/status.
func (p *Platform) serveStatus(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	all := p.Installed()
	at := slices.IndexFunc(all, func(i Installed) bool { return i.ID == id || i.Slug == id })
	if p.opts.NoStatus {
		rejectUnknownRoute(w, r)
		return
	}
	if at < 0 {
		p.rejectMissing(w, id)
		return
	}
	changes := []object{}
	if all[at].Edited {
		changes = append(changes, object{"type": "automations", "slug": "edited",
			"currentChecksum":  "0cc175b9c0f1b6a831c399e269772661",
			"expectedChecksum": "92eb5ffee6ae2fec3ad71c777531578f", "updatedAt": formatISO(time.Now()), "updatedBy": "somebody"})
	}
	writeJSON(w, http.StatusOK, object{"version": object{"type": "import", "importedAt": formatISO(all[at].PulledAt)},
		"errors": []object{}, "changes": changes})
}

// SetSecret stores a secret of the workspace with the slug.
func (p *Platform) SetSecret(slug, name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.secrets[slug] == nil {
		p.secrets[slug] = object{}
	}
	p.secrets[slug][name] = object{"value": value, "description": "set by a person"}
}

// serveSecrets serves GET /v2/workspaces/{id}/security/secrets (platform contract §12).
func (p *Platform) serveSecrets(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	all := p.Installed()
	at := slices.IndexFunc(all, func(i Installed) bool { return i.ID == id })
	if at < 0 {
		p.rejectMissing(w, id)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	stored := p.secrets[all[at].Slug]
	if stored == nil {
		stored = object{}
	}
	writeJSON(w, http.StatusOK, stored)
}
