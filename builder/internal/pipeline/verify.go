// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"errors"

	"github.com/prismeai/workspaces-release/builder/internal/registry"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/builder/internal/verify"
)

// VerifyOptions configure a verification.
type VerifyOptions struct {
	// Image is a reference or the notation of a layout.
	Image string
	// Registry is required even if no registry is accessed.
	Registry *registry.Client
	// Limits limit how much of the image is read.
	Limits source.Limits
	// SkipBase does not read the base, which then stays unproven.
	SkipBase bool
	// AllowMissingAttestations accepts an image without attestations.
	AllowMissingAttestations bool
	// Rebuild builds the image again and compares the results; nil does not.
	Rebuild *Rebuild
}

// Verify reads an image back. Problems of the image are in the report. The error reports failure to
// reach the image.
func Verify(ctx context.Context, opts VerifyOptions) (*verify.Report, error) {
	img, err := opts.Registry.Resolve(ctx, opts.Image)
	var failure *registry.Error
	switch {
	case errors.Is(err, registry.ErrSeveralImages):
		return nil, fail(Usage, err)
	case errors.As(err, &failure) && failure.Kind == registry.Invalid:
		return verify.Unreadable(opts.Image, err), nil
	case err != nil:
		return nil, fail(Registry, err)
	}
	defer img.Close()
	how := verify.Options{
		MaxLayer:                 layerLimit(opts.Limits),
		MaxFile:                  opts.Limits.FileSize,
		AllowMissingAttestations: opts.AllowMissingAttestations,
	}
	if !opts.SkipBase {
		how.Resolve = opts.Registry.Resolve
	}
	report, err := guarded(func() (*verify.Report, error) { return verify.Image(ctx, img, how) })
	if err == nil && opts.Rebuild != nil {
		err = opts.Rebuild.compare(ctx, opts.Registry, report)
	}
	return report, fail(Registry, err)
}
