// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"crypto/sha1" // SPDX demands SHA-1
	"crypto/sha256"
	"path"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// Inventory collects the shipped files for the bill of materials. Files must be added in the order
// of their paths. It is not safe for concurrent use.
type Inventory struct{ files []spdx.File }

// Add adds a file.
func (i *Inventory) Add(name string, data []byte) {
	i.files = append(i.files, spdx.File{
		Path:   name,
		SHA1:   sha1.Sum(data),
		SHA256: sha256.Sum256(data),
	}) // SPDX demands SHA-1
}

// Files returns the added files. Paths are relative to the directory of the workspaces.
func (i *Inventory) Files() []spdx.File { return i.files }

// buildSBOM lists the workspaces as packages, with their files if there are any in the release. The
// base is a package without details.
func (r *Release) buildSBOM() *spdx.Document {
	m := r.Manifest
	doc := spdx.New("Prisme.ai workspaces "+m.Name, builderID+"/spdx/"+r.ManifestDigest.Encoded(), m.Created,
		m.Tool.Name+"-"+m.Tool.Version)
	root := spdx.NewPackage(spdx.NewID("Release", m.Repository.ID), m.Repository.Name, m.Name, Name(m, ""))
	root.Purpose = "CONTAINER"
	doc.Describe(root)
	if m.Base != nil {
		base := spdx.NewPackage(spdx.NewID("Base", m.Base.Name), m.Base.Name, m.Base.Digest.String(), imagePURL(m.Base))
		base.Purpose = "CONTAINER"
		doc.Add(base)
		doc.Relate(root.ID, spdx.DescendantOf, base.ID)
	}
	files := groupBySlug(r.Files)
	directory := strings.TrimPrefix(m.Repository.Directory, "/")
	for _, w := range m.Workspaces {
		p := workspacePackage(m, w)
		switch {
		case w.FromBase:
			p.Comment += ", held by the base image"
			doc.Add(p)
		case len(r.Files) == 0:
			doc.Add(p)
		default:
			doc.AddFiles(p, directory, files[w.Slug])
		}
		doc.Relate(root.ID, spdx.Contains, p.ID)
	}
	relateDependencies(doc, m.Workspaces)
	return doc
}

func workspacePackage(m *release.Manifest, w release.Workspace) spdx.Package {
	purl := packageurl.NewPackageURL(packageurl.TypeGeneric, m.Repository.ID, w.Slug, w.Version, nil, "").ToString()
	p := spdx.NewPackage(workspaceID(w.Slug), w.Slug, w.Version, purl)
	p.Summary = w.Name
	p.FileName = "." + path.Join(m.Repository.Directory, w.Slug)
	p.Comment = "content digest " + w.Digest.String()
	p.Purpose = "APPLICATION"
	return p
}

func workspaceID(slug string) spdx.ID { return spdx.NewID("Workspace", slug) }

// groupBySlug groups the files by workspace.
func groupBySlug(files []spdx.File) map[string][]spdx.File {
	spaces := map[string][]spdx.File{}
	for _, f := range files {
		slug, _, _ := strings.Cut(f.Path, "/")
		spaces[slug] = append(spaces[slug], f)
	}
	return spaces
}

// relateDependencies relates workspaces to the providers of their apps. Apps that the release does
// not contain belong to the platform.
func relateDependencies(doc *spdx.Document, workspaces []release.Workspace) {
	publishers := map[string]string{}
	for _, w := range workspaces {
		if w.App != "" {
			publishers[w.App] = w.Slug
		}
	}
	for _, w := range workspaces {
		for _, app := range w.DependsOn {
			if slug, ok := publishers[app]; ok {
				doc.Relate(workspaceID(w.Slug), spdx.DependsOn, workspaceID(slug))
			}
		}
	}
}
