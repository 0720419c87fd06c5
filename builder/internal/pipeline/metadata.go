// SPDX-License-Identifier: AGPL-3.0-or-later

package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/scan"
)

const (
	helpGiven = "revoke it and do not give it to the builder: anyone who can pull the image can read it"
	helpBase  = "revoke it and inform the maintainers of the base image: anyone who can pull an image can read it"
)

// scanMetadata scans what ships in addition to the files: labels, annotations, and the settings
// that the manifest and the variables of the image repeat. It also scans the variables of the base
// image, but its findings there are marked as foreign, because this build cannot change them. It
// returns a reading with these findings. The policy of the source does not apply to them, because
// they come from elsewhere.
func (b *builder) scanMetadata(ctx context.Context, base *baseImage, reading *Reading) (*Reading, error) {
	var all []scan.Finding
	for _, m := range b.metadata(base, reading) {
		found, err := b.opts.Checks.Scanner.ScanMetadata(ctx, m)
		if err != nil {
			return nil, fail(Incomplete, err)
		}
		// The platforms of a base share most variables.
		for _, f := range found {
			if !slices.ContainsFunc(all, f.Same) {
				all = append(all, f)
			}
		}
	}
	return reading.withFindings(all), nil
}

// withFindings returns a reading with more findings.
func (r *Reading) withFindings(found []scan.Finding) *Reading {
	report := *r.Scan
	report.Findings = slices.Clone(r.Scan.Findings)
	report.Add(found...)
	extended := *r
	extended.Scan = &report
	return &extended
}

func (b *builder) metadata(base *baseImage, reading *Reading) []scan.Metadata {
	list := []scan.Metadata{
		{Name: "image:labels", Content: b.opts.Labels, Help: helpGiven},
		{Name: "image:annotations", Content: b.opts.Annotations, Help: helpGiven},
		{Name: "image:manifest", Content: b.settings(reading), Help: helpGiven},
	}
	for _, m := range base.manifests() {
		list = append(list, scan.Metadata{
			Name:    "image:base",
			Content: variables(m.Config.Config.Env),
			Help:    helpBase,
			Foreign: true,
		})
	}
	return list
}

// settings returns the parts of the manifest that come from settings. The other parts are digests,
// which look like keys, and content of files, which are scanned separately.
func (b *builder) settings(reading *Reading) any {
	groups := map[string][]string{}
	for _, g := range b.opts.Checks.Workspaces.Groups {
		groups[g.Name] = g.Labels
	}
	return struct {
		Release          string
		URL, Ref, Subdir string
		Base             string
		Repository       release.Repository
		Groups           map[string][]string
	}{
		Release:    b.opts.Release,
		URL:        reading.Source.URL,
		Ref:        reading.Source.Ref,
		Subdir:     reading.Source.Subdir,
		Base:       b.opts.BaseRef,
		Repository: b.opts.Repository,
		Groups:     groups,
	}
}

func variables(env []string) map[string]string {
	m := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		m[name] = value
	}
	return m
}
