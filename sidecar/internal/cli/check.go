// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/requirements"
	"github.com/prismeai/workspaces-release/internal/terminal"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// runCheck runs the read-only part of an import and prints the result of each step.
func (a *app) runCheck(ctx context.Context, args []string) error {
	g, done, err := a.newAgent(ctx, args)
	if done {
		return err
	}
	ctx, cancel := withTimeout(ctx, g.live.Get().Timeout)
	defer cancel()
	r := &checklist{out: a.Out}
	r.printOK("settings", "valid")
	in, err := g.inputs.Load(ctx)
	if err != nil {
		return r.printFailure("files", err)
	}
	r.printOK("release", describeDesired(&in.Desired))
	if text := subPathWarning(g.inputs.SubPaths()); text != "" {
		r.printLine("warn", "files", text)
	}
	plan, err := importer.Plan(ctx, in)
	if err != nil {
		return r.printFailure("platform", err)
	}
	r.printPlatform(in, plan)
	if err := r.checkGateway(ctx, g, in); err != nil {
		return err
	}
	r.checkRequirements(ctx, in, g.live.Get().ServiceEnv)
	r.printPlan(plan)
	return nil
}

// checklist prints one line per check.
type checklist struct{ out io.Writer }

func (r *checklist) printLine(mark, what, text string) {
	fmt.Fprintf(r.out, "%-5s %-9s %s\n", mark, what, terminal.Safe(text))
}

func (r *checklist) printOK(what, text string) { r.printLine("ok", what, text) }

// printFailure prints a failure and its remedy. It returns an error with the exit code of the failure.
func (r *checklist) printFailure(what string, err error) error {
	f, ok := errors.AsType[*importer.Failure](err)
	if !ok {
		return err
	}
	p := state.NewProblem(f.Reason, f.Message, f.Group)
	r.printLine("FAIL", what, string(p.Reason)+": "+p.Message)
	r.printLine("", "", p.Remedy)
	r.printLine("", "", "See "+p.Runbook)
	return printedError(exitCodeFor(f.Reason))
}

func (r *checklist) printPlatform(in *importer.Inputs, plan *importer.DryRun) {
	text := in.Pod.BaseURL() + " answers, accepts the identity and carries the repository"
	if plan.Mode == importer.ModeObserve {
		text = "the service imports on its own; the sidecar observes"
	}
	r.printOK("platform", text)
	if plan.Lock != nil {
		r.printLine("wait", "lock", fmt.Sprintf("held by %s (%s) since %s",
			plan.Lock.LockedBy, plan.Lock.Reason, plan.Lock.LockedAt.Format(time.RFC3339)))
	}
}

// checkGateway prints the user that the token authenticates.
func (r *checklist) checkGateway(ctx context.Context, g *agent, in *importer.Inputs) error {
	if in.Gateway == nil || g.live.Get().TokenFile == "" {
		return nil
	}
	user, err := in.Gateway.Me(ctx)
	if err != nil {
		return r.printFailure("gateway", importer.FailureOf(err))
	}
	text := "the token belongs to " + cmp.Or(user.Email, user.ID)
	if !user.Expires.IsZero() {
		text += " and expires on " + user.Expires.Format(time.DateOnly)
	}
	r.printOK("gateway", text)
	return nil
}

// checkRequirements compares the values that the workspaces require with those that the platform
// has. A missing value is only a warning: the service may read it from a source that the sidecar
// cannot see.
func (r *checklist) checkRequirements(ctx context.Context, in *importer.Inputs, variables []string) {
	var all []requirements.Requirement
	for _, g := range in.Desired.Groups {
		all = append(all, requirements.Of(g.Workspaces)...)
	}
	if len(all) == 0 {
		return
	}
	missing, err := requirements.Missing(ctx, in.Pod, all, variables)
	if err != nil {
		reason := importer.FailureOf(err).Message
		r.printLine("warn", "values", "cannot check the values that the workspaces require: "+reason)
		return
	}
	for _, m := range missing {
		text := fmt.Sprintf("%s is missing: set it before the import, or give the service %s", m, m.Variable)
		r.printLine("warn", "values", text)
	}
	if len(missing) == 0 {
		r.printOK("values", fmt.Sprintf("all %d values that the workspaces require are set", len(all)))
	}
}

// printPlan prints what an import would do, per group.
func (r *checklist) printPlan(plan *importer.DryRun) {
	for _, g := range plan.Groups {
		text := "nothing to do, all workspaces are installed"
		switch {
		case len(g.Import)+len(g.Installed) == 0:
			text = "would be imported; its workspaces are unknown without a manifest"
		case plan.Mode == importer.ModeObserve && len(g.Import) > 0:
			text = "not installed yet: " + strings.Join(g.Import, ", ")
		case g.Force:
			text = "would be imported by force: " + strings.Join(g.Import, ", ")
		case len(g.Import) > 0:
			text = "would be imported: " + strings.Join(g.Import, ", ")
		}
		r.printLine("plan", g.Name, text)
	}
}

func describeDesired(d *importer.Desired) string {
	n := 0
	names := []string{}
	for _, g := range d.Groups {
		n += len(g.Workspaces)
		names = append(names, g.Name)
	}
	text := fmt.Sprintf("repository %s, groups %s", d.Repository, strings.Join(names, ", "))
	if d.Digest == "" {
		return text + "; verification is partial without a manifest"
	}
	return fmt.Sprintf("%s, %s, %d workspaces, manifest %s", d.Name, text, n, d.Digest)
}
