// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"crypto/sha1" // SPDX demands SHA-1
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/builder/internal/layer"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/spdx"
)

// Inventory collects the shipped files for the bill of materials. Files must be added in the order
// of their paths. It is not safe for concurrent use.
type Inventory struct{ files []spdx.File }

// Add adds a file.
func (i *Inventory) Add(f source.File) {
	i.files = append(i.files, spdx.File{Path: f.Path, SHA1: sha1.Sum(f.Data), SHA256: f.Sum}) // SPDX demands SHA-1
}

// Files returns the added files. Paths are relative to the directory of the workspaces.
func (i *Inventory) Files() []spdx.File { return i.files }

// bill is the bill of materials of the workspaces in some layers.
type bill struct {
	layers     []release.Layer
	workspaces []release.Workspace
	// providers maps the apps that the workspaces use to the slugs of their workspaces. Apps that the
	// release does not contain belong to the platform.
	providers map[string]string
}

// listBills returns the bills of a release: one for the layers whose workspaces have hashes that start
// with the same three bits, so at most eight. A change of a workspace changes one of them. The first
// bill also has the workspaces of the base.
func listBills(m *release.Manifest) []bill {
	publishers := map[string]string{}
	var fromBase []release.Workspace
	for _, w := range m.Workspaces {
		if w.App != "" {
			publishers[w.App] = w.Slug
		}
		if w.FromBase {
			fromBase = append(fromBase, w)
		}
	}
	layers := m.ContentLayers()
	slugs := make([][]string, len(layers))
	for i, l := range layers {
		slugs[i] = l.Workspaces
	}
	var list []bill
	for _, group := range layer.Group(slugs) {
		b := bill{workspaces: fromBase}
		fromBase = nil
		for _, i := range group {
			b.layers = append(b.layers, layers[i].Layer)
			for _, slug := range layers[i].Workspaces {
				w, _ := m.Workspace(slug) // a valid manifest has it
				b.workspaces = append(b.workspaces, w)
			}
		}
		slices.SortFunc(b.workspaces, func(x, y release.Workspace) int { return strings.Compare(x.Slug, y.Slug) })
		b.setProviders(publishers)
		list = append(list, b)
	}
	return list
}

// CountBills returns the number of bills of materials of a release, which is at most eight.
func CountBills(m *release.Manifest) int { return len(listBills(m)) }

// setProviders looks up the providers of the used apps.
func (b *bill) setProviders(publishers map[string]string) {
	b.providers = map[string]string{}
	for _, w := range b.workspaces {
		for _, app := range w.DependsOn {
			if slug, ok := publishers[app]; ok {
				b.providers[app] = slug
			}
		}
	}
}

// version identifies the content of a bill.
func (b bill) version() digest.Digest {
	h := digest.SHA256.Digester()
	for _, w := range b.workspaces {
		fmt.Fprintf(h.Hash(), "%s  %s\n", w.Digest.Encoded(), w.Slug)
	}
	return h.Digest()
}

// buildSBOM lists the workspaces of a bill as packages, with their files if there are any in the
// release. The base is a package without details. Nothing in the document depends on the commit, or
// on the name and time of the release. It has the constant time of files in layers.
func (r *Release) buildSBOM(b bill) *spdx.Document {
	m := r.Manifest
	version := b.version()
	doc := spdx.New("Prisme.ai workspaces of repository "+m.Repository.ID, r.namespace(b),
		time.Unix(layer.ModTime, 0), m.Tool.Name+"-"+m.Tool.Version)
	root := spdx.NewPackage(spdx.NewID("Release", m.Repository.ID), m.Repository.ID, version.String(),
		packageurl.NewPackageURL(packageurl.TypeGeneric, "", m.Repository.ID, version.String(), nil, "").ToString())
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
	for _, w := range b.workspaces {
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
	relateDependencies(doc, m, b)
	return doc
}

// namespace returns a URI that is unique to the content of a bill.
func (r *Release) namespace(b bill) string {
	m := r.Manifest
	content := digest.SHA256.Digester()
	fmt.Fprintf(content.Hash(), "%q %q\n%+v\n%v\n%+v\nfiles: %t\n", m.Repository.ID, m.Repository.Directory,
		b.workspaces, b.providers, m.Tool, len(r.Files) > 0)
	if m.Base != nil {
		fmt.Fprintf(content.Hash(), "%+v\n", *m.Base)
	}
	return builderID + "/spdx/" + content.Digest().Encoded()
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

// relateDependencies relates the workspaces of a bill to the providers of their apps. A provider in
// another bill is a package without a version, so that its changes leave this bill as it is.
func relateDependencies(doc *spdx.Document, m *release.Manifest, b bill) {
	known := map[string]bool{}
	for _, w := range b.workspaces {
		known[w.Slug] = true
	}
	for _, w := range b.workspaces {
		for _, app := range w.DependsOn {
			slug, ok := b.providers[app]
			if !ok {
				continue
			}
			if !known[slug] {
				known[slug] = true
				doc.Add(referredPackage(m, slug))
			}
			doc.Relate(workspaceID(w.Slug), spdx.DependsOn, workspaceID(slug))
		}
	}
}

// referredPackage returns the package of a workspace that another bill describes.
func referredPackage(m *release.Manifest, slug string) spdx.Package {
	purl := packageurl.NewPackageURL(packageurl.TypeGeneric, m.Repository.ID, slug, "", nil, "").ToString()
	p := spdx.NewPackage(workspaceID(slug), slug, "", purl)
	p.Comment = "another bill of materials of the release describes it"
	return p
}
