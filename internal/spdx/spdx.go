// SPDX-License-Identifier: Apache-2.0

// Package spdx writes software bills of materials as SPDX 2.3 JSON. The output is reproducible:
// https://spdx.github.io/spdx-spec/v2.3/.
//
// The package implements the subset of the format that this project uses. The types of
// github.com/spdx/tools-golang, which implement the whole format, take three times as long, and a
// release may have tens of thousands of files. The tests validate documents with that module.
package spdx

import (
	"crypto/sha1" // the format demands SHA-1
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"path"
	"slices"
	"time"
)

// PredicateType is the type of an in-toto statement with an SPDX document.
const PredicateType = "https://spdx.dev/Document"

// ID identifies an element of a document: see [NewID].
type ID string

// Document is a bill of materials: see [Document.Encode].
type Document struct {
	head     head
	packages []Package
	// files and relationships are generated during encoding, because all of them would take several
	// times the memory of the encoded document.
	files         []iter.Seq[fileEntry]
	relationships []iter.Seq[relationship]
	// count is the number of files.
	count int
}

// head holds the fields about the document itself.
type head struct {
	Version      string       `json:"spdxVersion"`
	DataLicense  string       `json:"dataLicense"`
	ID           ID           `json:"SPDXID"`
	Name         string       `json:"name"`
	Namespace    string       `json:"documentNamespace"`
	CreationInfo creationInfo `json:"creationInfo"`
}

type creationInfo struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

// Package is a component with a name and a version. An empty license makes no claim.
type Package struct {
	ID      ID     `json:"SPDXID"`
	Name    string `json:"name"`
	Version string `json:"versionInfo,omitempty"`
	// FileName is the path of the package relative to the root of the described artifact.
	FileName string `json:"packageFileName,omitempty"`
	Summary  string `json:"summary,omitempty"`
	Comment  string `json:"comment,omitempty"`
	// Purpose is a value of the format, such as APPLICATION or CONTAINER.
	Purpose          string            `json:"primaryPackagePurpose,omitempty"`
	LicenseDeclared  string            `json:"licenseDeclared,omitempty"`
	DownloadLocation string            `json:"downloadLocation"`
	FilesAnalyzed    bool              `json:"filesAnalyzed"`
	VerificationCode *VerificationCode `json:"packageVerificationCode,omitempty"`
	ExternalRefs     []ExternalRef     `json:"externalRefs,omitempty"`
}

// VerificationCode is a checksum over the files of a package.
type VerificationCode struct {
	Value string `json:"packageVerificationCodeValue"`
}

// ExternalRef is an identifier of the package in another system.
type ExternalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

// File is a file of a package. The format requires the SHA-1.
type File struct {
	// Path is relative and uses slashes.
	Path   string
	SHA1   [sha1.Size]byte
	SHA256 [sha256.Size]byte
}

// fileEntry is the encoding of a file.
type fileEntry struct {
	ID        ID         `json:"SPDXID"`
	Name      string     `json:"fileName"`
	Checksums []checksum `json:"checksums"`
}

// checksum holds a hexadecimal checksum.
type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type relationship struct {
	Element ID     `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related ID     `json:"relatedSpdxElement"`
}

// Types of relationships.
const (
	Contains     = "CONTAINS"
	DependsOn    = "DEPENDS_ON"
	DescendantOf = "DESCENDANT_OF"
	Describes    = "DESCRIBES"
)

const documentID = "SPDXRef-DOCUMENT"

// New returns an empty document. namespace is a URI that is unique to the content of the document;
// tool is the program and version, as name-version.
func New(name, namespace string, created time.Time, tool string) *Document {
	return &Document{head: head{
		Version:     "SPDX-2.3",
		DataLicense: "CC0-1.0",
		ID:          documentID,
		Name:        name,
		Namespace:   namespace,
		CreationInfo: creationInfo{
			Created:  created.UTC().Format(time.RFC3339),
			Creators: []string{"Tool: " + tool},
		},
	}}
}

// NewID derives an identifier from a kind, such as Package, and a text that is unique within the
// kind. SPDX identifiers only allow letters, digits, dots and dashes.
func NewID(kind, text string) ID {
	sum := sha256.Sum256([]byte(text))
	return ID("SPDXRef-" + kind + "-" + hex.EncodeToString(sum[:8]))
}

// NewPackage returns a package without a list of files. Empty versions and package URLs are
// omitted.
func NewPackage(id ID, name, version, purl string) Package {
	p := Package{ID: id, Name: name, Version: version, DownloadLocation: "NOASSERTION"}
	if purl != "" {
		p.ExternalRefs = []ExternalRef{{Category: "PACKAGE-MANAGER", Type: "purl", Locator: purl}}
	}
	return p
}

// Describe adds the package that the document describes.
func (d *Document) Describe(p Package) {
	d.Add(p)
	d.Relate(documentID, Describes, p.ID)
}

// Add adds a package without a list of files.
func (d *Document) Add(p Package) { d.packages = append(d.packages, p) }

// AddFiles adds a package with all of its files. Their paths are relative to directory, which is
// relative to the root of the described artifact.
func (d *Document) AddFiles(p Package, directory string, files []File) {
	p.FilesAnalyzed = true
	p.VerificationCode = verificationCode(files)
	d.Add(p)
	d.count += len(files)
	d.files = append(d.files, func(yield func(fileEntry) bool) {
		for _, f := range files {
			if !yield(f.newEntry(directory)) {
				return
			}
		}
	})
	d.relationships = append(d.relationships, func(yield func(relationship) bool) {
		for _, f := range files {
			if !yield(relationship{p.ID, Contains, f.elementID(directory)}) {
				return
			}
		}
	})
}

func (f File) elementID(directory string) ID { return NewID("File", path.Join(directory, f.Path)) }

func (f File) newEntry(directory string) fileEntry {
	return fileEntry{
		ID:   f.elementID(directory),
		Name: "./" + path.Join(directory, f.Path),
		Checksums: []checksum{
			{Algorithm: "SHA1", Value: hex.EncodeToString(f.SHA1[:])},
			{Algorithm: "SHA256", Value: hex.EncodeToString(f.SHA256[:])},
		},
	}
}

// Relate adds a relationship between two elements.
func (d *Document) Relate(element ID, what string, related ID) {
	d.relationships = append(d.relationships, func(yield func(relationship) bool) {
		yield(relationship{element, what, related})
	})
}

// verificationCode returns the SHA-1 of the sorted SHA-1 sums of all files (clause 7.9).
func verificationCode(files []File) *VerificationCode {
	sums := make([]string, len(files))
	for i, f := range files {
		sums[i] = hex.EncodeToString(f.SHA1[:])
	}
	slices.Sort(sums)
	h := sha1.New() // the format demands SHA-1
	for _, sum := range sums {
		io.WriteString(h, sum)
	}
	return &VerificationCode{hex.EncodeToString(h.Sum(nil))}
}
