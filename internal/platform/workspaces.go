// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Repository is a platform repository known to the responding service.
type Repository struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Mode   string   `json:"mode"`
	Groups []string `json:"groups"`
}

// MergeConflict is the reason of a lock that never expires (platform contract §1.5).
const MergeConflict = "merge_conflict"

// WriteLock is the lock of a running change of a workspace (platform contract §1.5).
type WriteLock struct {
	LockedAt time.Time
	LockedBy string
	Reason   string
}

// Equal reports whether two locks are the same.
func (l *WriteLock) Equal(other *WriteLock) bool {
	return l.LockedAt.Equal(other.LockedAt) && l.LockedBy == other.LockedBy && l.Reason == other.Reason
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *WriteLock) UnmarshalJSON(data []byte) error {
	var in struct {
		LockedAt moment  `json:"lockedAt"`
		LockedBy lenient `json:"lockedBy"`
		Reason   lenient `json:"reason"`
	}
	err := json.Unmarshal(data, &in)
	*l = WriteLock{LockedAt: in.LockedAt.Time, LockedBy: string(in.LockedBy), Reason: string(in.Reason)}
	return err
}

// RootWorkspace is the workspace named platform, to which bulk operations belong.
type RootWorkspace struct {
	Meta         `json:"-"`
	ID           string                `json:"id"`
	Slug         string                `json:"slug"`
	Repositories map[string]Repository `json:"platformRepositories"`
	// Lock is nil if no bulk operation is running in the cluster.
	Lock *WriteLock `json:"writeLock"`
}

// UnmarshalJSON implements [json.Unmarshaler]. It rejects objects that are not a workspace.
func (w *RootWorkspace) UnmarshalJSON(data []byte) error {
	type plain RootWorkspace
	if err := json.Unmarshal(data, (*plain)(w)); err != nil {
		return err
	}
	if w.ID == "" && w.Slug == "" && w.Repositories == nil {
		return errShape
	}
	return nil
}

// Platform returns the workspace platform. The response of a pod proves that the pod accepts the
// identity, and shows which release it carries.
func (c *Client) Platform(ctx context.Context) (RootWorkspace, error) {
	var w RootWorkspace
	meta, err := c.doRequest(ctx, call{op: OpWorkspace, method: http.MethodGet, path: "/v2/workspaces/platform"}, &w)
	w.Meta = meta
	return w, err
}

// Installed is a workspace of the platform.
type Installed struct {
	ID, Slug, Name string
	// Dirty is nil if the platform does not report it.
	Dirty *bool
	// LastPull is nil if the platform does not report it, or there was none.
	LastPull *InstalledVersion
}

// InstalledVersion is the imported version of a workspace.
type InstalledVersion struct {
	Version      string
	RepositoryID string
	CreatedAt    time.Time
}

// UnmarshalJSON implements [json.Unmarshaler].
func (w *Installed) UnmarshalJSON(data []byte) error {
	var in struct {
		ID       lenient           `json:"id"`
		Slug     lenient           `json:"slug"`
		Name     lenient           `json:"name"`
		Dirty    *bool             `json:"dirty"`
		LastPull *InstalledVersion `json:"lastPull"`
	}
	err := json.Unmarshal(data, &in)
	*w = Installed{
		ID:       string(in.ID),
		Slug:     string(in.Slug),
		Name:     string(in.Name),
		Dirty:    in.Dirty,
		LastPull: in.LastPull,
	}
	return err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *InstalledVersion) UnmarshalJSON(data []byte) error {
	var in struct {
		Version      lenient `json:"version"`
		RepositoryID lenient `json:"repositoryId"`
		CreatedAt    moment  `json:"createdAt"`
	}
	err := json.Unmarshal(data, &in)
	*v = InstalledVersion{
		Version:      string(in.Version),
		RepositoryID: string(in.RepositoryID),
		CreatedAt:    in.CreatedAt.Time,
	}
	return err
}

const (
	workspacesPage = 100
	// maxWorkspacePages bounds a list that never ends.
	maxWorkspacePages = 1000
	// maxListReads bounds the reads of a list that changes while it is read.
	maxListReads = 3
)

// Workspaces lists the workspaces that the caller may see.
//
// The platform documents no order, and a database without one moves what is changed. If a workspace
// moves to a later page while the list is read, another one moves to a page that was read before.
// Workspaces then reads the list again, at most maxListReads times. If the list still changes, the
// result has the workspaces of all reads.
func (c *Client) Workspaces(ctx context.Context) ([]Installed, Meta, error) {
	var list workspaceList
	for range maxListReads {
		earlier := list.all
		list = workspaceList{known: map[string]bool{}}
		if err := c.readWorkspaces(ctx, &list); err != nil {
			return nil, list.meta, err
		}
		if !list.moved {
			break
		}
		list.add(earlier)
	}
	return list.all, list.meta, nil
}

