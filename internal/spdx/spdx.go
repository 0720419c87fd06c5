// SPDX-License-Identifier: Apache-2.0

// Package spdx writes software bills of materials in SPDX 2.3, as JSON, whose bytes
// depend on what is described and on nothing else: https://spdx.github.io/spdx-spec/v2.3/.
//
// The types are the part of the format that we use. Those of github.com/spdx/tools-golang,
// which reads all of it, take three times the time, and a release may have tens of
// thousands of files. The tests hold our documents against that reader.
package spdx

import (
	"crypto/sha1" //nolint:gosec // the format demands SHA-1
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"path"
	"slices"
	"time"
)

// PredicateType is that of an in-toto statement whose predicate is a document.
const PredicateType = "https://spdx.dev/Document"

// ID identifies an element within its document: see [NewID].
type ID string

// Document is a bill of materials: see [Document.Encode].
type Document struct {
	head     head
	packages []Package
	// files and relationships are made while they are encoded: all at once would take
	// several times the memory of the encoded document.
	files         []iter.Seq[fileEntry]
	relationships []iter.Seq[relationship]
	// count is how many files there are.
	count int
}

// head is what a document says of itself.
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

// Package is something that has a name and a version. No license means that nothing is
// claimed.
type Package struct {
	ID      ID     `json:"SPDXID"`
	Name    string `json:"name"`
	Version string `json:"versionInfo,omitempty"`
	// FileName is where the package is, relative to the root of what is described.
	FileName string `json:"packageFileName,omitempty"`
	Summary  string `json:"summary,omitempty"`
	Comment  string `json:"comment,omitempty"`
	// Purpose is one of the format's words, such as APPLICATION or CONTAINER.
	Purpose          string            `json:"primaryPackagePurpose,omitempty"`
	LicenseDeclared  string            `json:"licenseDeclared,omitempty"`
	DownloadLocation string            `json:"downloadLocation"`
	FilesAnalyzed    bool              `json:"filesAnalyzed"`
	VerificationCode *VerificationCode `json:"packageVerificationCode,omitempty"`
	ExternalRefs     []ExternalRef     `json:"externalRefs,omitempty"`
}

// VerificationCode sums up the files of a package.
type VerificationCode struct {
	Value string `json:"packageVerificationCodeValue"`
}

// ExternalRef says what something is called elsewhere.
type ExternalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

// File is a file of a package. SHA-1 is there because the format demands it.
type File struct {
	// Path has slashes, and does not start with one.
	Path   string
	SHA1   [sha1.Size]byte
	SHA256 [sha256.Size]byte
}

// fileEntry is a file as the format has it.
type fileEntry struct {
	ID        ID         `json:"SPDXID"`
	Name      string     `json:"fileName"`
	Checksums []checksum `json:"checksums"`
}

// checksum is in hexadecimal digits.
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

// New returns an empty document. The namespace is a URI that no document of other
// content has; tool is the program with its version, as name-version.
func New(name, namespace string, created time.Time, tool string) *Document {
	return &Document{head: head{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: documentID, Name: name, Namespace: namespace,
		CreationInfo: creationInfo{Created: created.UTC().Format(time.RFC3339), Creators: []string{"Tool: " + tool}},
	}}
}

// NewID returns an identifier for what is named by text among the things of its kind,
// such as Package. Identifiers may hold letters, digits, dots and dashes only.
func NewID(kind, text string) ID {
	sum := sha256.Sum256([]byte(text))
	return ID("SPDXRef-" + kind + "-" + hex.EncodeToString(sum[:8]))
}

// NewPackage returns a package of which no file is listed. An empty version or package
// URL is left out.
func NewPackage(id ID, name, version, purl string) Package {
	p := Package{ID: id, Name: name, Version: version, DownloadLocation: "NOASSERTION"}
	if purl != "" {
		p.ExternalRefs = []ExternalRef{{Category: "PACKAGE-MANAGER", Type: "purl", Locator: purl}}
	}
	return p
}

// Describe adds the package that the document is about.
func (d *Document) Describe(p Package) {
	d.Add(p)
	d.Relate(documentID, Describes, p.ID)
}

// Add adds a package of which no file is listed.
func (d *Document) Add(p Package) { d.packages = append(d.packages, p) }

// AddFiles adds a package with all of its files. Their paths are relative to the
// directory, which is relative to the root of what is described.
func (d *Document) AddFiles(p Package, directory string, files []File) {
	p.FilesAnalyzed, p.VerificationCode = true, verificationCode(files)
	d.Add(p)
	d.count += len(files)
	d.files = append(d.files, func(yield func(fileEntry) bool) {
		for _, f := range files {
			if !yield(f.entry(directory)) {
				return
			}
		}
	})
	d.relationships = append(d.relationships, func(yield func(relationship) bool) {
		for _, f := range files {
			if !yield(relationship{p.ID, Contains, f.id(directory)}) {
				return
			}
		}
	})
}

func (f File) id(directory string) ID { return NewID("File", path.Join(directory, f.Path)) }

func (f File) entry(directory string) fileEntry {
	return fileEntry{
		ID: f.id(directory), Name: "./" + path.Join(directory, f.Path),
		Checksums: []checksum{{"SHA1", hex.EncodeToString(f.SHA1[:])}, {"SHA256", hex.EncodeToString(f.SHA256[:])}},
	}
}

// Relate says what one element is to another.
func (d *Document) Relate(element ID, what string, related ID) {
	d.relationships = append(d.relationships, func(yield func(relationship) bool) {
		yield(relationship{element, what, related})
	})
}

// verificationCode is the SHA-1 of the sorted SHA-1 of all files (clause 7.9).
func verificationCode(files []File) *VerificationCode {
	sums := make([]string, len(files))
	for i, f := range files {
		sums[i] = hex.EncodeToString(f.SHA1[:])
	}
	slices.Sort(sums)
	h := sha1.New() //nolint:gosec // the format demands SHA-1
	for _, sum := range sums {
		io.WriteString(h, sum)
	}
	return &VerificationCode{hex.EncodeToString(h.Sum(nil))}
}
