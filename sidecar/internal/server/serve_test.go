// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// patience ends a wait for an event that does not come. It measures nothing.
const patience = 2 * time.Minute

// patient returns a server whose timeouts are longer than the patience of a test. On a machine of any
// speed, they neither close the connections of the test nor make room for a probe.
func patient(store *state.Store, o Options) *Server {
	s := New(store, o)
	s.timeouts = connTimeouts{header: time.Hour, read: time.Hour, write: time.Hour, idle: time.Hour}
	return s
}

// listen serves on a TCP port until the test ends, and returns its address. At the end it checks
// the peak number of connections.
func listen(t *testing.T, s *Server) string {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &census{Listener: port}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if l.peak > maxConns+1 { // a new connection arrives before an old one is closed
			t.Errorf("%d connections were open at once", l.peak)
		}
	})
	return l.Addr().String()
}

// census is a listener that counts its open connections.
type census struct {
	net.Listener
	mu         sync.Mutex
	open, peak int
}

func (c *census) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
	c.peak = max(c.peak, c.open)
	return &counted{Conn: conn, closed: sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open--
	})}, nil
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// connect opens a connection and sends text.
func connect(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// probe sends a probe like the kubelet, on a new connection. It waits longer than the kubelet,
// because test machines are busy.
func probe(t *testing.T, addr string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/readyz")
	if err != nil {
		t.Errorf("probe: %v", err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("probe: %s", resp.Status)
	}
}

// ended waits until the server has closed c, and returns the data before that.
func ended(t *testing.T, c net.Conn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		t.Errorf("the connection is open after %s", patience)
	}
	return string(said)
}

// TestProbesGetThrough checks that probes succeed regardless of the number and behaviour of other
// connections.
func TestProbesGetThrough(t *testing.T) {
	const many = 1000
	ready := large()
	if testing.Short() {
		ready = healthy() // a large response takes 100 ms with the race detector
	}
	ready.Gate = healthy().Gate
	for name, text := range map[string]string{
		"that say nothing":               "",
		"that stop within the headers":   "GET /status HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"that stop within the body":      "POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
		"that do not read their answers": strings.Repeat("GET /status HTTP/1.1\r\nHost: x\r\n\r\n", 2),
		"that are kept for later":        "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			addr := listen(t, patient(storeOf(ready), options()))
			for n := range many {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, text) // it may be closed already
				if n%100 == 99 {
					probe(t, addr)
				}
			}
			for range 10 {
				probe(t, addr)
			}
		})
	}
}

// TestStaleConnectionsGoFirst checks that idle connections are closed first.
func TestStaleConnectionsGoFirst(t *testing.T) {
	addr := listen(t, patient(storeOf(healthy()), options()))
	idle := connect(t, addr, "")
	busy := connect(t, addr, "")
	answers := bufio.NewReader(busy)
	for n := range maxConns + 50 {
		if n%10 == 0 {
			get(t, busy, answers)
		}
		other := connect(t, addr, "")
		get(t, other, bufio.NewReader(other)) // now it is known to be accepted
	}
	ended(t, idle)
	get(t, busy, answers)
}

// gated is a listener that accepts no connection until it is opened.
type gated struct {
	net.Listener
	open <-chan struct{}
}

func (g *gated) Accept() (net.Conn, error) {
	<-g.open
	return g.Listener.Accept()
}

// TestProbeInABurst checks that a probe among a thousand simultaneous connections is served.
func TestProbeInABurst(t *testing.T) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open, ended := make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- patient(storeOf(healthy()), options()).Serve(ctx, &gated{port, open}) }()
	var probe net.Conn
	for n := range 1000 {
		text := ""
		if n == 500 {
			text = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		}
		if c := connect(t, port.Addr().String(), text); n == 500 {
			probe = c
		}
	}
	close(open)
	probe.SetReadDeadline(time.Now().Add(patience))
	if said, err := io.ReadAll(probe); err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 200 ") {
		t.Errorf("answer %q, %v", said, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// get requests /livez on a connection that stays open.
func get(t *testing.T, c net.Conn, answers *bufio.Reader) {
	t.Helper()
	if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "alive\n" {
		t.Fatalf("answer %q, %v", body, err)
	}
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	addr := listen(t, patient(storeOf(healthy()), options()))
	for name, c := range map[string]struct{ text, status string }{
		"header":      {"GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "431 "},
		"many":        {"GET /livez HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Many: a\r\n", 4<<10) + "\r\n", "431 "},
		"path":        {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431 "},
		"body":        {"POST /-/import HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n" + strings.Repeat("a", 64<<10), "202 "},
		"not HTTP":    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 "},
		"two lengths": {"POST /-/import HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "400 "},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.WriteString(conn, c.text) // the server need not read all of it
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+c.status) {
				t.Errorf("answer %q, %v; want %s", line, err, c.status)
			}
			ended(t, conn)
			probe(t, addr)
		})
	}
}

// pipes is a listener without a network, for tests with a fake clock.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9400} }

// onFakeClock runs f against a server in a synctest bubble.
func onFakeClock(t *testing.T, s *Server, f func(t *testing.T, p *pipes, stop func(), ended <-chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, ended := newPipes(), make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- s.Serve(ctx, p) }()
		f(t, p, stop, ended)
		stop()
		<-ended
	})
}

