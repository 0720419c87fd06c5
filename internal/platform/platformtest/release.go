// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Release is a platform repository in a directory of a pod's image.
type Release struct {
	// ID and Name of the repository, such as release and "Release v2.4.0".
	ID, Name   string
	Workspaces []Workspace
}

// Workspace is a directory of a [Release].
type Workspace struct {
	Slug    string
	ID      string
	Name    string
	Version string
	AppSlug string
	Groups  []string
	// DependsOn lists apps, as app/<slug>.
	DependsOn []string
	Files     int
	// Content maps paths below the directory to files. An import reads the files that the platform
	// reads. If nil, an import only counts Files.
	Content map[string]string
}

// ReadRelease reads a directory of workspaces.
func ReadRelease(dir, id, name string) (*Release, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open release: %w", err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("read release %s: %w", dir, err)
	}
	r := &Release{ID: id, Name: name}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		w, err := readWorkspace(root.FS(), e.Name())
		if err != nil {
			return nil, fmt.Errorf("read workspace %s: %w", e.Name(), err)
		}
		r.Workspaces = append(r.Workspaces, w)
	}
	return r, nil
}

// readWorkspace reads the files that the import uses (platform contract §7).
func readWorkspace(fsys fs.FS, slug string) (Workspace, error) {
	var meta struct {
		WorkspaceID string   `yaml:"workspaceId"`
		Groups      []string `yaml:"groups"`
		DependsOn   []string `yaml:"dependsOn"`
		Version     struct {
			Name string `yaml:"name"`
		} `yaml:"version"`
		App struct {
			Slug string `yaml:"slug"`
		} `yaml:"app"`
	}
	var index struct {
		Name string `yaml:"name"`
	}
	err := errors.Join(readYAML(fsys, slug+"/index.yml", &index), readYAML(fsys, slug+"/.import.yml", &meta))
	if err != nil {
		return Workspace{}, err
	}
	w := Workspace{Slug: slug, ID: meta.WorkspaceID, Name: index.Name, Version: meta.Version.Name,
		AppSlug: meta.App.Slug, Groups: meta.Groups, DependsOn: meta.DependsOn}
	w.Content = map[string]string{}
	err = fs.WalkDir(fsys, slug, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if !strings.HasPrefix(d.Name(), ".") {
			w.Files++
		}
		if isDSUL(name) {
			data, err := fs.ReadFile(fsys, name)
			w.Content[strings.TrimPrefix(name, slug+"/")] = string(data)
			return err
		}
		return nil
	})
	return w, err
}

func readYAML(fsys fs.FS, name string, out any) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(data, out)
}

// Groups returns the groups of all workspaces, sorted.
func (r *Release) Groups() []string {
	var all []string
	for _, w := range r.Workspaces {
		all = append(all, w.Groups...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Select returns the workspaces that are in any of the groups, dependencies first.
func (r *Release) Select(groups []string) []Workspace {
	byApp := map[string]Workspace{}
	var taken []Workspace
	for _, w := range r.Workspaces {
		if slices.ContainsFunc(w.Groups, func(g string) bool { return slices.Contains(groups, g) }) {
			taken = append(taken, w)
			if w.AppSlug != "" {
				byApp["app/"+w.AppSlug] = w
			}
		}
	}
	var order []Workspace
	visited := map[string]bool{}
	var visit func(Workspace)
	visit = func(w Workspace) {
		if visited[w.Slug] {
			return // already visited, or a cycle, which the platform accepts
		}
		visited[w.Slug] = true
		for _, app := range w.DependsOn {
			if dep, ok := byApp[app]; ok {
				visit(dep)
			}
		}
		order = append(order, w)
	}
	for _, w := range taken {
		visit(w)
	}
	return order
}
