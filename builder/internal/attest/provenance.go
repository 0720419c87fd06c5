// SPDX-License-Identifier: AGPL-3.0-or-later

package attest

import (
	"path"
	"strings"

	"github.com/distribution/reference"
	"github.com/package-url/packageurl-go"

	"github.com/prismeai/workspaces-release/internal/release"
)

const (
	buildType = docs + "#release-image-v1"
	// builderID identifies the program. The signature must establish who ran it.
	builderID = "https://github.com/prismeai/workspaces-release/builder"
)

// Provenance is a predicate of type [ProvenanceType] (https://slsa.dev/spec/v1.0/provenance).
//
// It has no times and no invocation ID, because they would differ between builds of the same image.
// The time of the release is an internal parameter.
type Provenance struct {
	BuildDefinition struct {
		BuildType            string             `json:"buildType"`
		ExternalParameters   Parameters         `json:"externalParameters"`
		InternalParameters   InternalParameters `json:"internalParameters"`
		ResolvedDependencies []Resource         `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version"`
		} `json:"builder"`
		// Byproducts is the release manifest, which names the file with its workspaces and layers by
		// digest.
		Byproducts []Resource `json:"byproducts"`
	} `json:"runDetails"`
}

// Parameters are the user's inputs. Together with what they resolve to, they determine the image.
// They contain no credentials.
type Parameters struct {
	Source SourceParameters `json:"source"`
	// Base is the reference of the base; empty for none.
	Base string `json:"base,omitempty"`
	// Release is the requested name.
	Release     string            `json:"release,omitempty"`
	Repository  Repository        `json:"repository"`
	Groups      []Group           `json:"groups,omitempty"`
	Platforms   []string          `json:"platforms,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// ReplaceRepository and the fields below are options of the build.
	ReplaceRepository  bool `json:"replaceRepository,omitempty"`
	KeepBaseWorkspaces bool `json:"keepBaseWorkspaces,omitempty"`
	// StampVersions is "content" if version names are stamped with the content.
	StampVersions string `json:"stampVersions,omitempty"`
	// Checksums is the mode of the checksum comparison.
	Checksums string `json:"checksums,omitempty"`
	// Compression is the algorithm and level of the layers; empty for the default.
	Compression string `json:"compression,omitempty"`
}

// SourceParameters identify the source.
type SourceParameters struct {
	// URL of the Git repository, without credentials; empty for a directory, whose path stays
	// private.
	URL    string `json:"url,omitempty"`
	Ref    string `json:"ref,omitempty"`
	Subdir string `json:"subdir,omitempty"`
}

// Repository is the requested platform repository.
type Repository struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	Directory string `json:"directory"`
}

// Group is a requested group.
type Group struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels,omitempty"`
}

// InternalParameters are the builder's decisions.
type InternalParameters struct {
	// SourceDateEpoch is the timestamp of everything in the image, in seconds since 1970.
	SourceDateEpoch int64 `json:"sourceDateEpoch"`
}

func (r *Release) buildProvenance() *Provenance {
	m := r.Manifest
	p := new(Provenance)
	p.BuildDefinition.BuildType = buildType
	p.BuildDefinition.ExternalParameters = r.Parameters
	p.BuildDefinition.InternalParameters.SourceDateEpoch = m.Created.Unix()
	p.BuildDefinition.ResolvedDependencies = resolvedDependencies(m)
	p.RunDetails.Builder.ID = builderID
	p.RunDetails.Builder.Version = map[string]string{m.Tool.Name: m.Tool.Version}
	manifest := Resource{
		Name: path.Base(release.ManifestPath), Digest: newDigestSet(r.ManifestDigest), MediaType: release.MediaType,
	}
	p.RunDetails.Byproducts = []Resource{manifest}
	return p
}

// resolvedDependencies returns the commit and the base, if any.
func resolvedDependencies(m *release.Manifest) []Resource {
	var list []Resource
	if s := m.Source; s.Commit != "" {
		commit := Resource{Name: "workspaces", Digest: DigestSet{"gitCommit": s.Commit}}
		if s.URL != "" {
			commit.URI = gitURI(s)
		}
		if s.Dirty {
			commit.Annotations = map[string]string{"dirty": "what ships is not what the commit holds"}
		}
		list = append(list, commit)
	}
	if m.Base != nil {
		list = append(list, Resource{Name: "base", URI: imagePURL(m.Base), Digest: newDigestSet(m.Base.Digest)})
	}
	return list
}

// gitURI is the notation of SPDX for a place in a repository: git+https://host/path@ref#subdir.
func gitURI(s release.Source) string {
	uri := s.URL
	if !strings.HasPrefix(uri, "git") {
		uri = "git+" + uri
	}
	if s.Ref != "" {
		uri += "@" + s.Ref
	}
	if s.Subdir != "" {
		uri += "#" + s.Subdir
	}
	return uri
}

// imagePURL returns the package URL (type oci) of an image in a registry, or "" if the name is not
// a reference, such as a layout on disk.
func imagePURL(b *release.Base) string {
	named, err := reference.ParseNormalizedNamed(b.Name)
	if err != nil {
		return ""
	}
	qualifiers := packageurl.Qualifiers{{Key: "repository_url", Value: named.Name()}}
	if tagged, ok := named.(reference.Tagged); ok {
		qualifiers = append(qualifiers, packageurl.Qualifier{Key: "tag", Value: tagged.Tag()})
	}
	return packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(named.Name()), b.Digest.String(), qualifiers,
		"").ToString()
}
