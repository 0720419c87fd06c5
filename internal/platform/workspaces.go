// SPDX-License-Identifier: Apache-2.0

package platform

import (
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

// Repository is a platform repository that the answering service knows.
type Repository struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Mode   string   `json:"mode"`
	Groups []string `json:"groups"`
}

// WriteLock is held by whoever changes a workspace (contract §1.5).
type WriteLock struct {
	LockedAt time.Time
	LockedBy string
	Reason   string
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *WriteLock) UnmarshalJSON(data []byte) error {
	var in struct {
		LockedAt moment  `json:"lockedAt"`
		LockedBy lenient `json:"lockedBy"`
		Reason   lenient `json:"reason"`
	}
	err := json.Unmarshal(data, &in)
	*l = WriteLock{in.LockedAt.Time, string(in.LockedBy), string(in.Reason)}
	return err
}

// PlatformWorkspace is the workspace of which bulk operations are part.
type PlatformWorkspace struct {
	Meta         `json:"-"`
	ID           string                `json:"id"`
	Slug         string                `json:"slug"`
	Repositories map[string]Repository `json:"platformRepositories"`
	// Lock is nil when no bulk operation runs in the cluster.
	Lock *WriteLock `json:"writeLock"`
}

// UnmarshalJSON implements [json.Unmarshaler]. An object that says nothing of a
// workspace is not one.
func (w *PlatformWorkspace) UnmarshalJSON(data []byte) error {
	type plain PlatformWorkspace
	if err := json.Unmarshal(data, (*plain)(w)); err != nil {
		return err
	}
	if w.ID == "" && w.Slug == "" && w.Repositories == nil {
		return errShape
	}
	return nil
}

// Platform returns the workspace platform. Asked of one pod, it proves at once
// that the identity is accepted and which release the pod carries.
func (c *Client) Platform(ctx context.Context) (PlatformWorkspace, error) {
	var w PlatformWorkspace
	meta, err := c.do(ctx, call{op: OpWorkspace, method: http.MethodGet, path: "/v2/workspaces/platform"}, &w)
	w.Meta = meta
	return w, err
}

// Installed is a workspace of the platform.
type Installed struct {
	ID, Slug, Name string
	// Dirty is nil when the platform does not tell.
	Dirty *bool
	// LastPull is nil when the platform does not tell, or there was none.
	LastPull *InstalledVersion
}

// InstalledVersion is the version that a workspace was imported at.
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
	*w = Installed{string(in.ID), string(in.Slug), string(in.Name), in.Dirty, in.LastPull}
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
	*v = InstalledVersion{string(in.Version), string(in.RepositoryID), in.CreatedAt.Time}
	return err
}

const (
	workspacesPage = 100
	// maxWorkspacePages bounds a platform that never ends its list.
	maxWorkspacePages = 1000
)

// Workspaces lists the workspaces that the caller may see. It pages until a page
// is shorter than the first one or brings nothing new, as the platform may cap
// the size of a page.
func (c *Client) Workspaces(ctx context.Context) ([]Installed, Meta, error) {
	var all []Installed
	var meta Meta
	seen, first := map[string]bool{}, 0
	for page := range maxWorkspacePages {
		var got []Installed
		query := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(workspacesPage)}}
		m, err := c.do(ctx, call{op: OpWorkspaces, method: http.MethodGet, path: "/v2/workspaces", query: query}, &got)
		if err != nil {
			return nil, m, err
		}
		fresh := 0
		for _, w := range got {
			if !seen[w.ID] {
				seen[w.ID], fresh = true, fresh+1
				all = append(all, w)
			}
		}
		if page == 0 {
			meta, first = m, len(got)
		}
		if fresh == 0 || len(got) < first {
			return all, meta, nil
		}
	}
	return nil, meta, &Error{Op: OpWorkspaces, Class: ClassMalformed, Sent: true,
		Message: fmt.Sprintf("the list of workspaces does not end within %d pages", maxWorkspacePages)}
}

// WorkspaceStatus is the platform's own comparison of what a workspace was
// imported with and what it holds now (contract §1.8).
type WorkspaceStatus struct {
	Meta
	// ImportedAt is when the content came, zero if it did not come by an import.
	ImportedAt time.Time
	Errors     []Problem
	Changes    []Change
}

// Change is a file of a workspace that differs from what was imported.
type Change struct {
	Type, Slug        string
	Current, Expected string // checksums
	UpdatedAt         time.Time
	UpdatedBy         string
}

// WorkspaceStatus returns the state of the workspace with the given id.
func (c *Client) WorkspaceStatus(ctx context.Context, id string) (WorkspaceStatus, error) {
	var s WorkspaceStatus
	meta, err := c.do(ctx, call{op: OpStatus, method: http.MethodGet, path: "/v2/workspaces/" + url.PathEscape(id) + "/status"}, &s)
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
		s.Changes = append(s.Changes, Change{string(c.Type), string(c.Slug), string(c.Current), string(c.Expected), c.UpdatedAt.Time, string(c.UpdatedBy)})
	}
	return err
}

// SecretNames returns the names of the secrets that are stored for the workspace with
// the given id, sorted (contract §12). Their values, which the platform may send along,
// are not decoded.
func (c *Client) SecretNames(ctx context.Context, id string) ([]string, error) {
	var stored map[string]ignored
	_, err := c.do(ctx, call{op: OpSecrets, method: http.MethodGet, path: "/v2/workspaces/" + url.PathEscape(id) + "/security/secrets"}, &stored)
	return slices.Sorted(maps.Keys(stored)), err
}

// ignored is a JSON value that nobody looks at.
type ignored struct{}

// UnmarshalJSON implements [json.Unmarshaler].
func (*ignored) UnmarshalJSON([]byte) error { return nil }
