// SPDX-License-Identifier: Apache-2.0

package platform

import "net/http"

// awaits reports whether a failure means that the service behind the address is
// not up yet: it has never answered this client, and a proxy answers in its
// place, or the connection breaks.
func (c *Client) awaits(e *Error) bool {
	if !c.opts.Starting || c.answered.Load() {
		return false
	}
	switch e.Class {
	case ClassServer:
		return isProxyStatus(e.Status)
	case ClassInterrupted, ClassTimeout:
		return e.Status == 0
	}
	return false
}

// noteAnswer remembers that the platform itself answered, be it with a refusal:
// those have a code, which proxies do not send.
func (c *Client) noteAnswer(e *Error) {
	if e == nil || e.Code != "" && !isProxyStatus(e.Status) {
		c.answered.Store(true)
	}
}

// isProxyStatus reports whether proxies answer so for a service that is away.
func isProxyStatus(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// FromProxy reports whether a proxy answered because it did not reach the service.
func (e *Error) FromProxy() bool { return isProxyStatus(e.Status) && e.Code == "" }
