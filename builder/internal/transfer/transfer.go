// SPDX-License-Identifier: AGPL-3.0-or-later

// Package transfer brings one workspace from platform to platform as an archive, and
// does not end before it is known how the import ended.
//
// An import is never posted twice: after an answer that does not tell the end, events and
// status of the workspace do, or nobody does.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/retry"
	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/requirements"
)

const (
	// maxArchive bounds an export, in bytes.
	maxArchive = 256 << 20
	// exportWait bounds the time that an export takes.
	exportWait = 10 * time.Minute
)

// Options of a transfer.
type Options struct {
	// Slug of the workspace. Its archive has Size bytes.
	Slug    string
	Archive io.ReaderAt
	Size    int64
	// Prune deletes what the archive lacks. Create makes the workspace where there is none.
	Prune, Create bool
	// DryRun does all but the import.
	DryRun bool
	// Requirements of the workspace, and the Variables that the service has of its own.
	Requirements []requirements.Requirement
	Variables    []string
	// Present is given the archive of the workspace as it is, before anything is changed.
	// nil is not, and where there is no workspace it is not called.
	Present func(ctx context.Context, archive *os.File) error
	// TempDir is where that archive is kept meanwhile.
	TempDir string
	// Timeout bounds the time from the import to its known end.
	Timeout time.Duration
}

// Display shows stages, each with lines that it says while it runs.
type Display interface {
	Narrate(name string, fn func(say func(line string)) error) error
}

// run is one transfer.
type run struct {
	Options
	client  *platform.Client
	display Display
	result  *Result
	since   time.Time // of the last look before the import, by the platform's clock
	posted  bool
}

// Run transfers. The result says what was imported, and all that is wrong; the error is
// that of ctx, whose end is not the end of the import, or of [Options.Present].
func Run(ctx context.Context, client *platform.Client, display Display, o Options) (*Result, error) {
	r := &run{Options: o, client: client, display: display, result: newResult(client, &o)}
	began := time.Now()
	err := r.transfer(ctx)
	r.result.Duration = milliseconds(time.Since(began))
	problem, told := errors.AsType[*Problem](err)
	switch {
	case err == nil:
		return r.result, nil
	case ctx.Err() != nil:
		r.interrupted()
		return r.result, fmt.Errorf("interrupted: %w", ctx.Err())
	case told:
		r.result.add(*problem)
		return r.result, nil
	}
	return r.result, err
}

// interrupted says what goes on without us.
func (r *run) interrupted() {
	p := Problem{Code: "interrupted", Message: "interrupted before anything was imported", Help: "run again"}
	if r.posted {
		r.result.Outcome = Unknown
		p.Message, p.Help = "interrupted: the platform goes on with the import", r.whereToLook()
	}
	r.result.add(p)
}

// transfer returns a [*Problem], or an error of ctx or of Present.
func (r *run) transfer(ctx context.Context) error {
	target, err := r.find(ctx)
	if err != nil {
		return err
	}
	if err := r.missing(ctx); err != nil {
		return err
	}
	if target != nil && r.Present != nil {
		if err := r.present(ctx, target.ID); err != nil {
			return err
		}
	}
	if r.DryRun {
		r.result.Outcome = Done
		return nil
	}
	report, err := r.post(ctx)
	if err != nil {
		return err
	}
	return r.judge(report)
}

// find finds the workspace on the target: nil where a new one is to be made.
func (r *run) find(ctx context.Context) (found *platform.Installed, err error) {
	err = r.display.Narrate("look for "+r.Slug+" on "+r.client.BaseURL(), func(func(string)) error {
		found, r.since, err = find(ctx, r.client, r.Slug)
		return err
	})
	switch {
	case err != nil:
		return nil, refusal(err, "to")
	case found != nil:
		r.result.Workspace = Workspace{Slug: found.Slug, ID: found.ID}
		return found, nil
	case r.Create:
		r.result.Created = true
		return nil, nil
	}
	return nil, &Problem{Code: "no-workspace", Message: fmt.Sprintf("the target has no workspace %s that the token's user can see", r.Slug),
		Help: "make it with --create, or give the user access to it"}
}

