// SPDX-License-Identifier: Apache-2.0

package ci

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// TestWorkflowsOfThisProject checks .github/workflows with actionlint, and that every action
// is pinned to a commit and every make target exists.
func TestWorkflowsOfThisProject(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	makefile := readMakefiles(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		workflow := string(data)
		if err := lintWorkflow(t, workflow); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if lintWorkflow(t, strings.Replace(workflow, "runs-on:", "run-on:", 1)) == nil {
			t.Errorf("%s: actionlint accepts run-on", file)
		}
		for _, match := range uses.FindAllStringSubmatch(workflow, -1) {
			if !pinned.MatchString(match[1]) {
				t.Errorf("%s: %s is not pinned to a commit", file, match[1])
			}
		}
		for _, match := range regexp.MustCompile(`run: make ([\w-]+)`).FindAllStringSubmatch(workflow, -1) {
			if !regexp.MustCompile(`(?m)^` + match[1] + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", file, match[1])
			}
		}
	}
}

// readMakefiles returns the Makefile with the files that it includes.
func readMakefiles(t *testing.T) []byte {
	t.Helper()
	included, err := filepath.Glob(root + "/images/*.mk")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range append(included, root+"/Makefile") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func lintWorkflow(t *testing.T, workflow string) error {
	t.Helper()
	dir := repository(t, map[string]string{".github/workflows/workflow.yml": workflow})
	_, err := run(t, dir, "", "actionlint", "-shellcheck", needs.Program(t, "shellcheck"), "-pyflakes", "")
	return err
}
