// SPDX-License-Identifier: Apache-2.0

// Package version tells which build of our programs is running.
package version

import (
	"runtime"
	"runtime/debug"
)

// linked is the release of a released build: -ldflags "-X …/internal/version.linked=v1.2.3".
var linked string

// Info describes a build. The zero value of a field means that it is not known.
type Info struct {
	// Version is the release, or the module version or commit of a development build.
	Version string `json:"version"`
	// Commit is the Git commit that was built.
	Commit string `json:"commit,omitempty"`
	// Modified reports uncommitted changes in that build.
	Modified bool `json:"modified,omitempty"`
	// Go is the version of the Go toolchain.
	Go string `json:"go"`
	// Platform is operating system and architecture, such as linux/amd64.
	Platform string `json:"platform"`
}

// Get returns the description of the running program.
func Get() Info {
	info := Info{Version: linked, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info.named()
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	if info.Version == "" && build.Main.Version != "(devel)" {
		info.Version = build.Main.Version
	}
	return info.named()
}

func (i Info) named() Info {
	if i.Version == "" {
		i.Version = "devel"
	}
	return i
}

// Module returns the version of a module that is linked into the program, or
// "" when it is not, or not known.
func Module(path string) string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range build.Deps {
		if dep.Path == path {
			if dep.Replace != nil {
				return dep.Replace.Version
			}
			return dep.Version
		}
	}
	return ""
}
