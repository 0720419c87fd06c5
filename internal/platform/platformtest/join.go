// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Member is a [Pod] in its own process, on a platform of another process. It is an [http.Handler].
type Member struct {
	*httputil.ReverseProxy
	left chan struct{}
}

// Join adds a pod to the platform that is shared at an address, until ctx ends. It starts the
// service's own import of the native groups.
func Join(ctx context.Context, platform *url.URL, name string, release *Release, native ...string) (*Member, error) {
	body, err := json.Marshal(joining{release, native})
	if err != nil {
		return nil, err
	}
	home := *platform
	home.Path = "/pods/" + name
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, home.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	// A kept connection would hide that the pod was restarted.
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("join the platform: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // of a rejection
		return nil, fmt.Errorf("join the platform at %s: %s", platform.Host, resp.Status)
	}
	m := &Member{left: make(chan struct{}), ReverseProxy: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&home) },
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		// Propagate an aborted connection.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	go func() {
		defer close(m.left)
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // ends with the platform or with ctx
	}()
	return m, nil
}

// Left returns a channel that is closed when the platform is gone or ctx has ended.
func (m *Member) Left() <-chan struct{} { return m.left }
