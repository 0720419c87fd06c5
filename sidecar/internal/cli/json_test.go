// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/document"
	"github.com/prismeai/workspaces-release/internal/golden"
	"github.com/prismeai/workspaces-release/internal/version"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

// TestJSONReference compares the sidecar's part of the page with the types of the documents.
func TestJSONReference(t *testing.T) {
	const file = "../../../docs/reference/json.md"
	const marker = "<!-- sidecar -->\n"
	var part bytes.Buffer
	for _, kind := range []document.Kind{
		{Title: "sidecar status --format json", Value: state.Snapshot{}, Text: "The status of a running sidecar, as it answers `GET /status`. With `--all`, each sidecar has a document."},
		{Title: "sidecar version --format json", Value: version.Info{}, Text: "The version of the program."},
	} {
		if err := kind.WriteMarkdown(&part); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	builder, _, ok := strings.Cut(string(page), marker)
	if !ok {
		t.Fatalf("%s has no line %s", file, marker)
	}
	golden.Compare(t, file, builder+marker+part.String())
}
