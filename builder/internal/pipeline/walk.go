// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"runtime"

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

// sink receives the files of a source. It has either add or prepare.
type sink struct {
	// start is called before the first file; it may be nil.
	start func(source.Listing) error
	// add is called for one file at a time.
	add func(source.File) error
	// prepare is called for several files at a time. The functions that it returns are called one at a
	// time, in the order of the files.
	prepare func(source.File) (add func())
}

// to passes every file to all sinks. Each sink runs in a separate goroutine. It holds one file at a
// time, or a few more than there are processors if it has prepare.
func (walk walkFunc) to(ctx context.Context, sinks ...sink) (walked, error) {
	group, ctx := errgroup.WithContext(ctx)
	spawn := func(fn func() error) { group.Go(func() error { return guard(fn) }) }
	pipes := make([]*pipe, len(sinks))
	for i, sink := range sinks {
		pipes[i] = newPipe()
		spawn(func() error { return pipes[i].drain(ctx, sink) })
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
func (p *pipe) drain(ctx context.Context, sink sink) error {
	if listing, ok := <-p.listing; ok && sink.start != nil {
		if err := sink.start(listing); err != nil {
			return err
		}
	}
	if sink.prepare != nil {
		return p.drainConcurrently(ctx, sink.prepare)
	}
	for file := range p.files {
		if err := sink.add(file); err != nil {
			return err
		}
	}
	return nil
}

// preparation is a file for the function prepare of a sink, and the place for its result.
type preparation struct {
	file source.File
	add  chan func()
}

// drainConcurrently passes the files in the pipe to prepare, several at a time, and calls the
// functions that it returns in the order of the files.
func (p *pipe) drainConcurrently(ctx context.Context, prepare func(source.File) (add func())) error {
	group, ctx := errgroup.WithContext(ctx)
	spawn := func(fn func() error) { group.Go(func() error { return guard(fn) }) }
	workers := runtime.GOMAXPROCS(0)
	work := make(chan preparation, workers)
	inOrder := make(chan preparation, workers)
	spawn(func() error {
		defer close(work)
		defer close(inOrder)
		for file := range p.files {
			next := preparation{file, make(chan func(), 1)}
			for _, to := range []chan preparation{inOrder, work} {
				select {
				case to <- next:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		return nil
	})
	for range workers {
		spawn(func() error {
			for next := range work {
				next.add <- prepare(next.file)
			}
			return nil
		})
	}
	spawn(func() error {
		for next := range inOrder {
			select {
			case add := <-next.add:
				add()
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	return group.Wait()
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
