// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// walkFunc passes the files of a source to the visitor, one at a time, in the order of their paths.
type walkFunc func(ctx context.Context, v visitor) (walked, error)

// visitor receives what ships before the first file is read, and then the files.
type visitor struct {
	listed func(source.Listing)
	file   func(source.File) error
}

// walked is the result of a complete walk.
type walked struct {
	source.Report
	// versions are the names of the versions in the source, by workspace, if the walk stamped them.
	versions map[string]string
}

// walkTree returns a walk of the files as they are in the source.
func walkTree(tree *source.Tree) walkFunc {
	return func(ctx context.Context, v visitor) (walked, error) {
		report, err := tree.WalkListed(ctx, v.listed, v.file)
		return walked{Report: report}, err
	}
}

// sink receives the files of a source, one at a time. start is called before the first file; it may
// be nil.
type sink struct {
	start func(source.Listing) error
	add   func(source.File) error
}

// to passes every file to all sinks. Each sink runs in a separate goroutine and holds one file at a
// time.
func (walk walkFunc) to(ctx context.Context, sinks ...sink) (walked, error) {
	group, ctx := errgroup.WithContext(ctx)
	spawn := func(fn func() error) { group.Go(func() error { return guard(fn) }) }
	pipes := make([]*pipe, len(sinks))
	for i, sink := range sinks {
		pipes[i] = newPipe()
		spawn(func() error { return pipes[i].drain(sink) })
	}
	var result walked
	spawn(func() (err error) {
		defer func() {
			for _, pipe := range pipes {
				pipe.close()
			}
		}()
		result, err = walk(ctx, visitor{
			listed: func(listing source.Listing) {
				for _, pipe := range pipes {
					pipe.listing <- listing
				}
			},
			file: func(file source.File) error { return deliver(ctx, file, pipes) },
		})
		return err
	})
	err := group.Wait() // wait before reading result
	return result, err
}

// pipe passes one listing and then files to a sink.
type pipe struct {
	// listing has room for the listing, so that a sink that starts slowly does not delay the others.
	listing chan source.Listing
	files   chan source.File
}

func newPipe() *pipe {
	return &pipe{listing: make(chan source.Listing, 1), files: make(chan source.File)}
}

func (p *pipe) close() {
	close(p.listing)
	close(p.files)
}

// drain passes everything in the pipe to a sink.
func (p *pipe) drain(sink sink) error {
	if listing, ok := <-p.listing; ok && sink.start != nil {
		if err := sink.start(listing); err != nil {
			return err
		}
	}
	for file := range p.files {
		if err := sink.add(file); err != nil {
			return err
		}
	}
	return nil
}

func deliver(ctx context.Context, file source.File, pipes []*pipe) error {
	for _, pipe := range pipes {
		select {
		case pipe.files <- file:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
