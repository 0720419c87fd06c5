// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrain(t *testing.T) {
	var asked int
	o := options()
	o.Drain = func(context.Context) error { asked++; return nil }
	h := New(storeOf(healthy()), o).Handler()
	if got := ask(t, h, httptest.NewRequest("GET", "/drain", nil)); got.Code != 200 || asked != 1 {
		t.Errorf("%d, asked %d times", got.Code, asked)
	}
	fromBrowser := httptest.NewRequest("GET", "/drain", nil)
	fromBrowser.Header.Set("Sec-Fetch-Site", "none")
	if got := ask(t, h, fromBrowser); got.Code != 403 || asked != 1 {
		t.Errorf("a browser gets %d, asked %d times", got.Code, asked)
	}
	o.Drain = func(context.Context) error { return errors.New("an import\nruns") }
	if got := ask(t, New(storeOf(healthy()), o).Handler(), httptest.NewRequest("GET", "/drain", nil)); got.Code != 503 ||
		got.Body.String() != "an import runs\n" {
		t.Errorf("%d %q", got.Code, got.Body)
	}
	if got := ask(t, New(storeOf(healthy()), options()).Handler(),
		httptest.NewRequest("GET", "/drain", nil)); got.Code != 404 {
		t.Errorf("without a drain: %d", got.Code)
	}
}

// TestDrainTakesAtLeastTheDelay checks that the delay runs concurrently with the drain.
func TestDrainTakesAtLeastTheDelay(t *testing.T) {
	for _, c := range []struct{ delay, drain, want time.Duration }{
		{10 * time.Second, 0, 10 * time.Second}, {10 * time.Second, 4 * time.Second, 10 * time.Second},
		{10 * time.Second, 40 * time.Second, 40 * time.Second}, {0, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Drain = func(context.Context) error { time.Sleep(c.drain); return nil }
			o.DrainDelay = func() time.Duration { return c.delay }
			start := time.Now()
			if got := ask(t, New(storeOf(healthy()), o).Handler(), httptest.NewRequest("GET", "/drain", nil)); got.Code != 200 ||
				time.Since(start) != c.want {
				t.Errorf("delay %s, drain %s: %d after %s, want %s", c.delay, c.drain, got.Code, time.Since(start), c.want)
			}
		})
	}
}

// TestDrainMayTakeLongerThanOtherAnswers checks that the timeouts of a connection do not apply to a
// drain.
func TestDrainMayTakeLongerThanOtherAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Drain = func(ctx context.Context) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		ours, theirs := net.Pipe()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- New(storeOf(healthy()), o).Serve(ctx, &oneConn{conn: theirs, closed: make(chan struct{})})
		}()
		req := httptest.NewRequest("GET", "/drain", nil)
		if err := req.Write(ours); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(ours), req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("HTTP %s", resp.Status)
		}
		ours.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// oneConn is a listener with a single connection.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
