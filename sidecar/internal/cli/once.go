// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"
)

// runOnce repeats passes until the release is confirmed or fails permanently.
func (a *app) runOnce(ctx context.Context, args []string) error {
	g, done, err := a.newAgent(ctx, args)
	if done {
		return err
	}
	limited, cancel := withTimeout(ctx, g.live.Get().Timeout)
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

// withTimeout returns a context that ends after d with errTimeout as its cause. Zero means no
// timeout.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, errTimeout)
}
