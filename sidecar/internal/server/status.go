// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// writeStatus writes what [json.Marshal] would return and a line feed, one
// workspace at a time: a client that reads slowly must not hold megabytes. Lists
// are lists, also those that are nil.
func writeStatus(w io.Writer, s *state.Snapshot) error {
	head := *s
	head.Groups = []state.Group{}
	err := splice(w, head, "groups", s.Groups, func(g state.Group) error {
		some := g
		some.Workspaces = []state.Workspace{}
		return splice(w, some, "workspaces", g.Workspaces, func(one state.Workspace) error { return encode(w, one) })
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// splice writes whole, whose list named field is empty, with items in that list.
// No text of whole can look like the list: quotation marks in it are escaped.
func splice[T any](w io.Writer, whole any, field string, items []T, write func(T) error) error {
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

func encode(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
