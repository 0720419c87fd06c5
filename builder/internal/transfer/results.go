// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/junit"
)

// Results are those of a job, one for each workspace, in the order of the imports.
type Results []*Result

// Outcome of all: the first that is not done.
func (r Results) Outcome() outcome.Outcome {
	for _, result := range r {
		if result.Outcome != outcome.Done {
			return result.Outcome
		}
	}
	return outcome.Done
}

// MarshalJSON implements [json.Marshaler]. The report of one workspace is its result.
func (r Results) MarshalJSON() ([]byte, error) {
	if len(r) == 1 {
		return json.Marshal(r[0])
	}
	return json.Marshal(struct {
		Outcome    outcome.Outcome `json:"outcome"`
		Workspaces []*Result       `json:"workspaces"`
	}{r.Outcome(), r})
}

// WriteSummary writes what was transferred, for people.
func (r Results) WriteSummary(w io.Writer) error {
	var errs []error
	for i, result := range r {
		if i > 0 {
			_, err := io.WriteString(w, "\n")
			errs = append(errs, err)
		}
		errs = append(errs, result.WriteSummary(w))
	}
	return errors.Join(errs...)
}

// WriteProblems writes everything that is wrong, each with what to do about it.
func (r Results) WriteProblems(w io.Writer) error {
	var errs []error
	for _, result := range r {
		errs = append(errs, result.WriteProblems(w))
	}
	return errors.Join(errs...)
}

// WriteJUnit writes a test for each workspace and one for each file with a problem.
func (r Results) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "transfer"}
	for _, result := range r {
		suite.Cases = append(suite.Cases, result.cases()...)
	}
	return junit.Write(w, suite)
}
