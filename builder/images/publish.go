// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
)

// publisher builds images and writes or pushes them.
type publisher struct {
	options
	client *registry.Client
	// temp is for layers and the state of engines.
	temp string
}

// publishImage writes an image of all platforms and, for each platform, a bill of materials and a Docker
// archive, which can only contain one platform. It pushes the image once all files are written, and
// returns its digest.
func (p *publisher) publishImage(ctx context.Context, i *image) (digest.Digest, error) {
	layers, err := os.MkdirTemp(p.temp, "layers-")
	if err != nil {
		return "", err
	}
	store, err := engine.NewLayerStore(layers)
	if err != nil {
		return "", err
	}
	spec, err := i.buildSpec(ctx, store)
	if err != nil {
		return "", err
	}
	for n := range i.binaries {
		if err := p.writePlatform(ctx, i, spec, n); err != nil {
			return "", err
		}
	}
	names := []string{i.imageReference(p.registry)}
	outputs := []engine.Output{{
		Kind:  engine.OCI,
		Names: names,
		Dest:  filepath.Join(p.dir, i.program.Name+i.tagSuffix()+".oci.tar"),
	}}
	if p.push {
		outputs = append(outputs, engine.Output{Kind: engine.Push, Names: names})
	}
	return p.runEngine(ctx, spec, outputs...)
}

// writePlatform writes the files of the nth platform.
func (p *publisher) writePlatform(ctx context.Context, i *image, spec engine.Spec, n int) error {
	b := i.binaries[n]
	file := filepath.Join(p.dir, i.program.Name+i.tagSuffix()+"-"+b.Platform.OS+"-"+b.Platform.Architecture)
	if err := atomicfile.WriteFile(file+".spdx.json", spec.Attestations[n].Predicate, 0o644); err != nil {
		return err
	}
	spec.Platforms = spec.Platforms[n : n+1]
	spec.Attestations = nil
	_, err := p.runEngine(ctx, spec, engine.Output{
		Kind:  engine.Docker,
		Names: []string{i.imageReference(p.registry)},
		Dest:  file + ".docker.tar",
	})
	return err
}

// runEngine runs the engine once.
func (p *publisher) runEngine(ctx context.Context, spec engine.Spec, outputs ...engine.Output) (digest.Digest, error) {
	state, err := os.MkdirTemp(p.temp, "engine-")
	if err != nil {
		return "", err
	}
	progress := make(engine.Progress)
	go func() {
		for range progress { // the build takes a second, so its progress is not shown
		}
	}()
	spec.Outputs = outputs
	result, err := engine.Build(ctx, engine.Options{
		Root:        state,
		Hosts:       p.client.Hosts(),
		Credentials: p.client.Credentials,
	}, spec, progress)
	var refused *engine.RegistryError
	switch {
	case errors.As(err, &refused):
		return "", p.client.Explain(refused.Ref, refused)
	case err != nil:
		return "", err
	}
	return result.Digest, nil
}
