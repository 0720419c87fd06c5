// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// codeStarting is the code of a request that failed because the service, or one of its
// dependencies, has not started yet.
const codeStarting = "starting"

// answeredOps remembers the operations that the platform has responded to. It is safe for concurrent
// use.
type answeredOps struct {
	mu   sync.Mutex
	seen map[platform.Op]bool
}

// classify returns the code to count. A service that is starting, or the proxy in front of it,
// responds with 502, 503 or 504. Before the first other response to the same operation these codes
// count as codeStarting, like a refused connection, and not as failures of the platform.
func (a *answeredOps) classify(op platform.Op, code string) string {
	status, err := strconv.Atoi(code)
	if err != nil {
		return code
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if !a.seen[op] {
			return codeStarting
		}
		return code
	}
	if a.seen == nil {
		a.seen = map[platform.Op]bool{}
	}
	a.seen[op] = true
	if http.StatusText(status) == "" {
		return strconv.Itoa(status/100) + "xx"
	}
	return code
}
