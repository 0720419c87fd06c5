// SPDX-License-Identifier: Apache-2.0

package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// errorText is a text of the platform that decides about a reason, because errors of an import have
// no stable code.
type errorText struct {
	reason state.Reason
	text   *regexp.Regexp
	// recorded is an error that it matches, version the one of the service that sent it.
	recorded, version string
}

// Versions of the service whose texts are known.
const (
	recorded2024 = "October 2024" // recorded answers of the service, see platformtest.Cases
	documented27 = "27.5.5"       // its documentation; this version was not run
)

// errorTexts are in the order in which they are tried. Other errors have [state.ImportErrors].
var errorTexts = []errorText{
	{
		reason:   state.MissingPhoto,
		text:     regexp.MustCompile(`(?i)^(\w*Error: )*missing photo\b`),
		recorded: "MissingFieldError: Missing photo or description",
		version:  recorded2024,
	},
	{
		reason:   state.OrphanedApp,
		text:     regexp.MustCompile(`(?i)^(\w*Error: )*app( slug)? ['"]?.* already (used|in use|exists)`),
		recorded: "AlreadyUsedError: App slug 'Papp2' already used",
		version:  recorded2024,
	},
	{
		reason:   state.SlugTaken,
		text:     regexp.MustCompile(`SlugAlreadyInUse|already used`),
		recorded: "SlugAlreadyInUse: Could not rename workspace slug from a to b as it is already used by workspaceId c",
		version:  documented27,
	},
}

// classifyProblem classifies one error of an import.
func classifyProblem(p platform.Problem) state.Reason {
	text := p.String()
	n := slices.IndexFunc(errorTexts, func(known errorText) bool { return known.text.MatchString(text) })
	if n < 0 {
		return state.ImportErrors
	}
	return errorTexts[n].reason
}

// unfinishedWords are parts of statuses that are not those of an imported workspace. No source lists
// the statuses of a report: 27.5.5 documents imported, skipped and error for the event about the
// progress, and inProgress, candidate and mergeConflict for a push.
var unfinishedWords = []string{
	"err", "fail", "conflict", "abort", "cancel", "timeout", "reject", "refuse", "denied", "invalid", "lock",
	"partial", "progress", "pending", "candidate", "queue", "running", "waiting",
}

// isFinalStatus reports whether a status may be that of an imported workspace.
func isFinalStatus(s platform.Status) bool {
	text := strings.ToLower(string(s))
	return !slices.ContainsFunc(unfinishedWords, func(word string) bool { return strings.Contains(text, word) })
}
