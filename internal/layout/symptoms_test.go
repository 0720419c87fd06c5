// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// symptomCell matches the first cell of a row of a table.
var symptomCell = regexp.MustCompile(`(?m)^\| ([^|]+) \|`)

// librarySymptoms are messages of libraries that the programs pass on, and states of Kubernetes.
var librarySymptoms = map[string]bool{
	"proxyconnect": true, "connection refused": true,
	"CrashLoopBackOff": true, "helm upgrade --wait": true, "Progressing": true,
}

// Every message that the page on troubleshooting lists as a symptom is a message of our programs.
func TestSymptomsAreMessagesOfThePrograms(t *testing.T) {
	messages := programTexts(t)
	page := markdownPages(t)["docs/troubleshooting.md"]
	checked := 0
	for _, cell := range symptomCell.FindAllStringSubmatch(page, -1) {
		for _, code := range inlineCode.FindAllStringSubmatch(cell[1], -1) {
			for _, text := range strings.Split(code[1], "…") {
				text = strings.TrimSpace(text)
				if text == "" || librarySymptoms[text] {
					continue
				}
				checked++
				if !strings.Contains(messages, text) {
					t.Errorf("docs/troubleshooting.md: no program prints %q", text)
				}
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d messages were found", checked)
	}
}

// programTexts returns the sources of both programs, without tests.
func programTexts(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, tree := range []string{"builder", "sidecar", "internal", "scan"} {
		err := fs.WalkDir(os.DirFS(root), tree, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			data, err := os.ReadFile(filepath.Join(root, name))
			all.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
