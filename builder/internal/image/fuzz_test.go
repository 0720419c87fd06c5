// SPDX-License-Identifier: AGPL-3.0-or-later

package image_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/image"
	"github.com/prismeai/workspaces-release/internal/release"
)

// FuzzApply checks, for every accepted base, that the configuration has the builder's variables and
// labels once, and that a second release on top replaces the first completely.
func FuzzApply(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"config":{"Env":["A=1"],"Labels":{"a":"b"}},"history":[{"empty_layer":true}],` +
		`"rootfs":{"diff_ids":["sha256:00"]}}`))
	f.Add([]byte(`{"config":{"Env":["WORKSPACES_STORAGE_GIT_PLATFORM_release_DIRPATH=/www"]}}`))
	f.Add([]byte(`{"Config":{"Env":["A=1"]},"config":{"env":["B=2"]}}`))
	c := config(func(m *release.Manifest) { m.Groups = m.Groups[:1] })
	c.ReplaceRepository = true
	type part struct {
		Config struct {
			Env    []string
			Labels map[string]string
		}
		History []json.RawMessage
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := image.Apply(data, c)
		if err != nil {
			return
		}
		second := apply(t, first, c)
		one, two := decodeFields[part](t, first), decodeFields[part](t, second)
		if diff := cmp.Diff(one.Config, two.Config); diff != "" {
			t.Error(diff)
		}
		if len(two.History) < len(one.History)+len(c.Layers) {
			t.Errorf("%d entries of history became %d", len(one.History), len(two.History))
		}
		want := variables + "release_MODE=read-only"
		if n := len(slices.DeleteFunc(slices.Clone(one.Config.Env), func(e string) bool { return e != want })); n != 1 {
			t.Errorf("%s is there %d times", want, n)
		}
	})
}
