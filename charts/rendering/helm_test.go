// SPDX-License-Identifier: Apache-2.0

package rendering

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	root  = "../.."
	chart = "../workspaces-release"
	tools = root + "/.tools/bin"
	// latest is the default version of Kubernetes for rendering.
	latest = "1.37.2"
)

// tool runs a program of .tools and returns its output or its error message.
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

// documents are the resources of a rendering by kind; of several resources of a kind, the first.
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
