// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/junit"
)

// Results are the results of a job, one per workspace, in import order.
type Results []*Result

// Outcome returns the first outcome that is not Done.
func (r Results) Outcome() outcome.Outcome {
	for _, result := range r {
		if result.Outcome != outcome.Done {
			return result.Outcome
		}
	}
	return outcome.Done
}

// MarshalJSON implements [json.Marshaler]. The report of a single workspace is its result.
func (r Results) MarshalJSON() ([]byte, error) {
	if len(r) == 1 {
		return json.Marshal(r[0])
	}
	return json.Marshal(struct {
		Outcome    outcome.Outcome `json:"outcome"`
		Workspaces []*Result       `json:"workspaces"`
	}{r.Outcome(), r})
}

// WriteSummary writes a plain-text summary.
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

// WriteProblems writes every problem with its advice.
func (r Results) WriteProblems(w io.Writer) error {
	var errs []error
	for _, result := range r {
		errs = append(errs, result.WriteProblems(w))
	}
	return errors.Join(errs...)
}

// WriteJUnit writes a test case for each workspace and for each file with a problem.
func (r Results) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "transfer"}
	for _, result := range r {
		suite.Cases = append(suite.Cases, result.testCases()...)
	}
	return junit.Write(w, suite)
}
