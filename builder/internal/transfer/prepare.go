// SPDX-License-Identifier: AGPL-3.0-or-later

package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
)

// selectNames returns the names of the selected workspaces; "" is the only one of the source.
func (b *batch) selectNames(ctx context.Context) ([]string, error) {
	if b.job.Group == "" {
		if len(b.job.Workspaces) == 0 {
			return []string{""}, nil
		}
		return b.job.Workspaces, nil
	}
	reading, err := pipeline.Read(ctx, b.job.Display, b.job.Input, pipeline.Checks{Workspaces: b.job.Checks.Workspaces})
	if reading == nil {
		return nil, err
	}
	var names []string // problems of a workspace are reported when it is packed
	for _, w := range reading.Repository.Workspaces {
		if slices.ContainsFunc(w.Groups, func(group workspace.Text) bool { return group.Value == b.job.Group }) {
			names = append(names, w.Slug)
		}
	}
	if len(names) == 0 {
		return nil, &pipeline.Error{
			Kind: pipeline.Source,
			Err:  fmt.Errorf("no workspace of the source has the group %s in its .import.yml", b.job.Group),
		}
	}
	return names, nil
}

// packWorkspace checks a workspace and writes the archive to import.
func (b *batch) packWorkspace(ctx context.Context, name, path string) (*packed, error) {
	input := b.job.Input
	input.Source.Workspace = name
	if b.job.From != nil {
		exported, err := b.exportSource(ctx, name)
		if err != nil {
			return nil, err
		}
		input = exported
	}
	input.Source.One = true
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	reading, err := pipeline.Pack(ctx, b.job.Display, input, b.job.Checks, file)
	p := &packed{path: path, reading: reading}
	if err = errors.Join(err, file.Close()); err != nil {
		return p, err
	}
	p.slug = reading.Repository.Workspaces[0].Slug
	if b.job.As != "" || len(b.job.Exclude) > 0 {
		return p, b.editArchive(p)
	}
	return p, nil
}

// exportSource exports a workspace from the source platform.
func (b *batch) exportSource(ctx context.Context, name string) (input pipeline.Input, err error) {
	file, err := os.Create(filepath.Join(b.dir, "export.zip"))
	if err != nil {
		return input, err
	}
	slug, err := Export(ctx, b.job.From, b.job.Display, name, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return input, err
	}
	return b.archiveInput(file.Name(), slug)
}

// archiveInput returns an archive of this job as an input.
func (b *batch) archiveInput(path, slug string) (pipeline.Input, error) {
	spec, err := source.Parse(path)
	opts := source.Options{
		Auth:      b.job.Input.Source.Auth,
		TempDir:   b.dir,
		Limits:    b.job.Input.Source.Limits,
		One:       true,
		Workspace: slug,
	}
	return pipeline.Input{Spec: spec, Source: opts}, err
}

// sortByDependency sorts workspaces so that an app is imported before its users.
func sortByDependency(all []*packed) []*packed {
	byApp := map[string]*packed{}
	for _, p := range all {
		if app := p.reading.Repository.Workspaces[0].App.Value; app != "" {
			byApp[app] = p
		}
	}
	var order []*packed
	visited := map[*packed]bool{}
	var visit func(p *packed)
	visit = func(p *packed) {
		if visited[p] {
			return // a dependency cycle does not matter to an import
		}
		visited[p] = true
		for _, app := range p.reading.Repository.Workspaces[0].DependsOn {
			if before := byApp[app.Value]; before != nil {
				visit(before)
			}
		}
		order = append(order, p)
	}
	for _, p := range all {
		visit(p)
	}
	return order
}
