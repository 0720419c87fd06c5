// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"debug/buildinfo"
	"fmt"
	"path"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// binary is a program for one platform.
type binary struct {
	path     string
	program  program
	platform ocispec.Platform
	info     *buildinfo.BuildInfo
}

// program is the metadata that a binary does not contain.
type program struct {
	name, title, licence string
	// temp adds a world-writable /tmp, for programs that write files.
	temp bool
}

// programs returns the programs that have images.
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

// newBinary refuses binaries that would not run in an image.
func newBinary(file string, info *buildinfo.BuildInfo) (*binary, error) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b := &binary{path: file, info: info}
	b.platform = platforms.Normalize(ocispec.Platform{OS: settings["GOOS"], Architecture: settings["GOARCH"]})
	for _, p := range programs() {
		if p.name == path.Base(info.Path) {
			b.program = p
		}
	}
	switch {
	case b.program.name == "":
		return nil, fmt.Errorf("%s is %s, which has no image", file, info.Path)
	case b.platform.OS != "linux":
		return nil, fmt.Errorf("%s is for %s, but images are for linux: set GOOS", file, b.platform.OS)
	case settings["CGO_ENABLED"] != "0":
		return nil, fmt.Errorf("%s needs a C library, which its image lacks: set CGO_ENABLED=0", file)
	}
	return b, nil
}
