// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/docker/go-units"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/internal/platform"
)

const againHelp = "see the log of prismeai-workspaces; then run again: an import of the same files changes nothing"

// remedies maps error texts of an import to advice. The first match wins.
var remedies = []outcome.Remedy{
	{Text: lazyregexp.New(`^Exception: .*|^Exception$`),
		Help: "the platform gives no reason: its code failed on this file. Look for values that are null or of " +
			"another type than the platform expects, see builder validate, and the log of prismeai-workspaces"},
	{Text: lazyregexp.New(`Missing photo`),
		Help: "the workspace publishes an app, and apps need a photo: add photo to index.yml; the files were imported"},
	{Text: lazyregexp.New(`App slug .* already used|Once published`),
		Help: "another workspace, perhaps a deleted one, has published this app: give the app another slug, or " +
			"delete that app on the target"},
	{Text: lazyregexp.New(`^InvalidSlugError`),
		Help: "slugs of automations, pages and imports have letters without accents, digits, blanks, - and _ " +
			"only: rename the file or correct its slug"},
	{Text: lazyregexp.New(`^InvalidScheduleError`),
		Help: "correct when.schedules: each is a cron expression of up to six fields"},
	{Text: lazyregexp.New(`^InvalidSecurity`),
		Help: "correct the rule in security.yml: its role must be in authorizations.roles, and the platform must " +
			"support its subject and action"},
	{Text: lazyregexp.New(`^ENOENT|refresh some dsul index`),
		Help: "the platform could not list the files of the workspace after the import, so the studio may not " +
			"show all: open the workspace, or run again"},
	{Text: lazyregexp.New(`(?i)could not find dsul object`),
		Help: "an empty file deletes its object, and this one is not on the target: fill the file, or leave it out"},
	{Text: lazyregexp.New(`(?i)slug.{0,40}(already|used|taken)|AlreadyUsed|SlugAlreadyInUse`),
		Help: "another workspace or app of the target has this slug: rename one of the two"},
	{Text: lazyregexp.New(`(?i)\bapp\b.{0,60}(not found|unknown|not exist)|(not find|unknown) app`),
		Help: "install or transfer the app to the target first, then run again"},
	{Text: lazyregexp.New(`(?i)more than \d+ files|too large|PayloadTooLarge`),
		Help: "the archive is too large for the platform: remove from the workspace what it does not need"},
	{Text: lazyregexp.New(`(?i)forbidden|permission|not allowed|unauthorized`),
		Help: "the token's user lacks permission on the target: give it the rights of an owner of the workspace"},
	{Text: lazyregexp.New(`(?i)\block(ed)?\b|in.progress`),
		Help: "another change of this workspace is in progress: run again when it has ended"},
	{Text: lazyregexp.New(`(?i)yaml|duplicated? (mapping )?key|unexpected token`),
		Help: "the platform cannot read the file: correct it in the workspace that it comes from"},
	{Text: lazyregexp.New(`(?i)validation|BadParameters|must (be|have|NOT|match)|invalid`),
		Help: "the platform rejects the content of the file: correct it in the workspace that it comes from, or " +
			"bring the target to the version of the platform that wrote it"},
}

// withRemedy adds advice to a problem that the platform reported.
func withRemedy(p platform.FileProblem) outcome.Problem {
	return outcome.Problem{
		File:    p.File,
		Code:    p.Code,
		Message: p.Message,
		Help:    outcome.Help(remedies, p.String(), againHelp),
	}
}

// explainRefusal turns an error of the platform into a problem with advice. side ("from" or "to")
// is the prefix of the flags that the advice names. Cancellation is returned unchanged.
func explainRefusal(err error, side string) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Class == platform.ClassCanceled || errors.Is(err, context.Canceled) {
		return err
	}
	if e.ObjectMissing() {
		return &outcome.Problem{
			Code:    "no-workspace",
			Message: e.Error(),
			Help: "the workspace is gone, or the token's user may not see it: look for it on the platform, " +
				"then run again",
		}
	}
	help := map[platform.Class]string{
		platform.ClassUnauthorized: fmt.Sprintf("the token is not accepted: check --%s-token-file or "+
			"BUILDER_%s_TOKEN, and that the token has not expired", side, strings.ToUpper(side)),
		platform.ClassForbidden: "the token's user lacks permission: it needs access to the workspace and, to " +
			"create one, the right to create workspaces",
		platform.ClassNotFound: fmt.Sprintf("check --%s-api-url, and that this platform can import archives of "+
			"workspaces", side),
		platform.ClassRateLimited: "the platform limits such requests: run again in some minutes",
		platform.ClassLocked: "another change of this workspace is in progress: run again when it has ended; a " +
			"lock whose holder is gone expires after 30 minutes",
		platform.ClassRejected: "correct what the platform names; nothing was imported",
		platform.ClassTooLarge: "remove from the workspace what it does not need",
		platform.ClassNotSent: fmt.Sprintf("check --%s-api-url, --%[1]s-api-ca and proxy variables, and that "+
			"this machine reaches the platform", side),
	}[e.Class]
	return &outcome.Problem{
		Code:    e.Class.String(),
		Message: e.Error(),
		Help: cmp.Or(help, fmt.Sprintf("check --%s-api-url and the proxies in between, or read the log of "+
			"the platform", side)),
	}
}

// maxLargest is how many files the error about a too large archive names.
const maxLargest = 5

// explainImportRefusal is explainRefusal for an import. If the archive is too large, it names the
// limit and the largest files.
func (r *run) explainImportRefusal(err error) error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Status != http.StatusRequestEntityTooLarge {
		return explainRefusal(err, "to")
	}
	message := fmt.Sprintf("the archive has %s, which is more than the platform takes",
		units.BytesSize(float64(r.Size)))
	if e.Limit > 0 {
		message += fmt.Sprintf(": its limit is %s", units.BytesSize(float64(e.Limit)))
	}
	return &outcome.Problem{Code: "upload-too-large", Message: message + listLargestFiles(r.Archive, r.Size),
		Help: "remove from the workspace what it does not need, or raise the upload limit of the platform's " +
			"gateway and of prismeai-workspaces (10 MB by default)"}
}

// listLargestFiles lists the files with the largest compressed size.
func listLargestFiles(archive io.ReaderAt, size int64) string {
	list, err := zip.NewReader(archive, size)
	if err != nil {
		return "" // unreachable: this process wrote the archive
	}
	files := slices.SortedFunc(slices.Values(list.File), func(a, b *zip.File) int {
		return cmp.Compare(b.CompressedSize64, a.CompressedSize64)
	})
	text := "; its largest files, compressed:"
	for _, f := range files[:min(maxLargest, len(files))] {
		text += fmt.Sprintf(" %s (%s)", f.Name, units.BytesSize(float64(f.CompressedSize64)))
	}
	return text
}
