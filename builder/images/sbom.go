// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"runtime/debug"

	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/internal/spdx"
	"github.com/prismeai/workspaces-release/internal/version"
)

// authoritiesModule is the module with the certificates of an image.
const authoritiesModule = "golang.org/x/crypto/x509roots/fallback"

// packageURL returns the package URL of an image. It names no registry, because the image is the same
// in all registries.
func (i *image) packageURL(b *program.Binary) string {
	platform := packageurl.Qualifiers{{Key: "platform", Value: b.Platform.OS + "/" + b.Platform.Architecture}}
	return packageurl.NewPackageURL(packageurl.TypeGeneric, "", i.program.Name, i.version, platform, "").ToString()
}

// buildSBOM lists the program, its modules, and the certificates. A base has its own bill of
// materials.
func (i *image) buildSBOM(b *program.Binary, layer digest.Digest) *spdx.Document {
	contents := program.Contents{Tool: "images-" + i.version, Subject: layer}
	if i.base == nil {
		contents.Modules = []*debug.Module{{Path: authoritiesModule, Version: version.Module(authoritiesModule)}}
	}
	return b.SBOM(i.version, i.epoch, contents)
}
