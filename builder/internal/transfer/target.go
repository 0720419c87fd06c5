// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/outcome"
	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

// findTarget finds the workspace on the target. It returns nil if a new one is to be created.
func (r *run) findTarget(ctx context.Context) (found *platform.Installed, err error) {
	err = r.display.Narrate("look for "+r.Slug+" on "+r.client.BaseURL(), func(func(string)) error {
		found, r.since, err = findWorkspace(ctx, r.client, r.Slug)
		return err
	})
	switch {
	case err != nil:
		return nil, explainRefusal(err, "to")
	case found != nil:
		r.result.Workspace = Workspace{Slug: found.Slug, ID: found.ID}
		return found, nil
	case r.Create:
		r.result.Created = r.DryRun
		return nil, nil
	}
	return nil, &outcome.Problem{
		Code:    "no-workspace",
		Message: fmt.Sprintf("the target has no workspace %s that the token's user can see", r.Slug),
		Help:    "create it with --create, or give the user access to it",
	}
}

// findWorkspace finds a workspace by slug or ID. It returns nil if there is none, and the
// platform's time.
func findWorkspace(
	ctx context.Context, client *platform.Client, name string,
) (found *platform.Installed, at time.Time, err error) {
	var all []platform.Installed
	var meta platform.Meta
	err = retry.Read(ctx, func() error { all, meta, err = client.Workspaces(ctx); return err })
	if at = meta.Date; at.IsZero() {
		at = time.Now().Add(-time.Minute)
	}
	for _, is := range []func(platform.Installed) bool{
		func(w platform.Installed) bool { return w.Slug == name },
		func(w platform.Installed) bool { return w.ID == name },
	} {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return &all[i], at, err
		}
	}
	return nil, at, err
}

// warnMissing warns of values that the target lacks. A failed check is a warning, too.
func (r *run) warnMissing(ctx context.Context) error {
	if len(r.Requirements) == 0 {
		return nil
	}
	title := "compare what the workspace requires with what the target has"
	return r.display.Narrate(title, func(say func(string)) error {
		missing, err := requirements.Missing(ctx, r.client, r.Requirements, r.Variables)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.result.addWarning(outcome.Problem{
				Code: "unknown-values",
				Message: "it is unknown whether the target has the values that the workspace requires: " +
					err.Error(),
				Help: "give the token's user access to the secrets of the workspace, or see builder requirements",
			})
		}
		for _, m := range missing {
			r.result.addWarning(outcome.Problem{Code: "missing-value", Message: fmt.Sprintf("the target has no %s", m),
				Help: fmt.Sprintf("store it for the workspace, or give prismeai-workspaces the variable %s "+
					"(then name it in --service-env)", m.Variable)})
		}
		for _, w := range r.result.Warnings {
			say("warning: " + w.Message)
		}
		return nil
	})
}
