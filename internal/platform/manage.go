// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Detail describes a workspace.
type Detail struct {
	ID, Slug, Name string
	Labels         []string
	CustomDomains  []string
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Detail) UnmarshalJSON(data []byte) error {
	var in struct {
		ID      lenient         `json:"id"`
		Slug    lenient         `json:"slug"`
		Name    lenient         `json:"name"`
		Labels  json.RawMessage `json:"labels"`
		Domains json.RawMessage `json:"customDomains"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.ID == "" {
		return errShape
	}
	*d = Detail{
		ID:            string(in.ID),
		Slug:          string(in.Slug),
		Name:          string(in.Name),
		Labels:        decodeTextList(in.Labels),
		CustomDomains: decodeTextList(in.Domains),
	}
	return nil
}

// decodeTextList decodes a list of strings. It returns nil for any other JSON.
func decodeTextList(data json.RawMessage) []string {
	var list []lenient
	_ = json.Unmarshal(data, &list) // the platform does not validate what it stores
	return toStrings(list)
}

// CreateWorkspace creates an empty workspace (platform contract §14.7). The platform may choose
// another slug. It is not idempotent: see [OutcomeUnknown].
func (c *Client) CreateWorkspace(ctx context.Context, name, slug string) (Detail, error) {
	var created Detail
	body := map[string]string{"name": name, "slug": slug}
	_, err := c.doRequest(ctx, call{op: OpCreate, method: http.MethodPost, path: "/v2/workspaces", body: body}, &created)
	return created, err
}

// WorkspaceDetail returns a workspace by its ID.
func (c *Client) WorkspaceDetail(ctx context.Context, id string) (Detail, error) {
	var d Detail
	_, err := c.doRequest(ctx, call{op: OpDetail, method: http.MethodGet, path: "/v2/workspaces/" + url.PathEscape(id)},
		&d)
	return d, err
}

// SetCustomDomains replaces the domains of a workspace, which an import clears (platform contract
// §14.7). Some versions require the name of the workspace in the request.
func (c *Client) SetCustomDomains(ctx context.Context, id, name string, domains []string) error {
	var d Detail
	body := map[string]any{"name": name, "customDomains": domains}
	_, err := c.doRequest(ctx, call{op: OpPatch, method: http.MethodPatch, path: "/v2/workspaces/" + url.PathEscape(id),
		body: body}, &d)
	return err
}
