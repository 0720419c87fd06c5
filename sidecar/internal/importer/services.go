// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"context"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// servicesWait is the wait for services that the platform wants before an import.
type servicesWait struct {
	began time.Time
	over  bool // they were ready, or were waited for long enough
}

// awaitServices asks the gateway about other services, until they were ready once
// and for a limited time. Our own service is not among them: it may get its
// traffic only after us (contract §0, finding 10).
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
		return p.cannotAsk(err)
	}
	if names := r.NotReady("workspaces"); len(names) > 0 {
		return &Failure{Reason: state.ServicesNotReady, Message: "not ready: " + strings.Join(names, ", ")}
	}
	w.over = true
	return nil
}

// cannotAsk tells a gateway that has no answer yet from one that will not give
// any. Older platforms have no such route.
func (p *pass) cannotAsk(err error) error {
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
	f.Message = "ask the gateway for the readiness of services: " + f.Message
	return f
}
