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
// image, but its findings there are marked as foreign, because this build cannot change them.
func (b *build) scanMetadata(ctx context.Context, reading *Reading) error {
	for _, m := range b.metadata(reading) {
		found, err := b.Checks.Scanner.ScanMetadata(ctx, m)
		if err != nil {
			return fail(Incomplete, err)
		}
		// The platforms of a base share most variables.
		for _, f := range found {
			if !slices.ContainsFunc(reading.Scan.Findings, f.Same) {
				reading.Scan.Add(f)
			}
		}
	}
	return nil
}

func (b *build) metadata(reading *Reading) []scan.Metadata {
	list := []scan.Metadata{
		{Name: "image:labels", Content: b.Labels, Help: helpGiven},
		{Name: "image:annotations", Content: b.Annotations, Help: helpGiven},
		{Name: "image:manifest", Content: b.settings(reading), Help: helpGiven},
	}
	if b.base != nil {
		for _, m := range b.base.Manifests {
			list = append(
				list,
				scan.Metadata{Name: "image:base", Content: variables(m.Config.Config.Env), Help: helpBase, Foreign: true},
			)
		}
	}
	return list
}

// settings returns the parts of the manifest that come from settings. The other parts are digests,
// which look like keys, and content of files, which are scanned separately.
func (b *build) settings(reading *Reading) any {
	m := struct {
		Release          string
		URL, Ref, Subdir string
		Base             string
		Repository       release.Repository
		Groups           map[string][]string
	}{b.Release, reading.Source.URL, reading.Source.Ref, reading.Source.Subdir, b.Base, b.Repository, map[string][]string{}}
	for _, g := range b.Checks.Workspaces.Groups {
		m.Groups[g.Name] = g.Labels
	}
	return m
}

func variables(env []string) map[string]string {
	m := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		m[name] = value
	}
	return m
}