// workspaceList is a list of workspaces that is read page by page.
type workspaceList struct {
	all   []Installed
	known map[string]bool // by ID
	meta  Meta            // of the last response
	moved bool            // a workspace was on two pages
}

// add appends the workspaces that are not in the list yet and returns their number.
func (l *workspaceList) add(page []Installed) (fresh int) {
	for _, w := range page {
		id := cmp.Or(w.ID, w.Slug)
		if !l.known[id] {
			l.known[id] = true
			fresh++
			l.all = append(l.all, w)
		}
	}
	return fresh
}

// readWorkspaces reads pages until one is shorter than the first or repeats it, because the platform
// may cap the page size or ignore pages.
func (c *Client) readWorkspaces(ctx context.Context, list *workspaceList) (err error) {
	first := 0
	for page := range maxWorkspacePages {
		var got []Installed
		query := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(workspacesPage)}}
		k := call{op: OpWorkspaces, method: http.MethodGet, path: "/v2/workspaces", query: query}
		list.meta, err = c.doRequest(ctx, k, &got)
		if err != nil {
			return err
		}
		if page == 0 {
			first = len(got)
		}
		fresh := list.add(got)
		if fresh == 0 && len(got) >= first {
			return nil
		}
		list.moved = list.moved || fresh < len(got)
		if len(got) < first {
			return nil
		}
	}
	return &Error{Op: OpWorkspaces, Class: ClassMalformed, Sent: true,
		Message: fmt.Sprintf("the list of workspaces does not end within %d pages", maxWorkspacePages)}
}

// WorkspaceStatus is the platform's own comparison of a workspace's content with what was imported
// (platform contract §1.8).
type WorkspaceStatus struct {
	Meta
	// ImportedAt is the time of the import, or zero if the content was not imported.
	ImportedAt time.Time
	Errors     []Problem
	Changes    []Change
}

// Change is a file of a workspace that differs from the imported one.
type Change struct {
	Type, Slug        string
	Current, Expected string // checksums
	UpdatedAt         time.Time
	UpdatedBy         string
}

// WorkspaceStatus returns the status of the workspace with the given ID.
func (c *Client) WorkspaceStatus(ctx context.Context, id string) (WorkspaceStatus, error) {
	var s WorkspaceStatus
	meta, err := c.doRequest(ctx, call{op: OpStatus, method: http.MethodGet,
		path: "/v2/workspaces/" + url.PathEscape(id) + "/status"}, &s)
	s.Meta = meta
	return s, err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *WorkspaceStatus) UnmarshalJSON(data []byte) error {
	var in struct {
		Version struct {
			ImportedAt moment `json:"importedAt"`
		} `json:"version"`
		Errors  []Problem `json:"errors"`
		Changes []struct {
			Type      lenient `json:"type"`
			Slug      lenient `json:"slug"`
			Current   lenient `json:"currentChecksum"`
			Expected  lenient `json:"expectedChecksum"`
			UpdatedAt moment  `json:"updatedAt"`
			UpdatedBy lenient `json:"updatedBy"`
		} `json:"changes"`
	}
	err := json.Unmarshal(data, &in)
	*s = WorkspaceStatus{ImportedAt: in.Version.ImportedAt.Time, Errors: in.Errors}
	for _, c := range in.Changes {
		s.Changes = append(s.Changes, Change{
			Type:      string(c.Type),
			Slug:      string(c.Slug),
			Current:   string(c.Current),
			Expected:  string(c.Expected),
			UpdatedAt: c.UpdatedAt.Time,
			UpdatedBy: string(c.UpdatedBy),
		})
	}
	return err
}

// SecretNames returns the sorted names of the secrets that are stored for the workspace with the
// given ID (platform contract §12). It does not decode their values, which the platform may
// include.
func (c *Client) SecretNames(ctx context.Context, id string) ([]string, error) {
	var stored map[string]ignored
	path := "/v2/workspaces/" + url.PathEscape(id) + "/security/secrets"
	_, err := c.doRequest(ctx, call{op: OpSecrets, method: http.MethodGet, path: path}, &stored)
	return slices.Sorted(maps.Keys(stored)), err
}

// ignored decodes any JSON value to nothing.
type ignored struct{}

// UnmarshalJSON implements [json.Unmarshaler].
func (*ignored) UnmarshalJSON([]byte) error { return nil }
