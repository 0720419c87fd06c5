// SPDX-License-Identifier: Apache-2.0

// Package needs locates the programs that tests run, and skips tests that this machine cannot run.
// It records what is missing, so that `make test` can list it after the last package, where it is
// easy to see.
package needs

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RecordVariable is the environment variable with the path of the file to which tests append what
// they lack: tab-separated lines of kind, name, remedy and test. The path differs with each run, so
// that Go does not cache the result of a skipped test.
const RecordVariable = "NOT_TESTED_FILE"

// Kinds of records.
const (
	kindProgram = "program"
	kindMachine = "machine"
)

//go:embed programs.txt
var programs string

// Program returns the absolute path of a program in programs.txt: the build in .tools/bin if there
// is one, otherwise the system's. It skips the test if there is none.
func Program(t testing.TB, name string) string {
	t.Helper()
	installer := readInstallers()[name]
	if installer == "" {
		t.Fatalf("internal/needs/programs.txt does not list %s", name)
	}
	root, err := findModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	candidates := []string{filepath.Join(root, ".tools", "bin", name), name, "/usr/sbin/" + name}
	for _, candidate := range candidates {
		path, err := exec.LookPath(candidate)
		if err != nil {
			continue
		}
		path, err = filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	remedy := "apt-get install " + installer
	if installer == "make" || installer == "npm" {
		remedy = "make .tools/bin/" + name
	}
	skipTest(t, kindProgram, name, remedy)
	return ""
}

// Machine skips the test because this machine or user cannot do what the test needs.
func Machine(t testing.TB, need string) {
	t.Helper()
	skipTest(t, kindMachine, need, "-")
}

// Root skips the test unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		Machine(t, "root")
	}
}

// skipTest records what the test lacks. Without a record file, a missing program fails the test in CI.
func skipTest(t testing.TB, kind, name, remedy string) {
	t.Helper()
	record := os.Getenv(RecordVariable)
	message := fmt.Sprintf("not tested without %s (%s)", name, remedy)
	if record == "" && kind == kindProgram && os.Getenv("CI") != "" {
		t.Fatal(message)
	}
	if record != "" {
		if err := appendRecord(record, kind, name, remedy, testName(t)); err != nil {
			t.Fatal(err)
		}
	}
	t.Skip(message)
}

func appendRecord(path string, fields ...string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(strings.Join(fields, "\t") + "\n")
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// testName returns the name of the top-level test.
func testName(t testing.TB) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

// readInstallers maps each program of the list to its installer.
func readInstallers() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(programs) {
		name, installer, found := strings.Cut(strings.TrimSpace(line), " ")
		if found && name != "#" {
			all[name] = strings.TrimSpace(installer)
		}
	}
	return all
}

// findModuleRoot returns the directory of go.mod above the directory of the test.
func findModuleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s", start)
		}
	}
}
