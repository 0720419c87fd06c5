// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
)

// printWait prints how long the platform asks the client to wait.
func printWait(say func(string)) retry.Notify {
	return func(left time.Duration) {
		say(fmt.Sprintf("the platform limits such requests: trying again in %s", left.Round(time.Second)))
	}
}

// createWorkspace creates an empty workspace. An import into a new workspace would generate another
// slug, so the workspace must exist first.
func (r *run) createWorkspace(ctx context.Context) error {
	var created platform.Detail
	err := r.display.Narrate("create the workspace "+r.Slug, func(say func(string)) error {
		return retry.Write(ctx, printWait(say), func() (err error) {
			created, err = r.client.CreateWorkspace(ctx, cmp.Or(r.Name, r.Slug), r.Slug)
			return err
		})
	})
	if platform.OutcomeUnknown(err) && ctx.Err() == nil {
		return &outcome.Problem{
			Code:    "unknown-workspace",
			Message: fmt.Sprintf("it is unknown whether the platform created the workspace %s: %v", r.Slug, err),
			Help:    "run again with --create, which finds the workspace if it exists; nothing was imported",
		}
	}
	if err != nil {
		return explainRefusal(err, "to")
	}
	r.result.Created = true
	r.result.Workspace = Workspace{Slug: cmp.Or(created.Slug, r.Slug), ID: created.ID}
	if created.Slug != "" && created.Slug != r.Slug {
		return &outcome.Problem{
			Code: "other-slug",
			Message: fmt.Sprintf("the platform created the workspace %s with the slug %s instead of %s; nothing "+
				"was imported",
				created.ID, created.Slug, r.Slug),
			Help: fmt.Sprintf("give it the slug %s in its settings, or delete it; then run again", r.Slug),
		}
	}
	return nil
}

// warnIfEmpty warns that a failed import leaves a new, empty workspace on the target.
func (r *run) warnIfEmpty() {
	if !r.result.Created || len(r.result.Imported) > 0 || r.result.FilesUnknown || r.result.Outcome == outcome.Done {
		return
	}
	w := r.result.Workspace
	r.result.addWarning(outcome.Problem{
		Code:    "empty-workspace",
		Message: fmt.Sprintf("the new workspace %s (%s) is on the target and may be empty", w.Slug, w.ID),
		Help:    "run again after the correction: --create finds the workspace; or delete it in its settings",
	})
}

// oneProduct is the label of workspaces that the vendor's tools do not replace individually.
const oneProduct = "one-product"

func (r *run) warnOfLabels(labels []string, whose string) {
	for _, label := range labels {
		if label != oneProduct {
			continue
		}
		for _, w := range r.result.Warnings {
			if w.Code == oneProduct {
				return
			}
		}
		r.result.addWarning(outcome.Problem{
			Code: oneProduct,
			Message: fmt.Sprintf("%s has the label %s: such workspaces belong together and should not be "+
				"replaced one by one", whose, label),
			Help: "bring them to the target as a release, in which all have one version",
		})
	}
}

// inspectTarget warns of settings of the existing workspace that an import removes.
func (r *run) inspectTarget(ctx context.Context, id string) error {
	var detail platform.Detail
	err := retry.Read(ctx, func() (err error) { detail, err = r.client.WorkspaceDetail(ctx, id); return err })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && r.KeepDomains:
		return explainRefusal(err, "to")
	case err != nil:
		r.result.addWarning(outcome.Problem{
			Code: "unknown-domains",
			Message: "the custom domains of the target's workspace cannot be read, which an import empties: " +
				err.Error(),
			Help: "look at the settings of the workspace before and after the import",
		})
		return nil
	}
	r.warnOfLabels(detail.Labels, "the workspace on the target")
	r.domains = detail.CustomDomains
	r.result.Domains = append([]string{}, r.domains...)
	if len(r.domains) > 0 && !r.KeepDomains {
		r.result.addWarning(outcome.Problem{
			Code: "custom-domains",
			Message: fmt.Sprintf("the import clears the custom domains of the target's workspace: %s",
				strings.Join(r.domains, ", ")),
			Help: "restore them with --keep-domains, or in the settings of the workspace",
		})
	}
	return nil
}

// restoreDomains sets the custom domains again after an import.
func (r *run) restoreDomains(ctx context.Context) error {
	if !r.KeepDomains || len(r.domains) == 0 || !r.posted || ctx.Err() != nil {
		return nil
	}
	w := r.result.Workspace
	err := r.display.Narrate("restore the custom domains "+strings.Join(r.domains, ", "), func(say func(string)) error {
		return retry.Write(ctx, printWait(say), func() error {
			return r.client.SetCustomDomains(ctx, w.ID, cmp.Or(r.Name, w.Slug), r.domains)
		})
	})
	if err == nil {
		return nil
	}
	r.result.Outcome = outcome.Failed
	if _, answered := errors.AsType[*platform.Error](err); !answered {
		return err
	}
	r.result.addProblem(outcome.Problem{
		Code:    "custom-domains",
		Message: fmt.Sprintf("the custom domains %s could not be restored: %v", strings.Join(r.domains, ", "), err),
		Help:    "enter them in the settings of the workspace",
	})
	return nil
}
