// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"text/template"

	"github.com/prismeai/workspaces-release/builder/internal/program"
)

// packageName is the name of the builder in package managers, where "builder" would be too general.
const packageName = "workspaces-builder"

// formula is in the notation of https://docs.brew.sh/Formula-Cookbook.
var formula = template.Must(template.New("formula").Parse(`# SPDX-License-Identifier: AGPL-3.0-or-later
class WorkspacesBuilder < Formula
  desc "{{.Program.Title}}"
  homepage "{{.Homepage}}"
  version "{{.Version}}"
  license "{{.Program.Licence}}"
{{range .Systems}}
  on_{{.Brew}} do
{{- range .Archives}}
    on_{{.Brew}} do
      url "{{.URL}}"
      sha256 "{{.Sum}}"
    end
{{- end}}
  end
{{end}}
  def install
    bin.install "builder"
    generate_completions_from_executable(bin/"builder", "completion")
  end

  test do
    assert_match "builder v#{version} ", shell_output("#{bin}/builder version")
  end
end
`))

// brewSystem is an operating system, or a processor of one, in the names of Homebrew.
type brewSystem struct {
	Brew     string
	Archives []brewSystem
	URL, Sum string
}

// writeFormula writes the formula of the builder, if it has archives for Homebrew.
func (r *release) writeFormula() error {
	var systems []brewSystem
	for _, system := range []struct{ os, brew string }{{"darwin", "macos"}, {"linux", "linux"}} {
		s := brewSystem{Brew: system.brew}
		for _, processor := range []struct{ arch, brew string }{{"amd64", "intel"}, {"arm64", "arm"}} {
			if a, ok := r.findArchive(system.os, processor.arch); ok {
				s.Archives = append(s.Archives, brewSystem{Brew: processor.brew, URL: r.downloadURL(a), Sum: a.sum})
			}
		}
		if len(s.Archives) > 0 {
			systems = append(systems, s)
		}
	}
	if len(systems) == 0 {
		return nil
	}
	var out bytes.Buffer
	err := formula.Execute(&out, struct {
		Program           program.Program
		Homepage, Version string
		Systems           []brewSystem
	}{program.List()[0], r.sourceURL(), r.versionNumber(), systems})
	if err != nil {
		return err
	}
	return r.writeFile(packageName+".rb", out.Bytes())
}

// manifest is in the format of https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests.
type manifest struct {
	Version      string               `json:"version"`
	Description  string               `json:"description"`
	Homepage     string               `json:"homepage"`
	License      string               `json:"license"`
	Architecture map[string]scoopFile `json:"architecture"`
	Bin          string               `json:"bin"`
}

type scoopFile struct {
	URL  string `json:"url"`
	Hash string `json:"hash"`
}

// writeManifest writes the Scoop manifest of the builder, if it has an archive for Windows.
func (r *release) writeManifest() error {
	a, ok := r.findArchive("windows", "amd64")
	if !ok {
		return nil
	}
	data, err := json.MarshalIndent(manifest{
		Version:      r.versionNumber(),
		Description:  a.binary.Title,
		Homepage:     r.sourceURL(),
		License:      a.binary.Licence,
		Architecture: map[string]scoopFile{"64bit": {URL: r.downloadURL(a), Hash: a.sum}},
		Bin:          a.binary.FileName(),
	}, "", "    ")
	if err != nil {
		return err
	}
	return r.writeFile(packageName+".json", append(data, '\n'))
}

// findArchive returns the archive of the builder for a platform.
func (r *release) findArchive(os, arch string) (archive, bool) {
	for _, a := range r.archives {
		if a.binary.Name == "builder" && a.binary.Platform.OS == os && a.binary.Platform.Architecture == arch {
			return a, true
		}
	}
	return archive{}, false
}

// downloadURL returns the URL of an archive in the release on GitHub.
func (r *release) downloadURL(a archive) string {
	return fmt.Sprintf("%s/releases/download/%s/%s", r.sourceURL(), r.version, a.name)
}
