// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/engine"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

// publisher makes images and puts them where they belong.
type publisher struct {
	options
	client *registry.Client
	// temp is for layers and for the state of engines.
	temp string
}

// publish writes an image of all platforms and, for each of them, its bill of materials
// and an archive for docker, which holds one platform only. It pushes the image when all
// files are there, and returns its digest.
func (p *publisher) publish(ctx context.Context, i *image) (digest.Digest, error) {
	layers, err := os.MkdirTemp(p.temp, "layers-")
	if err != nil {
		return "", err
	}
	store, err := engine.NewLayerStore(layers)
	if err != nil {
		return "", err
	}
	spec, err := i.spec(ctx, store)
	if err != nil {
		return "", err
	}
	for n := range i.binaries {
		if err := p.write(ctx, i, spec, n); err != nil {
			return "", err
		}
	}
	names := []string{i.name(p.registry)}
	outputs := []engine.Output{{
		Kind:  engine.OCI,
		Names: names,
		Dest:  filepath.Join(p.dir, i.program.name+i.suffix()+".oci.tar"),
	}}
	if p.push {
		outputs = append(outputs, engine.Output{Kind: engine.Push, Names: names})
	}
	return p.build(ctx, spec, outputs...)
}

// write writes what is of one platform alone, the nth of the image.
func (p *publisher) write(ctx context.Context, i *image, spec engine.Spec, n int) error {
	b := i.binaries[n]
	file := filepath.Join(p.dir, i.program.name+i.suffix()+"-"+b.platform.OS+"-"+b.platform.Architecture)
	if err := renameio.WriteFile(file+".spdx.json", spec.Attestations[n].Predicate, 0o644); err != nil {
		return err
	}
	spec.Platforms, spec.Attestations = spec.Platforms[n:n+1], nil
	_, err := p.build(ctx, spec, engine.Output{
		Kind:  engine.Docker,
		Names: []string{i.name(p.registry)},
		Dest:  file + ".docker.tar",
	})
	return err
}

// build runs the engine once.
func (p *publisher) build(ctx context.Context, spec engine.Spec, outputs ...engine.Output) (digest.Digest, error) {
	state, err := os.MkdirTemp(p.temp, "engine-")
	if err != nil {
		return "", err
	}
	progress := make(engine.Progress)
	go func() {
		for range progress { // nobody looks: it takes a second
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