// find returns nil if there is no such workspace, and the platform's time.
func find(ctx context.Context, client *platform.Client, name string) (found *platform.Installed, at time.Time, err error) {
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

// missing warns of values that the target lacks. What cannot be found out stops nothing.
func (r *run) missing(ctx context.Context) error {
	if len(r.Requirements) == 0 {
		return nil
	}
	return r.display.Narrate("compare what the workspace requires with what the target has", func(say func(string)) error {
		missing, err := requirements.Missing(ctx, r.client, r.Requirements, r.Variables)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.result.warn(Problem{Code: "unknown-values", Message: "it is not known whether the target has the values that the workspace requires: " + err.Error(),
				Help: "give the token's user access to the secrets of the workspace, or see builder requirements"})
		}
		for _, m := range missing {
			r.result.warn(Problem{Code: "missing-value", Message: fmt.Sprintf("the target has no %s", m),
				Help: fmt.Sprintf("store it for the workspace, or give prismeai-workspaces the variable %s (--service-env says that it has it)", m.Variable)})
		}
		for _, w := range r.result.Warnings {
			say("warning: " + w.Message)
		}
		return nil
	})
}

// present exports the workspace as it is.
func (r *run) present(ctx context.Context, id string) (err error) {
	file, err := os.CreateTemp(r.TempDir, "present-*.zip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if err := export(ctx, r.client, r.display, id, r.Slug, file, "to"); err != nil {
		return err
	}
	return r.Present(ctx, file)
}

// Export writes the archive of a workspace, by slug or id, and returns its slug. The
// error is a [*Problem], of ctx or of the writer.
func Export(ctx context.Context, client *platform.Client, display Display, name string, to *os.File) (slug string, err error) {
	var found *platform.Installed
	err = display.Narrate("look for "+name+" on "+client.BaseURL(), func(func(string)) error {
		found, _, err = find(ctx, client, name)
		return err
	})
	switch {
	case err != nil:
		return "", refusal(err, "from")
	case found == nil:
		return "", &Problem{Code: "no-workspace", Message: fmt.Sprintf("the source has no workspace %s that the token's user can see", name),
			Help: "correct --workspace, or give the user access to it"}
	}
	return found.Slug, export(ctx, client, display, found.ID, found.Slug, to, "from")
}

// export writes the archive of a workspace from the beginning of a file.
func export(ctx context.Context, client *platform.Client, display Display, id, slug string, to *os.File, side string) error {
	return display.Narrate("export "+slug+" from "+client.BaseURL(), func(func(string)) error {
		err := retry.Read(ctx, func() error {
			if _, err := to.Seek(0, io.SeekStart); err != nil {
				return err
			}
			if err := to.Truncate(0); err != nil {
				return err
			}
			_, err := client.ExportArchive(ctx, platform.ExportRequest{Workspace: id, Limit: maxArchive, Wait: exportWait}, to)
			return err
		})
		return refusal(err, side)
	})
}

// post imports, and finds out how that ends.
func (r *run) post(ctx context.Context) (report *platform.ArchiveReport, err error) {
	deadline := time.Now().Add(r.Timeout)
	request := platform.ArchiveRequest{Workspace: r.result.Workspace.ID, Prune: r.Prune, Archive: r.Archive, Size: r.Size, Wait: r.Timeout}
	var answer platform.ArchiveResult
	err = r.display.Narrate(r.title(), func(func(string)) error {
		r.posted = true
		err := retry.Write(ctx, func() error { answer, err = r.client.ImportArchive(ctx, request); return err })
		r.posted = err == nil || platform.OutcomeUnknown(err)
		return err
	})
	r.result.CorrelationID = answer.CorrelationID
	switch {
	case err != nil && !r.posted:
		return nil, refusal(err, "to")
	case answer.Report != nil:
		return answer.Report, nil
	}
	err = r.display.Narrate("find out how the import ended", func(say func(string)) error {
		if err != nil {
			say(err.Error())
		}
		report, err = (&search{run: r, id: answer.CorrelationID, deadline: deadline, cause: err, say: say}).find(ctx)
		return err
	})
	return report, err
}

func (r *run) title() string {
	var how []string
	if r.result.Created {
		how = append(how, "as a new workspace")
	}
	if r.Prune {
		how = append(how, "and delete what is not in it")
	}
	return strings.Join(append([]string{"import " + r.Slug}, how...), " ")
}

func (r *run) whereToLook() string {
	return "its end is in the activity of the workspace " + r.Slug + ", as event " + platform.EventArchiveImported
}
