// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/builder/internal/source"
)

// walkFunc passes the files of a source to fn, one at a time, in the order of their paths.
type walkFunc func(ctx context.Context, fn func(source.File) error) (walked, error)

// walked is the result of a complete walk.
type walked struct {
	source.Report
	// versions are the names of the versions in the source, by workspace, if the walk stamped them.
	versions map[string]string
}

// walkTree returns a walk of the files as they are in the source.
func walkTree(tree *source.Tree) walkFunc {
	return func(ctx context.Context, fn func(source.File) error) (walked, error) {
		report, err := tree.Walk(ctx, fn)
		return walked{Report: report}, err
	}
}

// sink receives the files of a source, one at a time.
type sink func(source.File) error

// to passes every file to all sinks. Each sink runs in a separate goroutine and holds one file at a
// time.
func (walk walkFunc) to(ctx context.Context, sinks ...sink) (walked, error) {
	group, ctx := errgroup.WithContext(ctx)
	spawn := func(fn func() error) { group.Go(func() error { return guard(fn) }) }
	pipes := make([]chan source.File, len(sinks))
	for i, sink := range sinks {
		pipes[i] = make(chan source.File)
		spawn(func() error { return drain(pipes[i], sink) })
	}
	var result walked
	spawn(func() (err error) {
		defer func() {
			for _, pipe := range pipes {
				close(pipe)
			}
		}()
		result, err = walk(ctx, func(file source.File) error { return deliver(ctx, file, pipes) })
		return err
	})
	err := group.Wait() // wait before reading result
	return result, err
}

func drain(pipe <-chan source.File, sink sink) error {
	for file := range pipe {
		if err := sink(file); err != nil {
			return err
		}
	}
	return nil
}

func deliver(ctx context.Context, file source.File, pipes []chan source.File) error {
	for _, pipe := range pipes {
		select {
		case pipe <- file:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
