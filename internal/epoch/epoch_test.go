// SPDX-License-Identifier: Apache-2.0

package epoch

import (
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	otherwise := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":           otherwise,
		"0":          time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		"1700000000": time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC),
		"yesterday":  {},
		"-1":         {},
		"1.5":        {},
	} {
		got, err := Read(func(string) string { return text }, otherwise)
		if got != want || (err != nil) != want.IsZero() {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}
