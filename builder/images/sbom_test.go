// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"
)

// The bill of materials lists the modules that go version reports, plus the program, the standard
// library, and the certificates.
func TestBillOfMaterials(t *testing.T) {
	binary := compile(t, repository, "sidecar", runtime.GOARCH)
	_, dir := makeImages(t, binary)
	checkBill(t, dir, "sidecar", binary)
}

func checkBill(t *testing.T, dir, program, binary string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, program+"-linux-"+runtime.GOARCH+".spdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc v2_3.Document
	if err := spdxjson.ReadInto(bytes.NewReader(data), &doc); err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(&doc); err != nil {
		t.Error(err)
	}
	if created := doc.CreationInfo.Created; created != "2023-11-14T22:13:20Z" {
		t.Errorf("created %s", created)
	}
	got := map[string]string{}
	for _, p := range doc.Packages {
		got[p.PackageName] = p.PackageVersion
		checkPURL(t, p, program)
	}
	want := toolchainSays(t, binary)
	want[program] = release
	want[authoritiesModule] = inGoMod(t, authoritiesModule)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if related := len(doc.Relationships); related != len(doc.Packages) {
		t.Errorf("%d relationships of %d packages", related, len(doc.Packages))
	}
	described, err := spdxlib.GetDescribedPackageIDs(&doc)
	if err != nil || len(described) != 1 || described[0] != doc.Packages[0].PackageSPDXIdentifier {
		t.Errorf("describes %v: %v", described, err)
	}
}

// checkPURL checks that a package URL identifies the package.
func checkPURL(t *testing.T, p *v2_3.Package, program string) {
	t.Helper()
	purl, err := packageurl.FromString(p.PackageExternalReferences[0].Locator)
	if err != nil {
		t.Error(err)
		return
	}
	name := strings.TrimPrefix(purl.Namespace+"/"+purl.Name, "/")
	if p.PackageName == program {
		name = purl.Subpath
	}
	if purl.Type != "golang" || name != strings.ToLower(p.PackageName) ||
		purl.Version != strings.TrimPrefix(p.PackageVersion, "go") {
		t.Errorf("%s %s has the package URL %s", p.PackageName, p.PackageVersion, purl)
	}
}

// toolchainSays returns the modules and versions, and the Go version, according to go version.
func toolchainSays(t *testing.T, binary string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	found, last := map[string]string{}, ""
	for line := range strings.Lines(string(out)) {
		switch fields := strings.Fields(line); {
		case len(fields) < 2:
		case fields[0] == binary+":":
			found["stdlib"] = fields[1]
		case fields[0] == "dep":
			found[fields[1]], last = fields[2], fields[1]
		case fields[0] == "=>": // replaced by a directory of this project
			delete(found, last)
			found["github.com/prismeai/workspaces-release"+strings.TrimPrefix(fields[1], ".")] = release
		}
	}
	if len(found) < 10 {
		t.Fatalf("too few modules to check anything: %v", found)
	}
	return found
}

// inGoMod returns the version of a pinned module.
func inGoMod(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
