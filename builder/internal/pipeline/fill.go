// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/internal/terminal"
)

const (
	// versionOfCommit and versionOfRelease are placeholders for version names.
	versionOfCommit  = "commit"
	versionOfRelease = "release"
)

// filling is a walker that fills defaults into .import.yml before any consumer reads the file, so
// that checks, scan and layer see the same bytes.
type filling struct {
	tree     walker
	defaults workspace.Defaults
	limits   workspace.Limits
	notify   func(note string)
}

// fill returns a walker that applies the defaults of the input to a source.
func (i *Input) fill(tree *source.Tree, checks Checks) (walker, error) {
	if i.Defaults.IsZero() {
		return tree, nil
	}
	f := &filling{tree: tree, defaults: i.Defaults, notify: i.Source.Notify}
	if checks.Workspaces != nil {
		f.limits = checks.Workspaces.Limits
	}
	var err error
	if f.defaults.Version, err = i.versionName(i.Defaults.Version, tree); err != nil {
		return nil, fail(Usage, fmt.Errorf("default version: %w", err))
	}
	f.defaults.Versions = maps.Clone(i.Defaults.Versions)
	for slug, name := range f.defaults.Versions {
		if f.defaults.Versions[slug], err = i.versionName(name, tree); err != nil {
			return nil, fail(Usage, fmt.Errorf("version of workspace %q: %w", slug, err))
		}
	}
	return f, nil
}

// versionName replaces a placeholder by the version name that it stands for.
func (i *Input) versionName(name string, tree *source.Tree) (string, error) {
	switch name {
	case versionOfCommit:
		commit := tree.Info().Commit
		if commit == "" {
			return "", errors.New("it is commit, and the commit of the source is unknown: write a name")
		}
		return commit[:min(len(commit), shortCommit)], nil
	case versionOfRelease:
		if i.Release == "" {
			return "", errors.New(
				"it is release, and the release has no name: give it one (--release, or release in the release file)",
			)
		}
		return i.Release, nil
	}
	return name, nil
}

// Walk implements walker.
func (f *filling) Walk(ctx context.Context, fn func(source.File) error) (source.Report, error) {
	filler := workspace.NewFiller(f.defaults, f.limits, func(name string, data []byte) error {
		return fn(source.File{Path: name, Data: data})
	})
	report, err := f.tree.Walk(ctx, func(file source.File) error { return filler.Add(file.Path, file.Data) })
	if err == nil {
		err = filler.Flush()
	}
	filled, files, added, found := filler.Finish()
	report.Files += files
	report.Bytes += added
	report.Diagnostics = append(report.Diagnostics, found...)
	if len(filled) > 0 && f.notify != nil {
		f.notify(
			fmt.Sprintf("groups or version names come from the release file for %s", terminal.Plural(len(filled), "workspace")),
		)
	}
	return report, err
}