// TestSlowClientsAreCutOff checks the timeouts, to the second.
func TestSlowClientsAreCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		every time.Duration // 0: send once
		want  time.Duration
	}{
		"says nothing":              {"", 0, headerTimeout},
		"stops within the headers":  {"GET /livez HTTP/1.1\r\nX-Slow: ", 0, headerTimeout},
		"drips headers":             {"X", time.Second, headerTimeout},
		"asks once and stays":       {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 0, idleTimeout},
		"stops within a large body": {"POST /-/import HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na", 0, readTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			onFakeClock(t, New(storeOf(healthy()), options()), func(t *testing.T, p *pipes, _ func(), _ <-chan error) {
				start, conn := time.Now(), p.dial()
				var client sync.WaitGroup
				defer client.Wait()
				client.Go(func() {
					for n := 0; n == 0 || c.every > 0; n++ {
						if _, err := io.WriteString(conn, c.text); err != nil {
							return
						}
						time.Sleep(c.every)
					}
				})
				io.Copy(io.Discard, conn)
				if got := time.Since(start); got < c.want || got > c.want+time.Second {
					t.Errorf("cut off after %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestClientThatDoesNotRead checks that a client that does not read is disconnected during the
// response.
func TestClientThatDoesNotRead(t *testing.T) {
	onFakeClock(t, New(storeOf(large()), options()), func(t *testing.T, p *pipes, _ func(), _ <-chan error) {
		start, conn := time.Now(), p.dial()
		io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(writeTimeout + time.Second)
		said, _ := io.ReadAll(conn)
		if time.Since(start) != writeTimeout+time.Second || len(said) > 64<<10 {
			t.Errorf("%d bytes came after %s", len(said), time.Since(start))
		}
	})
}

// busy is a server in a bubble that serves /metrics once it is released.
type busy struct {
	*pipes
	client  net.Conn
	stop    func()
	release chan struct{}
	result  chan error
}

// newBusy returns a server that is processing a request.
func newBusy(t *testing.T) *busy {
	b := &busy{pipes: newPipes(), release: make(chan struct{}), result: make(chan error, 1)}
	asked, o := make(chan struct{}), options()
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-b.release
		io.WriteString(w, "metrics\n")
	})
	var ctx context.Context
	ctx, b.stop = context.WithCancel(t.Context())
	go func() { b.result <- New(storeOf(healthy()), o).Serve(ctx, b) }()
	b.client = b.dial()
	go io.WriteString(b.client, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	return b
}

// TestServeDrains checks that a shutdown completes the running request and accepts no new one.
func TestServeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBusy(t)
		b.stop()
		<-b.done // it no longer accepts connections
		time.Sleep(drainTimeout - time.Second)
		select {
		case err := <-b.result:
			t.Fatalf("ended during a request: %v", err)
		default:
		}
		close(b.release)
		said, err := io.ReadAll(b.client)
		if err != nil || !strings.HasSuffix(string(said), "metrics\n") {
			t.Errorf("answer %q, %v", said, err)
		}
		if err := <-b.result; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainIsBounded checks that a request that does not end delays the shutdown by at most the
// limit.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, start := newBusy(t), time.Now()
		b.stop()
		if err := <-b.result; err != nil || time.Since(start) != drainTimeout {
			t.Errorf("ended after %s, want %s: %v", time.Since(start), drainTimeout, err)
		}
		if said, _ := io.ReadAll(b.client); len(said) > 0 {
			t.Errorf("answer %q", said)
		}
		close(b.release)
	})
}

// TestConcurrencyLimit checks that requests above the limit get 503 with Retry-After until a slot is free.
func TestConcurrencyLimit(t *testing.T) {
	o, asked, release := options(), make(chan struct{}), make(chan struct{})
	o.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	})
	h := New(storeOf(healthy()), o).Handler()
	metrics := func() *httptest.ResponseRecorder { return ask(t, h, httptest.NewRequest("GET", "/metrics", nil)) }
	var all sync.WaitGroup
	for range maxConcurrent {
		all.Go(func() { metrics() })
		<-asked
	}
	if got := metrics(); got.Code != 503 || got.Header().Get("Retry-After") != "1" {
		t.Errorf("one too many is answered with %d %v", got.Code, got.Header())
	}
	for _, path := range []string{"/readyz", "/status", "/"} {
		if got := ask(t, h, httptest.NewRequest("GET", path, nil)); got.Code != 200 {
			t.Errorf("%s is answered with %d", path, got.Code)
		}
	}
	close(release)
	all.Wait()
	go func() { <-asked }()
	if got := metrics(); got.Code != 200 {
		t.Errorf("with free places, %d", got.Code)
	}
}

func TestServeOnAClosedListener(t *testing.T) {
	p := newPipes()
	p.Close()
	err := New(storeOf(healthy()), options()).Serve(t.Context(), p)
	if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "127.0.0.1:9400") {
		t.Errorf("error %v", err)
	}
}

// TestPanic checks that a panic closes one connection, and that the log has the stack but not the
// value.
func TestPanic(t *testing.T) {
	const value = "panic-canary-1f"
	for name, c := range map[string]struct {
		value any
		log   string
	}{
		"an error":      {fmt.Errorf("token %s", value), "*errors.errorString"},
		"a string":      {value, `"type":"string"`},
		"an abort":      {http.ErrAbortHandler, ""},
		"a value of us": {struct{ Token string }{value}, "struct { Token string }"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			o := options()
			o.Log = log.logger()
			o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, "half")
				panic(c.value)
			})
			addr := listen(t, patient(storeOf(healthy()), o))
			if said := ended(t, connect(t, addr, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")); said != "" {
				t.Errorf("the client gets %q", said)
			}
			probe(t, addr)
			got := log.String()
			if strings.Contains(got, value) || !strings.Contains(got, c.log) ||
				(c.log != "") != strings.Contains(got, "request panicked") {
				t.Errorf("the log is %s", got)
			}
			if c.log != "" && (!strings.Contains(got, "serve_test.go") || !strings.Contains(got, "GET /metrics")) {
				t.Errorf("the log does not tell where: %s", got)
			}
		})
	}
}
