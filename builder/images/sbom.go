// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"path"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/internal/spdx"
	"github.com/prismeai/workspaces-release/internal/version"
)

// authoritiesModule is the module with the certificates of an image.
const authoritiesModule = "golang.org/x/crypto/x509roots/fallback"

// subject returns the package URL of an image. It names no registry, because the image is the same
// in all registries.
func (i *image) subject(b *binary) string {
	platform := packageurl.Qualifiers{{Key: "platform", Value: b.platform.OS + "/" + b.platform.Architecture}}
	return packageurl.NewPackageURL(packageurl.TypeGeneric, "", i.program.name, i.version, platform, "").ToString()
}

// buildSBOM lists the program, its modules according to the toolchain, the standard library, and
// the certificates. A base has its own bill of materials.
func (i *image) buildSBOM(b *binary, layer digest.Digest) *spdx.Document {
	name := i.program.name + "-" + i.version + "-" + b.platform.OS + "-" + b.platform.Architecture
	doc := spdx.New(name, "https://"+b.info.Main.Path+"/spdx/"+name+"-"+layer.Encoded(), i.epoch, "images-"+i.version)
	root := spdx.NewPackage(spdx.NewID("Program", b.info.Path), i.program.name, i.version,
		modulePURL(b.info.Main.Path, i.version, strings.TrimPrefix(b.info.Path, b.info.Main.Path+"/")))
	root.Purpose = "APPLICATION"
	root.LicenseDeclared = i.program.licence
	doc.Describe(root)

	add := func(relationship, name, version, purlVersion string) {
		p := spdx.NewPackage(spdx.NewID("Module", name), name, version, modulePURL(name, purlVersion, ""))
		doc.Add(p)
		doc.Relate(root.ID, relationship, p.ID)
	}
	add(spdx.DependsOn, "stdlib", b.info.GoVersion, strings.TrimPrefix(b.info.GoVersion, "go"))
	for _, m := range linkedModules(b.info, i.version) {
		add(spdx.DependsOn, m.Path, m.Version, m.Version)
	}
	if i.base == nil {
		roots := version.Module(authoritiesModule)
		add(spdx.Contains, authoritiesModule, roots, roots)
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
