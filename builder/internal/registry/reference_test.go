// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"strings"
	"testing"
)

func TestParseReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for in, want := range map[string]string{
		"alpine":                               "docker.io/library/alpine:latest",
		"team/app":                             "docker.io/team/app:latest",
		"index.docker.io/team/app:1":           "docker.io/team/app:1",
		"r.example/team/app":                   "r.example/team/app:latest",
		"localhost:5000/app:1":                 "localhost:5000/app:1",
		"[::1]:5000/app:1":                     "[::1]:5000/app:1",
		"r.example/app@" + digest:              "r.example/app@" + digest,
		"r.example:5000/app:2@" + digest:       "r.example:5000/app:2@" + digest,
		"r.example/app_with__separators.x-y:1": "r.example/app_with__separators.x-y:1",
	} {
		got, err := ParseReference(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseReference(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                               `""`,
		"Upper/Case":                     "must be lowercase",
		"r.example/app:":                 "invalid reference format",
		"r.example/app@sha256:short":     "sha256:short",
		"https://r.example/app":          "it has a scheme",
		"https://u:canary@r.example/app": "it has a scheme",
		"u:canary@r.example/app":         "not shown",
		strings.Repeat("a", 64):          "",
	} {
		_, err := ParseReference(in)
		wantError(t, err, Reference, want)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the password is in the error %q", err)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("r.example:5000/team/app:1")
	f.Add("u:p@r.example/app")
	f.Fuzz(func(t *testing.T, in string) {
		named, err := ParseReference(in)
		if err != nil {
			return
		}
		again, err := ParseReference(named.String())
		if err != nil || again.String() != named.String() {
			t.Errorf("%q became %q, which becomes %v, %v", in, named, again, err)
		}
		if hostOf(in) == "" {
			t.Errorf("%q has no host", in)
		}
	})
}
