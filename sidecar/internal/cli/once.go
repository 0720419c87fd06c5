// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"
)

// once does passes until the release is confirmed or cannot be.
func (a *app) once(ctx context.Context, args []string) error {
	g, done, err := a.newAgent(ctx, args)
	if done {
		return err
	}
	limited, cancel := bounded(ctx, g.live.Get().Timeout)
	defer cancel()
	err = g.importer.Once(limited)
	g.writeTerminationMessage(err)
	if err != nil {
		return err
	}
	s := g.store.Get()
	_, err = fmt.Fprintf(a.Out, "confirmed: release %s\n", describeRelease(&s))
	return err
}

// bounded ends with errTimeout as its cause after a time, 0 for never.
func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, errTimeout)
}
