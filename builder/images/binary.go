// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"debug/buildinfo"
	"fmt"
	"path"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// binary is one of our programs for one platform.
type binary struct {
	path     string
	program  program
	platform ocispec.Platform
	info     *buildinfo.BuildInfo
	// settings are those of the build, such as GOARCH and vcs.revision.
	settings map[string]string
}

// program is what cannot be seen in a binary.
type program struct {
	name, title, licence string
	// temp is for programs that write: a /tmp as everybody knows it.
	temp bool
}

// programs are those that there are images of.
func programs() []program {
	return []program{
		{name: "builder", title: "Builder of Prisme.ai workspaces releases", licence: "AGPL-3.0-or-later", temp: true},
		{name: "sidecar", title: "Importer of Prisme.ai workspaces releases", licence: "Apache-2.0"},
	}
}

func readBinary(file string) (*binary, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return newBinary(file, info)
}

// newBinary refuses what would not run in an image of ours.
func newBinary(file string, info *buildinfo.BuildInfo) (*binary, error) {
	b := &binary{path: file, info: info, settings: map[string]string{}}
	for _, s := range info.Settings {
		b.settings[s.Key] = s.Value
	}
	b.platform = platforms.Normalize(ocispec.Platform{OS: b.settings["GOOS"], Architecture: b.settings["GOARCH"]})
	for _, p := range programs() {
		if p.name == path.Base(info.Path) {
			b.program = p
		}
	}
	switch {
	case b.program.name == "":
		return nil, fmt.Errorf("%s is %s, and no program of ours", file, info.Path)
	case b.platform.OS != "linux":
		return nil, fmt.Errorf("%s is for %s, and images are for linux: set GOOS", file, b.platform.OS)
	case b.settings["CGO_ENABLED"] != "0":
		return nil, fmt.Errorf("%s needs a C library, which its image has not: set CGO_ENABLED=0", file)
	}
	return b, nil
}

// revision is the commit, marked as git describe does if there was more than the commit.
func (b *binary) revision() string {
	revision := b.settings["vcs.revision"]
	if revision != "" && b.settings["vcs.modified"] == "true" {
		revision += "-dirty"
	}
	return revision
}

// committed is the time of the commit, or 1970 if that is not known.
func (b *binary) committed() time.Time {
	t, err := time.Parse(time.RFC3339, b.settings["vcs.time"])
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}
