// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline_test

import (
	"errors"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/pipeline"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/builder/internal/workspace"
	"github.com/prismeai/workspaces-release/scan"
)

// TestMetadataIsScanned plants a secret in every input that ships in addition to the files. The
// count of files must not change.
func TestMetadataIsScanned(t *testing.T) {
	tests := map[string]struct {
		plant func(*pipeline.BuildOptions)
		path  string
	}{
		"label":                {func(o *pipeline.BuildOptions) { o.Labels = map[string]string{"x": planted} }, "image:labels"},
		"name of a label":      {func(o *pipeline.BuildOptions) { o.Labels = map[string]string{planted: "x"} }, "image:labels"},
		"annotation":           {func(o *pipeline.BuildOptions) { o.Annotations = map[string]string{"x": planted} }, "image:annotations"},
		"name of the release":  {func(o *pipeline.BuildOptions) { o.Release = planted }, "image:manifest"},
		"id of the repository": {func(o *pipeline.BuildOptions) { o.Repository.ID = planted }, "image:manifest"},
		"name of it":           {func(o *pipeline.BuildOptions) { o.Repository.Name = planted }, "image:manifest"},
		"directory of it":      {func(o *pipeline.BuildOptions) { o.Repository.Directory = "/" + planted }, "image:manifest"},
		"label of a group": {func(o *pipeline.BuildOptions) {
			o.Checks.Workspaces = &workspace.Options{Groups: []workspace.Group{{Name: "base1", Labels: []string{planted}},
				{Name: "base2"}}}
		}, "image:manifest"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.DryRun = true
			test.plant(&f.opts)
			reading, built, err := f.build(t, t.Context())
			var failure *pipeline.Error
			if built != nil || !errors.As(err, &failure) || failure.Kind != pipeline.Secrets {
				t.Fatalf("built %v, error %v; want one of secrets", built, err)
			}
			found := reading.Scan.Findings
			if len(found) != 1 || found[0].Path != test.path || found[0].Severity != scan.Error ||
				reading.Scan.Coverage.Files != reading.Files {
				t.Errorf("findings %+v in %d files, want one in %s and %d files", found, reading.Scan.Coverage.Files, test.path,
					reading.Files)
			}
		})
	}
}

// TestSecretOfTheBaseIsAWarning checks that a secret of the base is one warning for all platforms.
func TestSecretOfTheBaseIsAWarning(t *testing.T) {
	f := newFixture(t)
	f.opts.DryRun = true
	f.opts.BaseRef = f.reg.PushBase(t, "leaky:1", registrytest.Base{Platforms: platforms,
		Env: []string{"A=b", "TOKEN=" + planted}}).Ref
	reading, built, err := f.build(t, t.Context())
	if err != nil || built == nil {
		t.Fatalf("built %v, error %v", built, err)
	}
	found := reading.Scan.Findings
	if len(found) != 1 || found[0].Path != "image:base" || found[0].Where != "TOKEN" || found[0].Severity != scan.Warning {
		t.Errorf("findings %+v, want a warning of the base", found)
	}
}
