// SPDX-License-Identifier: Apache-2.0

// Package version describes the build of the running program.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// linked is the version of a release build: -ldflags "-X …/internal/version.linked=v1.2.3".
var linked string

// Info describes a build. Empty fields are unknown.
type Info struct {
	// Version is the release version. A development build has the module version, otherwise the
	// commit, otherwise "devel".
	Version string `json:"version"`
	// Commit is the Git commit of the build.
	Commit string `json:"commit,omitempty"`
	// Modified is true if the build has uncommitted changes.
	Modified bool `json:"modified,omitempty"`
	// Go is the version of the Go toolchain.
	Go string `json:"go"`
	// Platform is the operating system and the architecture, such as linux/amd64.
	Platform string `json:"platform"`
}

// Get returns the build of the running program.
func Get() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = new(debug.BuildInfo)
	}
	return describeBuild(linked, build)
}

// describeBuild prefers the linked version to the version that the toolchain recorded.
func describeBuild(linked string, build *debug.BuildInfo) Info {
	info := Info{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	main := build.Main.Version
	if main == "(devel)" {
		main = ""
	}
	info.Version = cmp.Or(linked, main, info.Commit, "devel")
	return info
}

// Module returns the version of a module that is linked into the program, or "" if there is none.
func Module(path string) string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return moduleVersion(build, path)
}

func moduleVersion(build *debug.BuildInfo, path string) string {
	for _, dep := range build.Deps {
		switch {
		case dep.Path != path:
		case dep.Replace != nil:
			return dep.Replace.Version
		default:
			return dep.Version
		}
	}
	return ""
}
