// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// servicesWait tracks the wait for other services before an import.
type servicesWait struct {
	began time.Time
	over  bool // they were ready, or the wait timed out
}

// awaitServices checks the readiness of other services with the gateway, until they were ready once
// or a timeout. It excludes the service of this pod, which may get its traffic only after the
// import (platform contract §0, finding 10).
func (p *pass) awaitServices(ctx context.Context) error {
	w := &p.services
	if p.Gateway == nil || len(p.Policy.Services) == 0 || p.store.Get().Confirmed {
		return nil
	}
	if w.began.IsZero() {
		w.began = time.Now()
	}
	if w.over = w.over || time.Since(w.began) >= p.Policy.ServicesTimeout; w.over {
		return nil
	}
	r, err := p.Gateway.Readiness(ctx, p.Policy.Services...)
	if err != nil {
		return p.handleReadinessError(err)
	}
	if names := r.NotReady("workspaces"); len(names) > 0 {
		return &Failure{Reason: state.ServicesNotReady, Message: "not ready: " + strings.Join(names, ", ")}
	}
	w.over = true
	return nil
}

// handleReadinessError distinguishes a temporary error from a gateway that will never answer. Older
// platforms lack the route.
func (p *pass) handleReadinessError(err error) error {
	f := FailureOf(err)
	switch platform.ClassOf(err) {
	case platform.ClassNotFound:
		p.services.over = true
		return nil
	case platform.ClassUnauthorized, platform.ClassForbidden, platform.ClassRejected:
	default:
		if f.Reason != state.TokenUnreadable {
			f.Reason = state.ServicesNotReady
		}
	}
	f.Message = "query the readiness of services: " + f.Message
	return f
}
