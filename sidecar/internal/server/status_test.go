// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// sameAsMarshal checks that the stream equals the output of [json.Marshal] and a newline. Nil lists
// must be empty lists.
func sameAsMarshal(t *testing.T, name string, s *state.Snapshot) {
	t.Helper()
	var got bytes.Buffer
	if err := writeStatus(&got, s); err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(filled(s))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want)+"\n", got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func filled(s *state.Snapshot) *state.Snapshot {
	out := *s
	out.Groups = append([]state.Group{}, s.Groups...)
	for n := range out.Groups {
		out.Groups[n].Workspaces = append([]state.Workspace{}, out.Groups[n].Workspaces...)
	}
	return &out
}

func TestStatusIsTheSnapshot(t *testing.T) {
	fresh := state.NewStore().Get()
	for name, s := range pages() {
		sameAsMarshal(t, name, s)
	}
	sameAsMarshal(t, "fresh", &fresh)
	sameAsMarshal(t, "large", large())
}

// FuzzStatus checks that text in the status is never mistaken for a list.
func FuzzStatus(f *testing.F) {
	f.Add(`"groups":[]`, `"workspaces":[]`)
	f.Add(nasty, "\"groups\":[],\\\"groups\":[]")
	f.Fuzz(func(t *testing.T, a, b string) {
		s := failing()
		s.Mode, s.Release.Name, s.Problem.Message, s.CorrelationID = a, b, a, b
		s.Groups[0].Name, s.Groups[1].Name = a, b
		s.Groups[0].Workspaces[0].Slug, s.Groups[1].Workspaces[0].Error = a, b
		sameAsMarshal(t, a+b, s)
	})
}

// measure is a writer that records the largest write, and fails after a number of bytes.
type measure struct{ largest, left int }

func (m *measure) Write(p []byte) (int, error) {
	m.largest, m.left = max(m.largest, len(p)), m.left-len(p)
	if m.left < 0 {
		return 0, errGone
	}
	return len(p), nil
}

var errGone = errors.New("the client is gone")

// TestStatusIsWrittenInPieces checks that a slow client does not hold a large status in memory.
func TestStatusIsWrittenInPieces(t *testing.T) {
	all := &measure{left: 1 << 30}
	if err := writeStatus(all, large()); err != nil {
		t.Fatal(err)
	}
	if all.largest > 8<<10 {
		t.Errorf("one write has %d bytes", all.largest)
	}
}

// TestStatusEndsWithItsClient checks that writing stops wherever the client fails.
func TestStatusEndsWithItsClient(t *testing.T) {
	whole := &measure{left: 1 << 20}
	if err := writeStatus(whole, failing()); err != nil {
		t.Fatal(err)
	}
	for n := range 1<<20 - whole.left {
		if err := writeStatus(&measure{left: n}, failing()); !errors.Is(err, errGone) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

func TestSpliceWithoutTheList(t *testing.T) {
	err := writeSpliced(io.Discard, struct{}{}, "groups", []int{1}, func(int) error { return nil })
	if err == nil {
		t.Error("a document without the list is no error")
	}
}

func BenchmarkStatus(b *testing.B) {
	s := large()
	b.ReportAllocs()
	for b.Loop() {
		if err := writeStatus(io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}
