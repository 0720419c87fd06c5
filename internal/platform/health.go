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

// Readiness is what the gateway says about services (contract §4).
type Readiness struct {
	Meta
	Services map[string]ServiceReadiness
}

// ServiceReadiness is the state of one service.
type ServiceReadiness struct {
	Ready bool
	// Errors of its modules.
	Errors []Problem
}

// Readiness asks a gateway about services, all if none is named. It needs a
// super admin or the internal key. An answer that says "not ready" is no error.
func (c *Client) Readiness(ctx context.Context, services ...string) (Readiness, error) {
	k := call{op: OpReadiness, method: http.MethodGet, path: "/v2/readiness", accept: isNotReady}
	if len(services) > 0 {
		k.query = url.Values{"services": {strings.Join(services, ",")}}
	}
	var r Readiness
	meta, err := c.do(ctx, k, &r)
	r.Meta = meta
	return r, err
}

// NotReady names the services that are not ready, sorted, without except itself
// and without one whose every error is about reaching except. A pod that waits
// for the readiness of others may not wait for its own (contract §0, finding 10).
func (r Readiness) NotReady(except string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		if s := r.Services[name]; !s.Ready && name != except && !s.onlyAbout(except) {
			names = append(names, name)
		}
	}
	return names
}

func (s ServiceReadiness) onlyAbout(service string) bool {
	if service == "" || len(s.Errors) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.Errors, func(p Problem) bool { return !strings.Contains(p.String(), service) })
}

// isNotReady tells the 400 of "not ready" from that of a wrong service name,
// which has no services.
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

// UnmarshalJSON implements [json.Unmarshaler]. The gateway reports itself flat
// and others under response.
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
		_ = json.Unmarshal(raw, &m) // an error that is no object has no module
		_ = m.Problem.UnmarshalJSON(raw)
		if m.Module != "" {
			m.Problem.Code = strings.TrimSpace(string(m.Module) + " " + string(m.Driver))
		}
		s.Errors = append(s.Errors, m.Problem)
	}
	return nil
}

// Healthcheck asks a service whether its HTTP server is up; it needs no identity.
func (c *Client) Healthcheck(ctx context.Context) (Meta, error) {
	return c.do(ctx, call{op: OpHealthcheck, method: http.MethodGet, path: "/sys/healthcheck"}, new(health))
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

// User is who a token belongs to.
type User struct {
	Meta
	ID, Email, SessionID string
	// Expires is zero when the platform does not tell.
	Expires time.Time
}

// Me asks a gateway who the caller is: the cheapest check of a token (contract §3.1).
func (c *Client) Me(ctx context.Context) (User, error) {
	var u User
	meta, err := c.do(ctx, call{op: OpMe, method: http.MethodGet, path: "/v2/me"}, &u)
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
