// SPDX-License-Identifier: AGPL-3.0-or-later

package spelling

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	candidates := []string{"set", "emit", "fetch", "repeat", "conditions", "createUserTopic", "wait"}
	for word, want := range map[string]string{
		"emitt":           "emit",
		"ftech":           "fetch",
		"Fetch":           "fetch",
		"condition":       "conditions",
		"createusertopic": "createUserTopic",
		"repaet":          "repeat",
		"st":              "",
		"sett":            "set",
		"sendMail":        "",
		"":                "",
		"wiat":            "wait",
	} {
		if got := Nearest(word, slices.Values(candidates)); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearestIsTheSameInAnyOrder(t *testing.T) {
	for _, candidates := range [][]string{{"claim", "clain"}, {"clain", "claim"}} {
		if got := Nearest("clair", slices.Values(candidates)); got != "claim" {
			t.Errorf("Nearest of %v = %q, want claim", candidates, got)
		}
	}
}
