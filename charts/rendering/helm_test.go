// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	root  = "../.."
	chart = "../workspaces-release"
	tools = root + "/.tools/bin"
	// latest is the version of Kubernetes that is rendered for if no other is asked for.
	latest = "1.37.2"
)

var update = flag.Bool("update", false, "write the golden files and the README of the chart")

// tool runs a program of .tools and returns its output, or its message.
func tool(t *testing.T, name, in string, args ...string) (string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), needs.Program(t, name), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.New(stderr.String())
	}
	return stdout.String(), nil
}

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return tool(t, "helm", "", args...)
}

// template renders the chart with a file of testdata/values, or with none, as the
// release acme in the namespace prod.
func template(t *testing.T, values string, more ...string) (string, error) {
	t.Helper()
	args := []string{"template", "acme", chart, "--namespace", "prod"}
	if !slices.Contains(more, "--kube-version") {
		args = append(args, "--kube-version", latest)
	}
	if values != "" {
		args = append(args, "--values", filepath.Join("testdata/values", values+".yaml"))
	}
	return helm(t, append(args, more...)...)
}

func mustTemplate(t *testing.T, values string, more ...string) string {
	t.Helper()
	out, err := template(t, values, more...)
	if err != nil {
		t.Fatalf("%s %q: %v", values, more, err)
	}
	return out
}

// sets returns the arguments for lines such as sidecar.native=false.
func sets(lines ...string) []string {
	var args []string
	for _, line := range lines {
		args = append(args, "--set", line)
	}
	return args
}

// documents are the resources of a rendering by their kind; of several, the first.
type documents map[string]any

func decode(t *testing.T, text string) documents {
	t.Helper()
	all := documents{}
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var one map[string]any
		if err := dec.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		kind, _ := one["kind"].(string)
		if _, there := all[kind]; !there {
			all[kind] = one
		}
	}
}

// at returns what a path leads to, or nil: a/b is the key b of a, and a/[x] is the
// item of the list a whose name, or which itself, is x; ~ stands for / in a key.
func at(value any, path string) any {
	for step := range strings.SplitSeq(path, "/") {
		step = strings.ReplaceAll(step, "~", "/")
		switch v := value.(type) {
		case documents:
			value = v[step]
		case map[string]any:
			value = v[step]
		case []any:
			i := slices.IndexFunc(v, func(item any) bool { return "["+nameOf(item)+"]" == step })
			if i < 0 {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func nameOf(item any) string {
	if m, ok := item.(map[string]any); ok {
		item = m["name"]
	}
	text, _ := item.(string)
	return text
}

// golden compares with a file of testdata/golden, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	same(t, filepath.Join("testdata/golden", name), got)
}

// same compares with a file that is generated, or writes it.
func same(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: run the test with -update if this is what is wanted\n%s", path, diff)
	}
}
