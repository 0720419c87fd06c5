// SPDX-License-Identifier: Apache-2.0

package spdx_test

import (
	"bytes"
	"crypto/sha1" // the format demands SHA-1
	"crypto/sha256"
	"regexp"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"
	"github.com/spdx/tools-golang/utils"

	"github.com/prismeai/workspaces-release/internal/spdx"
)

func file(name, content string) spdx.File {
	return spdx.File{Path: name, SHA1: sha1.Sum([]byte(content)),
		SHA256: sha256.Sum256([]byte(content))}
}

func document() *spdx.Document {
	doc := spdx.New("release v1", "https://example.com/1", time.Unix(1700000000, 0).In(time.FixedZone("CET", 3600)),
		"builder-v1")
	root := spdx.NewPackage(spdx.NewID("Release", "v1"), "release", "v1", "pkg:generic/release@v1")
	doc.Describe(root)
	p := spdx.NewPackage(spdx.NewID("Workspace", "mail"), "mail", "", "")
	doc.AddFiles(p, "mail", []spdx.File{file("z.yml", "z"), file("a.yml", "a")})
	doc.Relate(root.ID, spdx.Contains, p.ID)
	return doc
}

// read decodes with the SPDX project's decoder.
func read(t *testing.T, doc *spdx.Document) *v2_3.Document {
	t.Helper()
	data, err := doc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded := new(v2_3.Document)
	if err := spdxjson.ReadInto(bytes.NewReader(data), decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestDocumentIsValid(t *testing.T) {
	doc := read(t, document())
	if err := spdxlib.ValidateDocument(doc); err != nil {
		t.Error(err)
	}
	described, err := spdxlib.GetDescribedPackageIDs(doc)
	if err != nil || len(described) != 1 || described[0] != doc.Packages[0].PackageSPDXIdentifier {
		t.Errorf("describes %v: %v", described, err)
	}
	if doc.CreationInfo.Created != "2023-11-14T22:13:20Z" {
		t.Errorf("created %s is not in UTC", doc.CreationInfo.Created)
	}
	if doc.Packages[0].FilesAnalyzed || !doc.Packages[1].FilesAnalyzed {
		t.Error("files are analysed of the wrong package")
	}
	if len(doc.Packages[1].Files) != 0 || len(doc.Files) != 2 || len(doc.Relationships) != 4 {
		t.Errorf("%d files, %d relationships", len(doc.Files), len(doc.Relationships))
	}
}

func TestVerificationCodeIsThatOfTheFormat(t *testing.T) {
	doc := read(t, document())
	want, err := utils.GetVerificationCode(doc.Files, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Packages[1].PackageVerificationCode.Value; got != want.Value {
		t.Errorf("code %s instead of %s", got, want.Value)
	}
}

// Identifiers only contain allowed characters, whatever the names contain.
func TestIDsHoldNoNames(t *testing.T) {
	valid := regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`)
	seen := map[spdx.ID]bool{}
	for _, name := range []string{"a/b", "a-b", "é", "a b", "", "\x00"} {
		id := spdx.NewID("File", name)
		if !valid.MatchString(string(id)) || seen[id] {
			t.Errorf("%q has the id %s", name, id)
		}
		seen[id] = true
	}
}
