// SPDX-License-Identifier: AGPL-3.0-or-later

package program

import (
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/internal/spdx"
)

// Contents describe the image or archive that contains the binary.
type Contents struct {
	// Tool is the program that writes the bill, with its version.
	Tool string
	// Subject is the digest of the layer or archive. It makes the namespace of the bill unique.
	Subject digest.Digest
	// Modules are those of other files, such as certificates.
	Modules []*debug.Module
}

// SBOM lists the program, its modules according to the toolchain, the standard library, and the
// modules of the contents.
func (b *Binary) SBOM(version string, epoch time.Time, contents Contents) *spdx.Document {
	name := b.Name + "-" + version + "-" + b.Platform.OS + "-" + b.Platform.Architecture
	doc := spdx.New(name, b.Source()+"/spdx/"+name+"-"+contents.Subject.Encoded(), epoch, contents.Tool)
	root := spdx.NewPackage(spdx.NewID("Program", b.Info.Path), b.Name, version,
		modulePURL(b.Info.Main.Path, version, strings.TrimPrefix(b.Info.Path, b.Info.Main.Path+"/")))
	root.Purpose = "APPLICATION"
	root.LicenseDeclared = b.Licence
	doc.Describe(root)

	add := func(relationship, name, version, purlVersion string) {
		p := spdx.NewPackage(spdx.NewID("Module", name), name, version, modulePURL(name, purlVersion, ""))
		doc.Add(p)
		doc.Relate(root.ID, relationship, p.ID)
	}
	add(spdx.DependsOn, "stdlib", b.Info.GoVersion, strings.TrimPrefix(b.Info.GoVersion, "go"))
	for _, m := range linkedModules(b.Info, version) {
		add(spdx.DependsOn, m.Path, m.Version, m.Version)
	}
	for _, m := range contents.Modules {
		add(spdx.Contains, m.Path, m.Version, m.Version)
	}
	return doc
}

// linkedModules returns the modules linked into the program, with replacements applied. A
// replacement by a directory has the version of the program.
func linkedModules(info *debug.BuildInfo, version string) []*debug.Module {
	var list []*debug.Module
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if strings.HasPrefix(m.Path, "./") {
			m = &debug.Module{Path: path.Join(info.Main.Path, m.Path), Version: version}
		}
		list = append(list, m)
	}
	return list
}

// modulePURL returns the package URL of a module: github.com/package-url/purl-spec.
func modulePURL(module, version, subpath string) string {
	namespace := strings.TrimSuffix(path.Dir(module), ".")
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, path.Base(module), version, nil,
		subpath).ToString()
}
