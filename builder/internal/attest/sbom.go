// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"crypto/sha1" //nolint:gosec // SPDX demands SHA-1
	"crypto/sha256"
	"path"
	"strings"

	"github.com/package-url/packageurl-go"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// File is a file that ships.
type File struct {
	// Path is relative to the directory of the workspaces, with slashes.
	Path   string
	SHA1   [sha1.Size]byte
	SHA256 [sha256.Size]byte
}

// Inventory takes the files that ship, in the order of their paths, and keeps what a
// bill of materials says of them. It is for one goroutine.
type Inventory struct{ files []File }

// Add takes one file.
func (i *Inventory) Add(name string, data []byte) {
	i.files = append(i.files, File{name, sha1.Sum(data), sha256.Sum256(data)}) //nolint:gosec // SPDX demands SHA-1
}

// Files returns what was added.
func (i *Inventory) Files() []File { return i.files }

// sbom lists the workspaces as packages with their files, and the base as a package of
// which nothing more is said here.
func (r *Release) sbom() *v2_3.Document {
	m := r.Manifest
	doc := spdx.New("Prisme.ai workspaces "+m.Name, builderID+"/spdx/"+r.ManifestDigest.Encoded(), m.Created, m.Tool.Name+"-"+m.Tool.Version)
	root := spdx.Package(spdx.ID("Release", m.Repository.ID), m.Repository.Name, m.Name, Name(m, ""))
	root.PrimaryPackagePurpose = "CONTAINER"
	doc.Packages = append(doc.Packages, root)
	spdx.Describe(doc, root)
	if m.Base != nil {
		base := basePackage(m.Base)
		doc.Packages = append(doc.Packages, base)
		spdx.Relate(doc, root.PackageSPDXIdentifier, common.TypeRelationshipDescendantOf, base.PackageSPDXIdentifier)
	}
	files := bySlug(r.Files, strings.TrimPrefix(m.Repository.Directory, "/"))
	for _, w := range m.Workspaces {
		p := workspacePackage(m, w)
		spdx.Contain(doc, p, files[w.Slug])
		spdx.Relate(doc, root.PackageSPDXIdentifier, common.TypeRelationshipContains, p.PackageSPDXIdentifier)
	}
	relateDependencies(doc, m.Workspaces)
	return doc
}

func basePackage(b *release.Base) *v2_3.Package {
	base := spdx.Package(spdx.ID("Base", b.Name), b.Name, b.Digest.String(), imagePURL(b))
	base.PrimaryPackagePurpose = "CONTAINER"
	return base
}

func workspacePackage(m *release.Manifest, w release.Workspace) *v2_3.Package {
	purl := packageurl.NewPackageURL(packageurl.TypeGeneric, m.Repository.ID, w.Slug, w.Version, nil, "").ToString()
	p := spdx.Package(workspaceID(w.Slug), w.Slug, w.Version, purl)
	p.PackageSummary = w.Name
	p.PackageFileName = "." + path.Join(m.Repository.Directory, w.Slug)
	p.PackageComment = "content digest " + w.Digest.String()
	p.PrimaryPackagePurpose = "APPLICATION"
	return p
}

func workspaceID(slug string) common.ElementID { return spdx.ID("Workspace", slug) }

// bySlug sorts the files into their workspaces.
func bySlug(files []File, directory string) map[string][]*v2_3.File {
	spaces := map[string][]*v2_3.File{}
	for _, f := range files {
		slug, _, _ := strings.Cut(f.Path, "/")
		spaces[slug] = append(spaces[slug], spdx.File(path.Join(directory, f.Path), f.SHA1, f.SHA256))
	}
	return spaces
}

// relateDependencies says which workspaces use the apps of which others. Apps that the
// release does not hold are the platform's.
func relateDependencies(doc *v2_3.Document, workspaces []release.Workspace) {
	publishers := map[string]string{}
	for _, w := range workspaces {
		if w.App != "" {
			publishers[w.App] = w.Slug
		}
	}
	for _, w := range workspaces {
		for _, app := range w.DependsOn {
			if slug, ok := publishers[app]; ok {
				spdx.Relate(doc, workspaceID(w.Slug), common.TypeRelationshipDependsOn, workspaceID(slug))
			}
		}
	}
}
