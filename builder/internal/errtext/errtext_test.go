// SPDX-License-Identifier: AGPL-3.0-or-later

package errtext_test

import (
	"errors"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/errtext"
	"github.com/prismeai/workspaces-release/builder/internal/errtext/errtexttest"
)

var table = errtext.Table[int]{
	{Text: "file already closed", From: "go1.26/internal/oserror/errors.go", Means: 1},
	{Text: "already", From: "program 1.0", Means: 2},
	{Text: "refuses to connect to", From: "./builder/internal/egress/egress.go", Means: 3},
	{Text: "failed to load cache key", From: "github.com/moby/buildkit@v0.34.2/solver/edge.go", Means: 4},
}

func TestFind(t *testing.T) {
	for text, want := range map[string]int{
		"close x: file already closed": 1,
		"it is there already":          2,
		"nothing of this":              0,
	} {
		got, found := table.Find(errors.New(text))
		if got != want || found != (want != 0) {
			t.Errorf("%q means %d, found %v", text, got, found)
		}
	}
}

func TestSays(t *testing.T) {
	err := errors.New("close x: file already closed")
	for means, want := range map[int]bool{1: true, 2: true, 3: false} {
		if got := table.Says(err, means); got != want {
			t.Errorf("%q says %d: %v", err, means, got)
		}
	}
}

func TestTableIsCheckedAgainstItsOrigins(t *testing.T) {
	errtexttest.Check(t, table, map[string]int{
		"close x: file already closed":            1,
		"already":                                 2,
		"the proxy p refuses to connect to r":     3,
		"failed to load cache key: no such image": 4,
	})
}
