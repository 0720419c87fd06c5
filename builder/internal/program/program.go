// SPDX-License-Identifier: AGPL-3.0-or-later

// Package program describes the binaries of this project's programs, as the Go toolchain recorded
// them, for their images and packages.
package program

import (
	"debug/buildinfo"
	"fmt"
	"path"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/prismeai/workspaces-release/internal/epoch"
)

// Program is the metadata that a binary does not contain.
type Program struct {
	// Name is the name of the binary, without .exe.
	Name string
	// Title is one line about the program.
	Title string
	// Licence is an SPDX identifier.
	Licence string
	// Temp is true for programs that write files to the directory for temporary files.
	Temp bool
}

// List returns all programs.
func List() []Program {
	return []Program{
		{Name: "builder", Title: "Builder of Prisme.ai workspaces releases", Licence: "AGPL-3.0-or-later", Temp: true},
		{Name: "sidecar", Title: "Importer of Prisme.ai workspaces releases", Licence: "Apache-2.0"},
	}
}

// Binary is a program for one platform.
type Binary struct {
	Program
	// Path is the file.
	Path     string
	Platform ocispec.Platform
	Info     *buildinfo.BuildInfo
}

// Read reads the build information of a binary.
func Read(file string) (*Binary, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return New(file, info)
}

// New refuses binaries of other programs and binaries that need a C library.
func New(file string, info *buildinfo.BuildInfo) (*Binary, error) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b := &Binary{Path: file, Info: info}
	b.Platform = platforms.Normalize(ocispec.Platform{OS: settings["GOOS"], Architecture: settings["GOARCH"]})
	for _, p := range List() {
		if p.Name == path.Base(info.Path) {
			b.Program = p
		}
	}
	switch {
	case b.Name == "":
		return nil, fmt.Errorf("%s is %s, which is no program of this project", file, info.Path)
	case settings["CGO_ENABLED"] != "0":
		return nil, fmt.Errorf("%s needs a C library, which other machines may lack: set CGO_ENABLED=0", file)
	}
	return b, nil
}

// FileName returns the name of the binary on its platform.
func (b *Binary) FileName() string {
	if b.Platform.OS == "windows" {
		return b.Name + ".exe"
	}
	return b.Name
}

// Source returns the URL of the repository.
func (b *Binary) Source() string { return "https://" + b.Info.Main.Path }

// Epoch returns the time of images and archives: SOURCE_DATE_EPOCH, or 1970.
func Epoch(getenv func(string) string) (time.Time, error) {
	return epoch.Read(getenv, time.Unix(0, 0).UTC())
}
