// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeWaiter transfers data or waits at times that the test controls.
type fakeWaiter struct {
	started time.Time
	// silentFrom and silentTo are durations since the start.
	silentFrom, silentTo time.Duration
}

func (f fakeWaiter) Traffic() (sent, received int64) {
	now := time.Since(f.started)
	if now > f.silentFrom && now < f.silentTo {
		now = f.silentFrom
	}
	return int64(now), 0
}

func (f fakeWaiter) Waits(time.Duration) string {
	if now := time.Since(f.started); now > f.silentFrom && now < f.silentTo {
		return "waiting since " + (now - f.silentFrom).String()
	}
	return ""
}

func TestSilentRegistriesAreShown(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to time.Duration
		end      time.Duration
		want     []string
	}{
		{name: "never silent", from: time.Hour, to: time.Hour, end: 2 * time.Minute},
		{name: "shortly silent", from: 16 * time.Second, to: 29 * time.Second, end: time.Minute},
		{
			name: "silent for a while", from: 20 * time.Second, to: 70 * time.Second, end: 2 * time.Minute,
			want: []string{"wait for the registry {", "waiting since 25s", "waiting since 40s", "}"},
		},
		{
			name: "silent to the end", from: 20 * time.Second, to: time.Hour, end: 50 * time.Second,
			want: []string{"wait for the registry {", "waiting since 25s", "}"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var shown []string
				show := func(name string, fn func(say func(string)) error) error {
					shown = append(shown, name+" {")
					err := fn(func(line string) { shown = append(shown, line) })
					shown = append(shown, "}")
					return err
				}
				registry := fakeWaiter{started: time.Now(), silentFrom: test.from, silentTo: test.to}
				narrateWaits(registry, show, func() { time.Sleep(test.end) })
				if diff := cmp.Diff(test.want, shown); diff != "" {
					t.Errorf("shown (-want +got):\n%s", diff)
				}
			})
		})
	}
}
