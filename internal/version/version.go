// SPDX-License-Identifier: Apache-2.0

// Package version tells which build of our programs is running.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// linked is the release of a released build: -ldflags "-X …/internal/version.linked=v1.2.3".
var linked string

// Info describes a build. An empty field means that it is not known.
type Info struct {
	// Version is the release; of a development build the module version, else the
	// commit, else "devel".
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
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = new(debug.BuildInfo)
	}
	return describe(linked, build)
}

// describe prefers the linked release over what the toolchain has found out.
func describe(linked string, build *debug.BuildInfo) Info {
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

// Module returns the version of a module that is linked into the program, or
// "" when it is not, or not known.
func Module(path string) string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return module(build, path)
}

func module(build *debug.BuildInfo, path string) string {
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
