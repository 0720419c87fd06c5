// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/config"
	"github.com/prismeai/workspaces-release/sidecar/internal/inputs"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// idle returns an agent that runs nothing, and the alarms in its log.
func idle(t *testing.T, args ...string) (*agent, *alarms) {
	t.Helper()
	live, err := config.NewLive(t.Context(), config.NewLoader(args, nil), func(*config.Config, error) {})
	if err != nil {
		t.Fatal(err)
	}
	log := new(alarms)
	return &agent{live: live, log: slog.New(slog.NewJSONHandler(log, nil)), store: state.NewStore(),
		inputs: inputs.New(live, nil, ""), tokenChanged: make(chan struct{}, 1)}, log
}

// beside runs f until the returned function is called, which waits for its end.
func beside(f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	return func() { cancel(); <-done }
}

// alarms counts the log lines about a gate that is open without confirmation.
type alarms struct{ atomic.Int64 }

func (a *alarms) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"level":"ERROR","msg":"the pod is Ready without a confirmed release"`)) {
		a.Add(1)
	}
	return len(line), nil
}

func TestAnOpenGateIsLoggedRepeatedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := idle(t, "--gate=open-after=5m")
		stop := beside(g.watchGate)
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if n := log.Load(); n != 0 {
			t.Errorf("%d alarms before the gate opens", n)
		}
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		if n := log.Load(); n != 4 {
			t.Errorf("%d alarms in half an hour, want one each ten minutes", n)
		}
		g.store.Update(func(s *state.Snapshot) { s.Confirmed = true })
		time.Sleep(time.Hour)
		stop()
		if n := log.Load(); n != 4 {
			t.Errorf("%d alarms after the confirmation", n-4)
		}
	})
}

func TestAStrictGateRaisesNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := idle(t)
		stop := beside(g.watchGate)
		time.Sleep(24 * time.Hour)
		g.store.Update(func(s *state.Snapshot) { s.Confirmed = true })
		time.Sleep(time.Minute)
		g.store.Update(func(s *state.Snapshot) { s.Confirmed = false }) // another release: the gate stays open
		time.Sleep(time.Hour)
		stop()
		if n := log.Load(); n != 0 {
			t.Errorf("%d alarms", n)
		}
	})
}

// account serves GET /v2/me.
func account(t *testing.T, expires *atomic.Value) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := expires.Load().(string)
		if text == "" {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"id": "u", "expires": text}) // the client may have gone
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestExpiryOfTheToken(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("at:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	var expires atomic.Value
	url := account(t, &expires)
	g, _ := idle(t, "--gateway-url", url, "--token-file", token)
	if again := g.checkTokenExpiry(t.Context()); again != tokenRetryInterval || g.store.Get().TokenExpires != nil {
		t.Errorf("without an answer: again in %s, %v", again, g.store.Get().TokenExpires)
	}
	first := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	expires.Store(first.Format(time.RFC3339))
	if again := g.checkTokenExpiry(t.Context()); again != tokenInterval || !g.store.Get().TokenExpires.Equal(first) {
		t.Errorf("again in %s, %v", again, g.store.Get().TokenExpires)
	}
	expires.Store("") // an error keeps the last value
	if g.checkTokenExpiry(t.Context()); g.store.Get().TokenExpires == nil {
		t.Error("the expiry is forgotten")
	}
	expires.Store("never")
	if g.checkTokenExpiry(t.Context()); g.store.Get().TokenExpires != nil {
		t.Errorf("%v", g.store.Get().TokenExpires)
	}
	stop := beside(g.watchToken) // a new token is checked at once
	second := first.AddDate(1, 0, 0)
	expires.Store(second.Format(time.RFC3339))
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		g.requestTokenCheck()
		if got := g.store.Get().TokenExpires; got != nil && got.Equal(second) {
			break
		}
		if time.Now().After(deadline) {
			t.Error("the expiry of the new token is not asked for")
			break
		}
	}
	stop()
}

func TestWithoutAGatewayNothingIsQueried(t *testing.T) {
	g, _ := idle(t)
	if again := g.checkTokenExpiry(t.Context()); again != tokenInterval || g.store.Get().TokenExpires != nil {
		t.Errorf("again in %s", again)
	}
}
