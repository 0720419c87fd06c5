// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// script is a transport that answers by a list.
type script struct {
	mu    sync.Mutex
	steps []any // an error, or a status, or a status with Retry-After
	n     int
	body  []string
}

type asked struct {
	status int
	after  string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Body != nil {
		data, _ := io.ReadAll(req.Body)
		s.body = append(s.body, string(data))
	}
	step := s.steps[min(s.n, len(s.steps)-1)]
	s.n++
	switch v := step.(type) {
	case error:
		return nil, v
	case asked:
		return &http.Response{StatusCode: v.status, Header: http.Header{"Retry-After": {v.after}}, Body: http.NoBody}, nil
	default:
		return &http.Response{StatusCode: v.(int), Header: http.Header{}, Body: http.NoBody}, nil
	}
}

func TestRetries(t *testing.T) {
	form := func() *http.Request {
		r, _ := http.NewRequest(http.MethodPost, "https://r.example/token", strings.NewReader("grant_type=password"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		return r
	}
	request := func(method, body string) func() *http.Request {
		return func() *http.Request {
			var b io.Reader
			if body != "" {
				b = io.MultiReader(strings.NewReader(body)) // cannot be rewound
			}
			r, _ := http.NewRequest(method, "https://r.example/v2/a/blobs/uploads/", b)
			return r
		}
	}
	get := request(http.MethodGet, "")
	tests := []struct {
		name     string
		req      func() *http.Request
		steps    []any
		attempts int
		status   int
		min, max time.Duration
	}{
		{"success", get, []any{200}, 1, 200, 0, 0},
		{"not found is final", get, []any{404, 200}, 1, 404, 0, 0},
		{"unauthorized is final", get, []any{401, 200}, 1, 401, 0, 0},
		{"backoff", get, []any{500, 502, 503, 504, 200}, 5, 200, 1875 * time.Millisecond, 3750 * time.Millisecond},
		{"lost connections", request(http.MethodHead, ""), []any{syscall.ECONNRESET, io.EOF, io.ErrUnexpectedEOF, 200}, 4, 200, 875 * time.Millisecond, 1750 * time.Millisecond},
		{"exhausted", get, []any{503}, 5, 0, 1875 * time.Millisecond, 3750 * time.Millisecond},
		{"other errors are final", get, []any{errors.New("no such host"), 200}, 1, 0, 0, 0},
		{"retry-after in seconds", get, []any{asked{429, "7"}, 200}, 2, 200, 7 * time.Second, 7 * time.Second},
		{"retry-after of a minute", get, []any{asked{503, "60"}, 200}, 2, 200, time.Minute, time.Minute},
		{"retry-after of hours ends at once", get, []any{asked{503, "21600"}, 200}, 1, 0, 0, 0},
		{"retry-after of hours ends an upload at once", request(http.MethodPut, "blob"), []any{asked{429, "21600"}, 201}, 1, 0, 0, 0},
		{"retry-after date", get, []any{asked{503, "Sat, 01 Jan 2000 00:00:09 GMT"}, 200}, 2, 200, 9 * time.Second, 9 * time.Second},
		{"retry-after of nonsense", get, []any{asked{503, "soon"}, 200}, 2, 200, 125 * time.Millisecond, 250 * time.Millisecond},
		{"token", form, []any{503, io.EOF, 200}, 3, 200, 375 * time.Millisecond, 750 * time.Millisecond},
		{"begin of an upload on 429", request(http.MethodPost, ""), []any{asked{429, "2"}, 202}, 2, 202, 2 * time.Second, 2 * time.Second},
		{"begin of an upload on a dead connection", request(http.MethodPost, ""), []any{errClosedIdle, 202}, 2, 202, 125 * time.Millisecond, 250 * time.Millisecond},
		{"begin of an upload on reset is the engine's", request(http.MethodPost, ""), []any{syscall.ECONNRESET, 202}, 1, 0, 0, 0},
		{"begin of an upload on 503 is the engine's", request(http.MethodPost, ""), []any{503, 202}, 1, 503, 0, 0},
		{"upload on 429 waits once", request(http.MethodPut, "blob"), []any{asked{429, "3"}, 201}, 1, 429, 3 * time.Second, 3 * time.Second},
		{"upload on 503 is the engine's", request(http.MethodPut, "blob"), []any{503, 201}, 1, 503, 0, 0},
		{"upload on reset is the engine's", request(http.MethodPatch, "blob"), []any{syscall.ECONNRESET, 201}, 1, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: tt.steps}
				start := time.Now()
				resp, err := newRetries(s).RoundTrip(tt.req())
				if s.n != tt.attempts {
					t.Errorf("%d attempts, want %d", s.n, tt.attempts)
				}
				if d := time.Since(start); d < tt.min || d > tt.max {
					t.Errorf("took %v, want %v to %v", d, tt.min, tt.max)
				}
				if (tt.status == 0) != (err != nil) || err == nil && resp.StatusCode != tt.status {
					t.Errorf("got %v, %v, want status %d", resp, err, tt.status)
				}
				for _, body := range s.body {
					if body != s.body[0] || body == "" {
						t.Errorf("bodies %q, want the same each time", s.body)
					}
				}
			})
		})
	}
}

// errClosedIdle has the text of net/http's own error, which is not exported.
var errClosedIdle = errors.New("http: server closed idle connection")

// BuildKit repeats an upload after io.EOF.
func TestUploadOnDeadConnectionIsEOF(t *testing.T) {
	req, err := http.NewRequest(http.MethodPut, "https://r.example/v2/a/blobs/uploads/1",
		io.MultiReader(strings.NewReader("blob")))
	if err != nil {
		t.Fatal(err)
	}
	s := &script{steps: []any{errClosedIdle}}
	if _, err := newRetries(s).RoundTrip(req); !errors.Is(err, io.EOF) || s.n != 1 {
		t.Errorf("error %v after %d attempts, want io.EOF after one", err, s.n)
	}
}

// After a 429 the requests to a host follow one another with a growing pause, and those
// to other hosts do not wait.
func TestRequestsAreSpacedAfterTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := newRetries(&script{steps: []any{asked{429, "1"}, 200}})
		get := func(url string) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := limited.RoundTrip(req); err != nil {
				t.Error(err)
			}
		}
		get("https://r.example/v2/")
		start := time.Now()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { get("https://r.example/v2/") })
		}
		all.Wait()
		if took := time.Since(start); took < 4*firstGap || took > 5*firstGap {
			t.Errorf("five requests took %v, want one every %v", took, firstGap)
		}
		start = time.Now()
		get("https://other.example/v2/")
		if took := time.Since(start); took != 0 {
			t.Errorf("another host waited %v", took)
		}
	})
}

func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://r.example/v2/", nil)
			_, err := newRetries(&script{steps: []any{asked{503, "20"}}}).RoundTrip(req)
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("error %v after %v, want a cancelled context at once", err, time.Since(start))
		}
	})
}

// timeout is what a dial that takes too long returns.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// containerd repeats time-outs five times; ours are long enough once.
func TestTimeoutIsNotSeenAsOne(t *testing.T) {
	c := &http.Client{Transport: newRetries(&script{steps: []any{timeout{}}})}
	_, err := c.Get("https://r.example/v2/")
	var t1 interface{ Timeout() bool }
	if !errors.As(err, &t1) || t1.Timeout() {
		t.Errorf("error %v counts as a time-out", err)
	}
	if !errors.Is(err, timeout{}) {
		t.Errorf("error %v hides its cause", err)
	}
}
