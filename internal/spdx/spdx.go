// SPDX-License-Identifier: Apache-2.0

// Package spdx writes software bills of materials in SPDX 2.3, as JSON, whose bytes
// depend on what is described and on nothing else: https://spdx.github.io/spdx-spec/v2.3/.
//
// The types are those of github.com/spdx/tools-golang; this package fills in what every
// document of ours has in common, and what the format demands and is easy to forget.
package spdx

import (
	"crypto/sha1" //nolint:gosec // the format demands SHA-1
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// PredicateType is that of an in-toto statement whose predicate is a document.
const PredicateType = "https://spdx.dev/Document"

// noAssertion says that nothing is claimed, also not that there is none.
const noAssertion = "NOASSERTION"

// document is the identifier that every document gives itself.
const document = "DOCUMENT"

// New returns an empty document. The namespace is a URI that no document of other
// content has; tool is the program with its version, as name-version.
func New(name, namespace string, created time.Time, tool string) *v2_3.Document {
	return &v2_3.Document{
		SPDXVersion:       v2_3.Version,
		DataLicense:       v2_3.DataLicense,
		SPDXIdentifier:    document,
		DocumentName:      name,
		DocumentNamespace: namespace,
		CreationInfo: &v2_3.CreationInfo{
			Created:  created.UTC().Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Tool", Creator: tool}},
		},
	}
}

// ID returns an identifier for what is named by text among the things of its kind, such
// as Package or File. Identifiers may hold letters, digits, dots and dashes only.
func ID(kind, text string) common.ElementID {
	sum := sha256.Sum256([]byte(text))
	return common.ElementID(kind + "-" + hex.EncodeToString(sum[:8]))
}

// Package returns a package of which no file is listed. An empty version or purl is left out.
func Package(id common.ElementID, name, version, purl string) *v2_3.Package {
	p := &v2_3.Package{
		PackageName:             name,
		PackageSPDXIdentifier:   id,
		PackageVersion:          version,
		PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: noAssertion,
		PackageLicenseDeclared:  noAssertion,
		PackageCopyrightText:    noAssertion,
		// Without the mark, readers take a missing filesAnalyzed for true.
		IsFilesAnalyzedTagPresent: true,
	}
	if purl != "" {
		p.PackageExternalReferences = []*v2_3.PackageExternalReference{
			{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl},
		}
	}
	return p
}

// File returns a file. The name is relative to the root of what is described, without ./
// in front. SHA-1 is there because the format demands it.
func File(name string, sha1 [sha1.Size]byte, sha256 [sha256.Size]byte) *v2_3.File {
	return &v2_3.File{
		FileName:           "./" + name,
		FileSPDXIdentifier: ID("File", name),
		Checksums: []common.Checksum{
			{Algorithm: common.SHA1, Value: hex.EncodeToString(sha1[:])},
			{Algorithm: common.SHA256, Value: hex.EncodeToString(sha256[:])},
		},
		LicenseConcluded:   noAssertion,
		LicenseInfoInFiles: []string{noAssertion},
		FileCopyrightText:  noAssertion,
	}
}

// Contain adds a package with all of its files to the document.
func Contain(doc *v2_3.Document, p *v2_3.Package, files []*v2_3.File) {
	p.FilesAnalyzed = true
	p.PackageVerificationCode = &common.PackageVerificationCode{Value: verificationCode(files)}
	doc.Packages = append(doc.Packages, p)
	doc.Files = append(doc.Files, files...)
	for _, f := range files {
		Relate(doc, p.PackageSPDXIdentifier, common.TypeRelationshipContains, f.FileSPDXIdentifier)
	}
}

// verificationCode is the SHA-1 of the sorted SHA-1 of all files (clause 7.9).
func verificationCode(files []*v2_3.File) string {
	sums := make([]string, len(files))
	for i, f := range files {
		sums[i] = f.Checksums[0].Value
	}
	slices.Sort(sums)
	h := sha1.New() //nolint:gosec // the format demands SHA-1
	io.WriteString(h, strings.Join(sums, ""))
	return hex.EncodeToString(h.Sum(nil))
}

// Describe says that the document is about a package.
func Describe(doc *v2_3.Document, p *v2_3.Package) {
	Relate(doc, document, common.TypeRelationshipDescribe, p.PackageSPDXIdentifier)
}

// Relate adds a relationship, such as [common.TypeRelationshipContains].
func Relate(doc *v2_3.Document, a common.ElementID, relationship string, b common.ElementID) {
	doc.Relationships = append(doc.Relationships, &v2_3.Relationship{
		RefA: common.MakeDocElementID("", string(a)), RefB: common.MakeDocElementID("", string(b)), Relationship: relationship,
	})
}

// Encode returns the document as compact JSON.
func Encode(doc *v2_3.Document) ([]byte, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode SPDX document: %w", err)
	}
	return data, nil
}
