// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const againHelp = "see the log of prismeai-workspaces; then run again: an import of the same files changes nothing"

// remedies are what to do about errors of an import, by their text. The first that
// matches counts.
var remedies = []outcome.Remedy{
	{Text: regexp.MustCompile(`(?i)slug.{0,40}(already|used|taken)|AlreadyUsed|SlugAlreadyInUse`),
		Help: "another workspace or app of the target has this slug: rename one of the two"},
	{Text: regexp.MustCompile(`(?i)\bapp\b.{0,60}(not found|unknown|not exist)|(not find|unknown) app`),
		Help: "install or transfer the app to the target first, then run again"},
	{Text: regexp.MustCompile(`(?i)more than \d+ files|too large|PayloadTooLarge`),
		Help: "the platform takes no more than this in one archive: take out what need not be in the workspace"},
	{Text: regexp.MustCompile(`(?i)forbidden|permission|not allowed|unauthorized`),
		Help: "the token's user may not do this on the target: give it the rights of an owner of the workspace"},
	{Text: regexp.MustCompile(`(?i)\block(ed)?\b|in.progress`),
		Help: "somebody else is changing this workspace: run again when that has ended"},
	{Text: regexp.MustCompile(`(?i)yaml|duplicated? (mapping )?key|unexpected token`),
		Help: "the platform cannot read the file: correct it in the workspace that it comes from"},
	{Text: regexp.MustCompile(`(?i)validation|BadParameters|must (be|have|NOT|match)|invalid`),
		Help: "the platform refuses what the file says: correct it in the workspace that it comes from, or bring the target to the version of the platform that wrote it"},
}

// advise makes a problem of one that the platform told.
func advise(p platform.FileProblem) outcome.Problem {
	return outcome.Problem{File: p.File, Code: p.Code, Message: p.Message, Help: outcome.Help(remedies, p.String(), againHelp)}
}

// refusal is the problem of a request that the platform did not serve. Flags of the side
// begin with its name.
func refusal(err error, side string) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Class == platform.ClassCanceled || errors.Is(err, context.Canceled) {
		return err
	}
	help := map[platform.Class]string{
		platform.ClassUnauthorized: fmt.Sprintf("the token is not accepted: check --%s-token-file or BUILDER_%s_TOKEN, and that the token has not expired", side, strings.ToUpper(side)),
		platform.ClassForbidden:    "the token's user may not do this: it needs access to the workspace, and to create one the right to do that",
		platform.ClassNotFound:     fmt.Sprintf("check --%s-api-url, and that the platform knows archives of workspaces", side),
		platform.ClassRateLimited:  "the platform takes few such requests in a minute: run again later",
		platform.ClassLocked:       "somebody else is changing this workspace: run again when that has ended; a lock whose holder is gone expires after 30 minutes",
		platform.ClassRejected:     "correct what the platform names; nothing was imported",
		platform.ClassTooLarge:     "take out of the workspace what need not be in it",
		platform.ClassNotSent:      fmt.Sprintf("check --%s-api-url, --%[1]s-api-ca and proxy variables, and that this machine reaches the platform", side),
	}[e.Class]
	return &outcome.Problem{Code: e.Class.String(), Message: e.Error(), Help: cmp.Or(help, fmt.Sprintf("check --%s-api-url and the proxies on the way; else see the log of the platform", side))}
}
