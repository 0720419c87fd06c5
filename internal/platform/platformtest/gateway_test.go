// SPDX-License-Identifier: Apache-2.0

package platformtest_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

func TestGatewayForwardsToAReadyPod(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		gateway := public(t, c.NewGateway())
		_, err := gateway.Platform(t.Context())
		wantClass(t, err, platform.ClassServer) // no pod is ready: 500, not 502
		c.pod.SetReady(true)
		next := release()
		next.Name = "Release v2"
		c.NewPod("pod-1", next) // it has the new release and is not ready
		for range 5 {
			w, err := gateway.Platform(t.Context())
			if err != nil || w.Repositories["release"].Name != "Release v1" {
				t.Errorf("%+v, %v", w, err)
			}
		}
	})
}

func TestGatewayAuthenticates(t *testing.T) {
	inBubble(t, platformtest.Options{InternalKey: "internal"}, func(t *testing.T, c *cluster) {
		c.pod.SetReady(true)
		g := c.NewGateway()
		// The gateway ignores the identity headers of a call within the pod.
		_, err := local(t, g).Platform(t.Context())
		wantClass(t, err, platform.ClassUnauthorized)
		_, err = client(t, g, platform.Bearer(platform.Fixed(secret.New("wrong")))).Me(t.Context())
		wantClass(t, err, platform.ClassUnauthorized)
		u, err := public(t, g).Me(t.Context())
		if err != nil || u.Email == "" || time.Until(u.Expires) < time.Hour {
			t.Errorf("%+v, %v", u, err)
		}
		key := client(t, g, platform.APIKey(platform.Fixed(secret.New("internal"))))
		if _, err := key.Readiness(t.Context()); err != nil {
			t.Error(err)
		}
		_, err = key.Platform(t.Context()) // the internal key only grants access to readiness
		wantClass(t, err, platform.ClassUnauthorized)
		if _, err := local(t, g).Healthcheck(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRotatedToken(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		gateway := public(t, c.NewGateway())
		for _, k := range []struct {
			token string
			want  platform.Class
		}{{token, platform.ClassNone}, {"at:new", platform.ClassUnauthorized}, {"", platform.ClassUnauthorized},
			{token, platform.ClassNone}} {
			c.SetToken(k.token)
			_, err := gateway.Me(t.Context())
			wantClass(t, err, k.want)
		}
	})
}

func TestGatewayLimitsRates(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.pod.SetReady(true)
		gateway := public(t, c.NewGateway())
		time.Sleep(time.Second)
		for range 3 {
			mustPull(t, gateway, "base1")
		}
		time.Sleep(20 * time.Second)
		_, err := pull(t.Context(), gateway, 0, "base1")
		wantClass(t, err, platform.ClassRateLimited)
		e, _ := errors.AsType[*platform.Error](err)
		if e.RetryAfter != 40*time.Second || platform.OutcomeUnknown(err) {
			t.Errorf("%+v", e)
		}
		time.Sleep(e.RetryAfter)
		mustPull(t, gateway, "base1")

		for range 40 {
			if _, err := gateway.Events(t.Context(), platform.EventQuery{}); err != nil {
				t.Fatal(err)
			}
		}
		_, err = gateway.Events(t.Context(), platform.EventQuery{})
		wantClass(t, err, platform.ClassRateLimited)
	})
}

func TestGatewayGivesUpWithATimeout(t *testing.T) {
	inBubble(t, platformtest.Options{ImportTime: each(time.Minute),
		ProxyTimeout: 20 * time.Second}, func(t *testing.T, c *cluster) {
		c.pod.SetReady(true)
		_, err := pull(t.Context(), public(t, c.NewGateway()), time.Hour, "base1")
		wantClass(t, err, platform.ClassTimeout)
		if e, _ := errors.AsType[*platform.Error](err); e.Status != http.StatusRequestTimeout ||
			!platform.OutcomeUnknown(err) {
			t.Errorf("%+v", e)
		}
		time.Sleep(2 * time.Minute)
		if got := c.Ledger().Bulks[0].Outcome; got != platformtest.Imported {
			t.Errorf("the import ended as %q", got)
		}
	})
}

func TestGatewayReplacesCorrelationIDs(t *testing.T) {
	for keep, want := range map[bool]bool{false: false, true: true} {
		inBubble(t, platformtest.Options{KeepCorrelationID: keep}, func(t *testing.T, c *cluster) {
			c.pod.SetReady(true)
			r, err := pull(t.Context(), public(t, c.NewGateway()), 0, "base1")
			if err != nil || (r.CorrelationID == "own") != want || r.CorrelationID != c.Ledger().Bulks[0].CorrelationID {
				t.Errorf("%+v, %v", r.Meta, err)
			}
		})
	}
}

func TestGatewayReplacesTheIdentity(t *testing.T) {
	inBubble(t, platformtest.Options{}, func(t *testing.T, c *cluster) {
		c.pod.SetReady(true)
		forged := platform.Join(platform.Headers(platform.LocalHeaders()), platform.Bearer(platform.Fixed(secret.New(token))))
		if _, err := client(t, c.NewGateway(), forged).Platform(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, r := range c.Ledger().Requests {
			if want := map[string]string{"pod-0": "user-1", "gateway": ""}[r.Server]; r.User != want {
				t.Errorf("%s saw user %q, want %q", r.Server, r.User, want)
			}
		}
	})
}

// A pod that waits for complete readiness would wait for itself.
func TestGatewayReadinessNeedsAPod(t *testing.T) {
	inBubble(t, platformtest.Options{ReadinessNeedsPod: true}, func(t *testing.T, c *cluster) {
		gateway := public(t, c.NewGateway())
		r, err := gateway.Readiness(t.Context())
		if err != nil || r.Services["api-gateway"].Ready || r.NotReady("workspaces") != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if got := r.NotReady(""); len(got) != 2 {
			t.Errorf("not ready: %v", got)
		}
		c.pod.SetReady(true)
		if r, err = gateway.Readiness(t.Context(), "workspaces"); err != nil || r.NotReady("") != nil ||
			len(r.Services) != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
