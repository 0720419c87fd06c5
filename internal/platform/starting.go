// SPDX-License-Identifier: Apache-2.0

package platform

import "net/http"

// isNotUp reports whether a failure means that the service is not up yet: it has never responded to
// this client, and a proxy responds in its place or the connection breaks.
func (c *Client) isNotUp(e *Error) bool {
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

// recordAnswer records that the platform itself has responded. A rejection counts if it has a code,
// which proxies do not send.
func (c *Client) recordAnswer(e *Error) {
	if e == nil || e.Code != "" && !isProxyStatus(e.Status) {
		c.answered.Store(true)
	}
}

// isProxyStatus reports whether proxies use the status for an unreachable service.
func isProxyStatus(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// FromProxy reports whether a proxy responded because it did not reach the service.
func (e *Error) FromProxy() bool { return isProxyStatus(e.Status) && e.Code == "" }
