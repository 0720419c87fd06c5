// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/sidecar/internal/injection"
)

// injectedFlags are the flags of the injected command.
type injectedFlags struct {
	pod, annotation, account string
	wait                     time.Duration
}

func (f *injectedFlags) newFlagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("injected", flag.ContinueOnError)
	fs.StringVar(&f.pod, "pod", "", "dry-run the creation of this pod, given as `JSON` (required)")
	fs.StringVar(&f.annotation, "annotation", "",
		"wait until the created pod has this annotation: `name=value` (required)")
	fs.StringVar(&f.account, "service-account", injection.ServiceAccountDir,
		"use the service account in this `directory`, which must be allowed to create pods")
	fs.DurationVar(&f.wait, "wait", time.Minute, "give up after this `duration`")
	return fs
}

// runInjected waits until the API server injects the sidecar into new pods. The chart runs it as a
// hook: the API server applies a new admission policy only some time after it was written.
func (a *app) runInjected(ctx context.Context, args []string) error {
	var f injectedFlags
	if err := parseFlags(f.newFlagSet(), args); err != nil {
		return err
	}
	name, value, ok := strings.Cut(f.annotation, "=")
	switch {
	case !json.Valid([]byte(f.pod)):
		return usageError(errors.New("--pod: want JSON"))
	case !ok || name == "" || value == "":
		return usageError(errors.New("--annotation: want NAME=VALUE"))
	case f.wait <= 0:
		return usageError(errors.New("--wait: want more than 0"))
	}
	client, err := injection.InCluster(a.env, f.account)
	if err != nil {
		return &exitError{code: exitUnavailable, err: err}
	}
	begin := time.Now()
	limited, cancel := withTimeout(ctx, f.wait)
	defer cancel()
	if err := client.Await(limited, []byte(f.pod), name, value); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &exitError{code: exitUnavailable, err: fmt.Errorf("wait for the injection: %w", err)}
	}
	took := time.Since(begin).Round(time.Millisecond)
	_, err = fmt.Fprintf(a.Out, "the API server injects the sidecar, seen after %s\n", took)
	return err
}
