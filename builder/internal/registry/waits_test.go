// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestWaits checks that pending requests are described with their age, and with the reason for a pause.
func TestWaits(t *testing.T) {
	const upload = "https://r.example/v2/a/blobs/uploads/1?_state=secret"
	for _, test := range []struct {
		name   string
		answer roundTrip
		want   string
	}{
		{
			name: "silence",
			answer: func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, req.Context().Err()
			},
			want: "waiting for r.example to answer a GET for an upload, for 20s",
		},
		{
			name: "asks to wait",
			answer: func(*http.Request) (*http.Response, error) {
				header := http.Header{"Retry-After": {"45"}}
				return &http.Response{StatusCode: http.StatusTooManyRequests, Header: header, Body: http.NoBody}, nil
			},
			want: "waiting for r.example to answer a GET for an upload, for 20s: 429 Too Many Requests; " +
				"the next attempt is at most 45s away",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				c := &Client{waits: &waits{next: newRetries(test.answer), open: map[*wait]bool{}}}
				if got := c.Waits(0); got != "" {
					t.Errorf("%q before there is a request", got)
				}
				go func() {
					req, _ := http.NewRequestWithContext(ctx, http.MethodGet, upload, nil)
					if resp, err := c.waits.RoundTrip(req); err == nil {
						resp.Body.Close()
					}
				}()
				time.Sleep(20 * time.Second)
				if got := c.Waits(20 * time.Second); got != test.want {
					t.Errorf("got  %q\nwant %q", got, test.want)
				}
				if got := c.Waits(21 * time.Second); got != "" {
					t.Errorf("%q of a shorter wait", got)
				}
				cancel()
				synctest.Wait()
				if got := c.Waits(0); got != "" {
					t.Errorf("%q after the end", got)
				}
			})
		})
	}
}
