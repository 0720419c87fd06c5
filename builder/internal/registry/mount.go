// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import "net/http"

// mountFallback retries the start of an upload without the cross-repository mount if the registry,
// or a proxy in front of it, refuses the mount.
//
// The distribution specification lets a registry ignore a mount (202). Some respond with 403, 404
// or 405 instead. containerd falls back to an upload only after 401, and fails the push after any
// other refusal (containerd/containerd#14086).
type mountFallback struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t mountFallback) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil || !isMount(req) || !refusesMount(resp.StatusCode) {
		return resp, err
	}
	drainResponse(resp)
	upload := req.Clone(req.Context())
	query := upload.URL.Query()
	query.Del("mount")
	query.Del("from")
	upload.URL.RawQuery = query.Encode()
	return t.next.RoundTrip(upload)
}

// isMount reports whether req mounts a blob from another repository.
func isMount(req *http.Request) bool {
	return req.Method == http.MethodPost && req.URL.Query().Has("mount")
}

// refusesMount reports whether the status may refer to the mount alone.
func refusesMount(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return false
}
