// SPDX-License-Identifier: AGPL-3.0-or-later

package bulkpush

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const (
	conflictHelp = "in Git, check out the branch prismeai/<workspace>/<branch>, merge the target branch into it, " +
		"resolve the conflicts and push; then pull the workspace on the platform, and run again"
	inProgressHelp = "another push of this workspace is in progress: run again when it has ended"
	againHelp      = "see the log of prismeai-workspaces; then run again: " +
		"workspaces that were pushed count as already pushed"
)

// remedies maps error texts of a workspace to advice. The platform passes Git's messages through.
// The first match wins.
var remedies = []outcome.Remedy{
	{Text: lazyregexp.New(`(?i)pull first|need to pull|not.{0,20}up.to.date|behind|non.fast.forward|` +
		`fetch first|remote commits`),
		Help: "the repository has commits that the workspace lacks: pull them into the workspace on the platform, " +
			"review the result, and run again"},
	{Text: lazyregexp.New(`(?i)conflict`), Help: conflictHelp},
	{Text: lazyregexp.New(`(?i)certificate|self.signed|x509`),
		Help: "prismeai-workspaces does not trust the certificate of the Git server: " +
			"add the certificate authority to that deployment"},
	{Text: lazyregexp.New(`(?i)protected branch|hook declined|pre-receive`),
		Help: "the Git server refuses pushes to this branch: " +
			"allow them for the user of the platform repository, or configure another branch"},
	{Text: lazyregexp.New(`(?i)authenti|permission|could not read username|access denied|forbidden|publickey|` +
		`\b40[13]\b`),
		Help: "the Git server refuses the platform's credentials: check WORKSPACES_STORAGE_GIT_PLATFORM_<id>_* " +
			"of prismeai-workspaces, and that they grant write access"},
	{Text: lazyregexp.New(`(?i)AlreadyUsed|InvalidVersion|version.{0,40}(already|exist|invalid|used)`),
		Help: "use another --name (at most 15 letters, digits, _ . and -), or omit it: the platform then " +
			"generates one"},
	{Text: lazyregexp.New(`(?i)\block(ed)?\b|in.progress`), Help: inProgressHelp},
	{Text: lazyregexp.New(`(?i)resolve host|timed? ?out|ECONN|ENOTFOUND|network|unreachable`),
		Help: "prismeai-workspaces cannot reach the Git server: check its egress, network policies and proxy"},
}

// withRemedy adds advice to a problem that the platform reported.
func withRemedy(p platform.Problem) outcome.Problem {
	return outcome.Problem{Code: p.Code, Message: p.Message, Help: outcome.Help(remedies, p.String(), againHelp)}
}

// explainRefusal turns an error of the platform into a problem with advice. Cancellation and errors
// of other kinds are returned unchanged.
func (r *run) explainRefusal(err error) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Class == platform.ClassCanceled {
		return err
	}
	help := map[platform.Class]string{
		platform.ClassUnauthorized: "the token is not accepted: check --token-file or BUILDER_TOKEN, " +
			"and that the token has not expired",
		platform.ClassForbidden: "the token's user lacks permission: it needs access to the workspaces " +
			"and to the workspace platform (super admins have it)",
		platform.ClassNotFound: fmt.Sprintf("check --api-url, and that the platform has the repository %s "+
			"and a WORKSPACES_GROUP_<name>_LABELS for each of --groups", r.Repository),
		platform.ClassRateLimited: "the platform limits these requests to a few per minute: run again later",
		platform.ClassRejected:    "check --groups, --repository and --name against the platform's message",
		platform.ClassNotSent: "check --api-url, --api-ca and proxy variables, " +
			"and that this machine can reach the platform",
	}[e.Class]
	return &outcome.Problem{
		Code:    e.Class.String(),
		Message: e.Error(),
		Help:    cmp.Or(help, "check --api-url and any proxies; otherwise see the log of the platform"),
	}
}

// toProblem returns the problem in err's chain, or wraps err in a new one.
func toProblem(err error) outcome.Problem {
	if p, ok := errors.AsType[*outcome.Problem](err); ok {
		return *p
	}
	return outcome.Problem{Code: "internal", Message: cmp.Or(err, context.Canceled).Error(), Help: againHelp}
}
