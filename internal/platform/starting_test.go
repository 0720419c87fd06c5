// SPDX-License-Identifier: Apache-2.0

package platform_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
)

// TestAServiceThatIsNotUpYet checks that responses in its place have their own class, until the
// first response of the platform itself.
func TestAServiceThatIsNotUpYet(t *testing.T) {
	answers := []struct {
		status int
		body   string
	}{
		{503, "no healthy upstream"}, {502, "<html>"}, {504, ""}, {404, "no route"}, {0, ""},
		{503, `{"error":"Unavailable","message":"starting"}`},
		{401, `{"error":"AuthenticationError","message":"no"}`}, // the platform
		{503, "no healthy upstream"}, {0, ""},
	}
	for starting, want := range map[bool][]string{
		true:  {"not_up", "not_up", "not_up", "404", "not_up", "not_up", "401", "503", "interrupted"},
		false: {"503", "502", "504", "404", "interrupted", "503", "401", "503", "interrupted"},
	} {
		var codes []string
		n := 0
		observe := func(_ platform.Op, code string, _ time.Duration) { codes = append(codes, code) }
		c := clientOf(t, platform.Options{Starting: starting,
			Observer: observe}, func(w http.ResponseWriter, _ *http.Request) {
			a := answers[n]
			n++
			if a.status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Connection", "close") // otherwise the transport repeats a broken request
			w.WriteHeader(a.status)
			_, _ = w.Write([]byte(a.body))
		})
		for range answers {
			if _, err := c.Platform(t.Context()); err == nil {
				t.Error("no error")
			}
		}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("starting %t: -want +got:\n%s", starting, diff)
		}
	}
}
