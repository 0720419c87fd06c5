// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// writeStatus writes the output of [json.Marshal] and a newline. It encodes one workspace at a
// time, so that a slow client does not hold megabytes of memory. Nil lists are written as empty
// lists.
func writeStatus(w io.Writer, s *state.Snapshot) error {
	head := *s
	head.Groups = []state.Group{}
	err := writeSpliced(w, head, "groups", s.Groups, func(g state.Group) error {
		some := g
		some.Workspaces = []state.Workspace{}
		writeOne := func(one state.Workspace) error { return writeJSON(w, one) }
		return writeSpliced(w, some, "workspaces", g.Workspaces, writeOne)
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// writeSpliced writes whole, whose list named field must be empty, with items in that list. Strings in
// whole cannot match the list, because JSON escapes their quotation marks.
func writeSpliced[T any](w io.Writer, whole any, field string, items []T, write func(T) error) error {
	data, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	before, after, found := bytes.Cut(data, []byte(`"`+field+`":[]`))
	if !found {
		return errors.New("status has no list " + field)
	}
	_, err = io.WriteString(w, string(before)+`"`+field+`":[`)
	for n := 0; n < len(items) && err == nil; n++ {
		if n > 0 {
			_, err = io.WriteString(w, ",")
		}
		if err == nil {
			err = write(items[n])
		}
	}
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte("]"), after...))
	return err
}

func writeJSON(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
