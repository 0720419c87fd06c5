// SPDX-License-Identifier: Apache-2.0

// Package epoch reads SOURCE_DATE_EPOCH, which replaces the current time in reproducible builds
// (reproducible-builds.org).
package epoch

import (
	"fmt"
	"strconv"
	"time"
)

// Variable is the environment variable, in seconds since 1970.
const Variable = "SOURCE_DATE_EPOCH"

// Read returns the time of the variable in UTC, or otherwise if the variable is not set.
func Read(getenv func(string) string, otherwise time.Time) (time.Time, error) {
	text := getenv(Variable)
	if text == "" {
		return otherwise, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("%s is %q, want seconds since 1970", Variable, text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
