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
	conflictHelp = "in Git, check out the branch prismeai/<workspace>/<branch>, merge the target branch into it, resolve the conflicts and push; " +
		"then pull the workspace on the platform, and run again"
	inProgressHelp = "somebody else is pushing this workspace: run again when that has ended"
	againHelp      = "see the log of prismeai-workspaces; then run again: workspaces that were pushed count as already pushed"
)

// remedies are what to do about errors of a workspace, by their text: the platform passes
// on what Git says. The first that matches counts.
var remedies = []outcome.Remedy{
	{Text: lazyregexp.New(`(?i)pull first|need to pull|not.{0,20}up.to.date|behind|non.fast.forward|fetch first|remote commits`),
		Help: "the repository has commits that the workspace lacks: pull them into the workspace on the platform, look at the result, and run again"},
	{Text: lazyregexp.New(`(?i)conflict`), Help: conflictHelp},
	{Text: lazyregexp.New(`(?i)certificate|self.signed|x509`),
		Help: "prismeai-workspaces does not trust the certificate of the Git server: add its authority to that deployment"},
	{Text: lazyregexp.New(`(?i)protected branch|hook declined|pre-receive`),
		Help: "the Git server refuses pushes to this branch: allow them to the user of the platform repository, or configure another branch"},
	{Text: lazyregexp.New(`(?i)authenti|permission|could not read username|access denied|forbidden|publickey|\b40[13]\b`),
		Help: "the Git server refuses the platform's credentials: check WORKSPACES_STORAGE_GIT_PLATFORM_<id>_* of prismeai-workspaces, and that they may write"},
	{Text: lazyregexp.New(`(?i)AlreadyUsed|InvalidVersion|version.{0,40}(already|exist|invalid|used)`),
		Help: "use another --name, at most 15 letters, digits, _ . and -, or none: then the platform makes one up"},
	{Text: lazyregexp.New(`(?i)\block(ed)?\b|in.progress`), Help: inProgressHelp},
	{Text: lazyregexp.New(`(?i)resolve host|timed? ?out|ECONN|ENOTFOUND|network|unreachable`),
		Help: "prismeai-workspaces does not reach the Git server: check its egress, network policies and proxy"},
}

// advise makes a problem of one that the platform told.
func advise(p platform.Problem) outcome.Problem {
	return outcome.Problem{Code: p.Code, Message: p.Message, Help: outcome.Help(remedies, p.String(), againHelp)}
}

// refusal is the problem of a request that the platform did not serve.
func (r *run) refusal(err error) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Class == platform.ClassCanceled {
		return err
	}
	help := map[platform.Class]string{
		platform.ClassUnauthorized: "the token is not accepted: check --token-file or BUILDER_TOKEN, and that the token has not expired",
		platform.ClassForbidden:    "the token's user may not do this: it needs access to the workspace platform, which super admins have, and to the workspaces",
		platform.ClassNotFound:     fmt.Sprintf("check --api-url, and that the platform has the repository %s and a WORKSPACES_GROUP_<name>_LABELS for each of --groups", r.Repository),
		platform.ClassRateLimited:  "the platform takes few such requests in a minute: run again later",
		platform.ClassRejected:     "check --groups, --repository and --name against what the platform says",
		platform.ClassNotSent:      "check --api-url, --api-ca and proxy variables, and that this machine reaches the platform",
	}[e.Class]
	return &outcome.Problem{Code: e.Class.String(), Message: e.Error(), Help: cmp.Or(help, "check --api-url and the proxies on the way; else see the log of the platform")}
}

// problemOf is the problem that err is, or makes one.
func problemOf(err error) outcome.Problem {
	if p, ok := errors.AsType[*outcome.Problem](err); ok {
		return *p
	}
	return outcome.Problem{Code: "internal", Message: cmp.Or(err, context.Canceled).Error(), Help: againHelp}
}
