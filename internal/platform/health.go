// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Readiness is the gateway's report on services (platform contract §4).
type Readiness struct {
	Meta
	Services map[string]ServiceReadiness
}

// ServiceReadiness is the state of one service.
type ServiceReadiness struct {
	Ready bool
	// Errors of the service's modules.
	Errors []Problem
}

// Readiness queries a gateway for the readiness of services, or of all services. It requires a
// super admin or the internal key. A response that services are not ready is not an error.
func (c *Client) Readiness(ctx context.Context, services ...string) (Readiness, error) {
	k := call{op: OpReadiness, method: http.MethodGet, path: "/v2/readiness", accept: isNotReady}
	if len(services) > 0 {
		k.query = url.Values{"services": {strings.Join(services, ",")}}
	}
	var r Readiness
	meta, err := c.doRequest(ctx, k, &r)
	r.Meta = meta
	return r, err
}

// NotReady returns the names of the services that are not ready, sorted. It omits except, and
// services whose errors all concern except: a pod that waits for other services must not wait for
// its own (platform contract §0, finding 10).
func (r Readiness) NotReady(except string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		if s := r.Services[name]; !s.Ready && name != except && !s.concernsOnly(except) {
			names = append(names, name)
		}
	}
	return names
}

func (s ServiceReadiness) concernsOnly(service string) bool {
	if service == "" || len(s.Errors) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.Errors, func(p Problem) bool { return !strings.Contains(p.String(), service) })
}

// isNotReady distinguishes the 400 for services that are not ready from the 400 for an unknown
// service name, which lists no services.
func isNotReady(a answer) bool {
	return a.status == http.StatusBadRequest && json.Unmarshal(a.body, new(Readiness)) == nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Readiness) UnmarshalJSON(data []byte) error {
	var in struct {
		Services map[string]ServiceReadiness `json:"services"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Services == nil {
		return errShape
	}
	*r = Readiness{Services: in.Services}
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler]. The gateway reports its own readiness flat, and
// other services' under response.
func (s *ServiceReadiness) UnmarshalJSON(data []byte) error {
	type moduleError struct {
		Module  lenient `json:"module"`
		Driver  lenient `json:"driver"`
		Problem Problem `json:"-"`
	}
	type state struct {
		Status lenient           `json:"status"`
		Errors []json.RawMessage `json:"errors"`
	}
	var in struct {
		state
		Response state `json:"response"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = ServiceReadiness{Ready: in.Status == "ready" && (in.Response.Status == "" || in.Response.Status == "ready")}
	for _, raw := range slices.Concat(in.Errors, in.Response.Errors) {
		var m moduleError
		_ = json.Unmarshal(raw, &m) // anything but an object has no module
		_ = m.Problem.UnmarshalJSON(raw)
		if m.Module != "" {
			m.Problem.Code = strings.TrimSpace(string(m.Module) + " " + string(m.Driver))
		}
		s.Errors = append(s.Errors, m.Problem)
	}
	return nil
}

// Healthcheck checks whether the HTTP server of a service is up. It needs no identity.
func (c *Client) Healthcheck(ctx context.Context) (Meta, error) {
	return c.doRequest(ctx, call{op: OpHealthcheck, method: http.MethodGet, path: "/sys/healthcheck"}, new(health))
}

type health struct{}

func (*health) UnmarshalJSON(data []byte) error {
	var in struct {
		Healthy bool `json:"healthy"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if !in.Healthy {
		return errors.New("not healthy")
	}
	return nil
}

// User is the owner of a token.
type User struct {
	Meta
	ID, Email, SessionID string
	// Expires is zero if the platform does not report it.
	Expires time.Time
}

// Me returns the caller's identity from a gateway. It is the cheapest check of a token (platform
// contract §3.1).
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	meta, err := c.doRequest(ctx, call{op: OpMe, method: http.MethodGet, path: "/v2/me"}, &u)
	u.Meta = meta
	return u, err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (u *User) UnmarshalJSON(data []byte) error {
	var in struct {
		ID        lenient `json:"id"`
		Email     lenient `json:"email"`
		SessionID lenient `json:"sessionId"`
		Expires   moment  `json:"expires"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if bytes.Equal(data, []byte("null")) || in.ID == "" && in.Email == "" {
		return errShape
	}
	*u = User{ID: string(in.ID), Email: string(in.Email), SessionID: string(in.SessionID), Expires: in.Expires.Time}
	return nil
}
