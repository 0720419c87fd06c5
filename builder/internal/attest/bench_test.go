// SPDX-License-Identifier: AGPL-3.0-or-later

package attest_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/attest"
	"github.com/prismeai/workspaces-release/builder/internal/source"
	"github.com/prismeai/workspaces-release/internal/release"
)

// BenchmarkBillOfMaterials covers 1,000 workspaces with 50 files each.
func BenchmarkBillOfMaterials(b *testing.B) {
	r := example()
	r.Manifest.Workspaces = nil
	var files attest.Inventory
	for w := range 1000 {
		slug := fmt.Sprintf("workspace-%04d", w)
		r.Manifest.Workspaces = append(r.Manifest.Workspaces, release.Workspace{
			Slug:   slug,
			Name:   slug,
			Digest: digest.FromString(slug),
		})
		for f := range 50 {
			files.Add(source.NewFile(fmt.Sprintf("%s/automations/automation-%02d.yml", slug, f), []byte(slug)))
		}
	}
	r.Files = files.Files()
	b.ReportAllocs()
	for b.Loop() {
		list, err := r.Predicates(attest.Kinds{SBOM: true})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(list[0].Content)))
	}
}
