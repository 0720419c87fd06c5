// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestAServiceThatStartsSlowly covers a service behind a proxy in its pod. Whatever responds in its
// place and for however long, the pod is Ready at most 3 s after the service is up, and nothing is
// logged as an error.
func TestAServiceThatStartsSlowly(t *testing.T) {
	t.Parallel()
	const noUpstream = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
	for name, fault := range map[string]platformtest.Fault{
		"503 of Envoy":       {Kind: platformtest.Answer, Status: 503, Body: noUpstream},
		"502 of nginx":       {Kind: platformtest.Answer, Status: 502, Body: platformtest.HTML},
		"504 without a body": {Kind: platformtest.Answer, Status: 504},
		"503 in JSON":        {Kind: platformtest.Answer, Status: 503, Body: `{"error":"Unavailable","message":"starting"}`},
		"connection reset":   {Kind: platformtest.ResetBefore},
		"not listening":      {},
	} {
		for _, start := range []time.Duration{0, 10 * time.Second, 40 * time.Second, 4 * time.Minute, 30 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %s", name, start), func(t *testing.T) {
				inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) { startSlowly(t, c, fault, start) })
			})
		}
	}
}

func startSlowly(t *testing.T, c *cluster, fault platformtest.Fault, start time.Duration) {
	r := c.replicas[0]
	if fault.Kind == 0 {
		r.SetListening(false)
	} else {
		fault.Times = -1
		r.Faults.Add(fault)
	}
	began := time.Now()
	r.start()
	time.Sleep(start)
	if start > 0 && c.reason() != state.TargetDown {
		t.Errorf("reason %q", c.reason())
	}
	if n := r.get().Passes; n > 60+int(start/time.Second) {
		t.Errorf("%d looks in %s", n, start)
	}
	r.Faults.Clear()
	r.SetListening(true)
	c.wait(time.Minute)
	if took := time.Since(began) - start; took > 3*time.Second {
		t.Errorf("Ready %s after the service was up", took)
	}
	if r.log.has(`"level":"ERROR"`) || r.counts.of(state.TargetError) > 0 {
		t.Errorf("an error is logged: %s", r.log)
	}
}

// TestAServiceThatRestartsBehindAProxy covers a service that has responded before: the failure is
// an error, but is still polled often.
func TestAServiceThatRestartsBehindAProxy(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		c.Fail("b", "no space")
		r.start()
		time.Sleep(10 * time.Second)
		c.Heal("b")
		r.Faults.Add(platformtest.Fault{
			Times: -1, Kind: platformtest.Answer, Status: 503, Body: "no healthy upstream",
		})
		time.Sleep(5 * time.Minute)
		if p := r.get().Problem; p == nil || p.Reason != state.TargetError || !strings.Contains(p.Message, "plain text") {
			t.Errorf("%+v", p)
		}
		r.Faults.Clear()
		if took := c.wait(time.Minute); took > 3*time.Second {
			t.Errorf("Ready %s after the service was up", took)
		}
	})
}

// TestErrorsOfTheServiceItself checks that errors of the service are retried with backoff from the
// first one on.
func TestErrorsOfTheServiceItself(t *testing.T) {
	inBubble(t, platformtest.Options{}, 1, func(t *testing.T, c *cluster) {
		r := c.replicas[0]
		r.Faults.Add(platformtest.Fault{Op: "workspace", Times: -1, Kind: platformtest.Answer, Status: 500,
			Body: `{"error":"Internal","message":"no database"}`})
		r.start()
		time.Sleep(10 * time.Minute)
		if n := r.get().Passes; c.reason() != state.TargetError || n > 25 {
			t.Errorf("reason %q, %d passes", c.reason(), n)
		}
	})
}
