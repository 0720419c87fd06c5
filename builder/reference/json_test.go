// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/cli"
	"github.com/prismeai/workspaces-release/internal/golden"
)

// jsonPage documents the JSON of both programs: the sidecar's test writes the rest of it.
const jsonPage = "../../docs/reference/json.md"

const jsonIntroduction = `# JSON documents

<!-- Written by go test ./builder/reference -update, and from the marker on by
go test ./sidecar/internal/cli -run TestJSONReference -update -->

Every JSON document of the builder and of the sidecar is an object that starts with
` + "`schemaVersion`" + `. Fields may be added under the same version, so a reader must ignore fields that
it does not know. A change that breaks readers raises the version. A field that is optional is
left out where it has no value; a list that is not optional is never null.

SARIF, JUnit, GitLab and GitHub reports follow the formats of those tools.

`

const sidecarMarker = "<!-- sidecar -->\n"

// TestJSONReference compares the page with the types of the documents.
func TestJSONReference(t *testing.T) {
	var page bytes.Buffer
	page.WriteString(jsonIntroduction)
	for _, kind := range cli.Documents() {
		if err := kind.WriteMarkdown(&page); err != nil {
			t.Fatal(err)
		}
	}
	page.WriteString(sidecarMarker)
	present, err := os.ReadFile(jsonPage)
	if err != nil && !golden.Updating() {
		t.Fatal(err)
	}
	if _, sidecar, ok := strings.Cut(string(present), sidecarMarker); ok {
		page.WriteString(sidecar)
	}
	golden.Compare(t, jsonPage, page.Bytes())
}

// TestDocumentsHaveTheFieldsOfTheReference runs the commands, and checks that their documents have
// a version and only documented fields.
func TestDocumentsHaveTheFieldsOfTheReference(t *testing.T) {
	const workspaces = "../../examples/workspaces"
	page, err := os.ReadFile(jsonPage)
	if err != nil {
		t.Fatal(err)
	}
	for title, args := range map[string][]string{
		"builder validate --format json":     {"validate", workspaces},
		"builder scan --format json":         {"scan", workspaces, "--include-detector", "dsul"},
		"builder plan --format json":         {"plan", workspaces},
		"builder diff --format json":         {"diff", workspaces, workspaces},
		"builder requirements --format json": {"requirements", workspaces},
		"builder rules --format json":        {"rules"},
		"builder version --format json":      {"version"},
	} {
		var out, errs bytes.Buffer
		args = append(args, "--format", "json")
		if code := cli.Run(t.Context(), args, cli.IO{Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("%s: exit code %d: %s", title, code, errs.String())
		}
		checkDocument(t, string(page), title, out.Bytes())
	}
	for title, golden := range map[string]string{
		"builder validate --format json": "../internal/checkreport/testdata/validate.json",
		"builder scan --format json":     "../../scan/testdata/report.json",
		"builder build --metadata-file":  "../internal/report/testdata/metadata.json",
	} {
		data, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		checkDocument(t, string(page), title, data)
	}
}

// checkDocument compares the fields of a document with its section of the page.
func checkDocument(t *testing.T, page, title string, data []byte) {
	t.Helper()
	_, section, ok := strings.Cut(page, "\n## "+title+"\n")
	if !ok {
		t.Fatalf("the page has no section %q", title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	if object["schemaVersion"] != 1.0 {
		t.Errorf("%s: schemaVersion is %v", title, object["schemaVersion"])
	}
	for _, path := range paths("", object) {
		if !strings.Contains(section, "| `"+path+"` |") && !inDescribed(section, path) {
			t.Errorf("%s: %s is not in the reference", title, path)
		}
	}
}

// inDescribed reports whether a path is in an object that is described elsewhere, or whose keys are
// free.
func inDescribed(section, path string) bool {
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if strings.Contains(section, "| `"+path[:i]+"` | any object |") ||
			strings.Contains(section, "| `"+path[:i]+"` | object with values ") {
			return true
		}
	}
	return false
}

// paths lists the fields of a value in the notation of the page.
func paths(prefix string, v any) []string {
	var list []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			path := strings.TrimPrefix(prefix+"."+key, ".")
			list = append(append(list, path), paths(path, value)...)
		}
	case []any:
		for _, value := range v {
			list = append(list, paths(prefix+"[]", value)...)
		}
	}
	return list
}
