// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/builder/internal/registry"
)

// options are the inputs and the destination of the images.
type options struct {
	// version and revision apply to all binaries. The revision may be empty.
	version  string
	revision string
	binaries []string
	dir      string
	// base is the reference of the base image; empty for none.
	base string
	// registry is the prefix of the image names; may be empty.
	registry string
	push     bool
	insecure []string
	getenv   func(string) string
	out      io.Writer
}

// run builds all images and prints the name and digest of each.
func run(ctx context.Context, o options) (err error) {
	switch {
	case o.version == "" || len(o.binaries) == 0:
		return errors.New("-version and the paths of binaries are required")
	case o.push && o.registry == "":
		return errors.New("-push needs a -registry to push to")
	}
	client, err := registry.New(registry.Options{InsecureRegistries: o.insecure, Getenv: o.getenv})
	if err != nil {
		return err
	}
	created, err := program.Epoch(o.getenv)
	if err != nil {
		return err
	}
	images, err := groupBinaries(o, created)
	if err != nil {
		return err
	}
	if err := resolveBase(ctx, client, o.base, images); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "images-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	p := &publisher{options: o, client: client, temp: temp}
	for _, i := range images {
		digest, err := p.publishImage(ctx, i)
		if err != nil {
			return fmt.Errorf("image of %s: %w", i.program.Name, err)
		}
		fmt.Fprintf(o.out, "%s@%s\n", i.imageReference(o.registry), digest)
	}
	return nil
}

// groupBinaries groups the binaries into images.
func groupBinaries(o options, created time.Time) ([]*image, error) {
	byName := map[string]*image{}
	var images []*image
	for _, file := range o.binaries {
		b, err := program.Read(file)
		if err != nil {
			return nil, err
		}
		i := byName[b.Name]
		if i == nil {
			i = &image{program: b.Program, version: o.version, revision: o.revision, epoch: created}
			byName[b.Name] = i
			images = append(images, i)
		}
		if err := i.addBinary(b); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// resolveBase sets the base of the images, if there is one.
func resolveBase(ctx context.Context, client *registry.Client, ref string, images []*image) error {
	if ref == "" {
		return nil
	}
	base, err := client.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	for _, i := range images {
		i.base = base
	}
	return base.Close() // the manifests are loaded
}
