// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"io"
	"net/http"
	"sync/atomic"
)

// traffic counts the bytes of bodies, including retries.
type traffic struct {
	http.RoundTripper
	sent, received atomic.Int64
}

// Traffic returns the bytes of bodies sent to and received from registries so far, through the
// client and [Client.Hosts].
func (c *Client) Traffic() (sent, received int64) {
	return c.traffic.sent.Load(), c.traffic.received.Load()
}

// RoundTrip implements [http.RoundTripper].
func (t *traffic) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody {
		counted := *req
		counted.Body = counter{req.Body, &t.sent}
		req = &counted
	}
	resp, err := t.RoundTripper.RoundTrip(req)
	if resp != nil && resp.Body != nil {
		resp.Body = counter{resp.Body, &t.received}
	}
	return resp, err
}

// counter counts what is read from a body.
type counter struct {
	io.ReadCloser
	n *atomic.Int64
}

// Read implements [io.Reader].
func (c counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}
