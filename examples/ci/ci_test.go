// SPDX-License-Identifier: Apache-2.0

package ci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	root = "../.."
	docs = root + "/docs/ci.md"
)

// run runs a program of the list of internal/needs, and returns what it writes.
func run(t *testing.T, dir, stdin, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Program(t, program), args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout = &stdout
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.New(stdout.String() + stderr.String())
	}
	return stdout.String(), nil
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func parse[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return v
}

// repository makes a Git repository of files.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "git@gitlab.example.com:acme/workspaces.git"}, {"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "files"},
	} {
		if _, err := run(t, dir, "", "git", args...); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkScript wants that a shell parses a script, and that shellcheck has nothing to say:
// bash, or sh for images that have no other.
func checkScript(t *testing.T, what, shell, script string) {
	t.Helper()
	if _, err := run(t, "", script, shell, "-n"); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if _, err := run(t, "", script, "shellcheck", "--shell="+shell, "--severity=style", "-"); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

const gitlabTemplate = "templates/workspaces-release.yml"

// pipeline has the jobs of a project that includes a template, as gitlab-ci-local sees
// them: it puts in the inputs, and checks all of it by GitLab's schema.
func pipeline(t *testing.T, template string) (string, error) {
	t.Helper()
	dir := repository(t, map[string]string{".gitlab-ci.yml": read(t, "gitlab/.gitlab-ci.yml"), gitlabTemplate: template})
	return run(t, dir, "", "gitlab-ci-local", "--preview")
}

func TestGitLab(t *testing.T) {
	out, err := pipeline(t, read(t, "gitlab/"+gitlabTemplate))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"release-version", "release-check", "release-comment", "release-build",
		"release-deploy"} {
		checkScript(t, name, "sh", strings.Join(job(t, out, name).Script, "\n"))
	}
	for _, word := range []string{"docker:", "dind", "privileged", "services:", "$[["} {
		if strings.Contains(out, word) {
			t.Errorf("the pipeline has %q:\n%s", word, out)
		}
	}
}

// jobOf is a job of a pipeline.
type jobOf struct {
	Script []string
	Image  struct{ Name string }
}

func job(t *testing.T, pipeline, name string) jobOf {
	t.Helper()
	encoded, err := yaml.Marshal(parse[map[string]any](t, pipeline)[name])
	if err != nil {
		t.Fatal(err)
	}
	j := parse[jobOf](t, string(encoded))
	if len(j.Script) == 0 || j.Image.Name == "" {
		t.Errorf("%s has no script or no image:\n%s", name, encoded)
	}
	return j
}

// What takes everything proves nothing.
func TestGitLabIsStrict(t *testing.T) {
	template := read(t, "gitlab/"+gitlabTemplate)
	for from, to := range map[string]string{
		"    when: always\n":                 "    when: perhaps\n",
		"extends: .workspaces-release-build": "extends: .workspaces",
		"      dotenv: release.env":          "      dotenv: {file: release.env}",
	} {
		if wrong := strings.Replace(template, from, to, 1); wrong == template {
			t.Errorf("the template does not have %q", from)
		} else if out, err := pipeline(t, wrong); err == nil {
			t.Errorf("%q is accepted:\n%s", to, out)
		}
	}
}

// action is what we look at of a composite action.
type action struct {
	Inputs  map[string]map[string]any
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []map[string]any
	}
}

// asWorkflow makes a workflow that is called with the inputs of an action and has its
// steps: actionlint reads workflows only.
func asWorkflow(t *testing.T, text string) string {
	t.Helper()
	a := parse[action](t, text)
	for _, input := range a.Inputs {
		input["type"] = "string"
	}
	outputs := map[string]string{}
	for name, o := range a.Outputs {
		outputs[name] = o.Value
	}
	workflow, err := yaml.Marshal(map[string]any{
		"on":   map[string]any{"workflow_call": map[string]any{"inputs": a.Inputs}},
		"jobs": map[string]any{"action": map[string]any{"runs-on": "ubuntu-24.04", "outputs": outputs, "steps": a.Runs.Steps}},
	})
	if err != nil || a.Runs.Using != "composite" || len(a.Runs.Steps) == 0 {
		t.Fatalf("no composite action: %v", err)
	}
	return string(workflow)
}

// actionlint checks a workflow and the action that it uses.
func actionlint(t *testing.T, workflow, action string) error {
	t.Helper()
	dir := repository(t, map[string]string{
		".github/workflows/release.yml":                 workflow,
		".github/workflows/action.yml":                  asWorkflow(t, action),
		".github/actions/workspaces-release/action.yml": action,
	})
	_, err := run(t, dir, "", "actionlint", "-shellcheck", needs.Program(t, "shellcheck"), "-pyflakes", "")
	return err
}

var (
	uses   = regexp.MustCompile(`uses: (.*)`)
	pinned = regexp.MustCompile(`^([\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\S+)$`)
)

func TestGitHub(t *testing.T) {
	workflow, composite := read(t, "github/workflow.yml"), read(t, "github/action.yml")
	if err := actionlint(t, workflow, composite); err != nil {
		t.Error(err)
	}
	for _, found := range uses.FindAllStringSubmatch(workflow+composite, -1) {
		if !pinned.MatchString(found[1]) {
			t.Errorf("%s is not pinned", found[1])
		}
	}
	for _, step := range parse[action](t, composite).Runs.Steps {
		script, ok := step["run"].(string)
		if !ok {
			continue
		}
		checkScript(t, "a step", "bash", script)
		if strings.Contains(script, "${{") || step["shell"] != "bash" {
			t.Errorf("text of others becomes a part of a script, or there is no shell:\n%s", script)
		}
	}
}

// What takes everything proves nothing.
func TestGitHubIsStrict(t *testing.T) {
	workflow, composite := read(t, "github/workflow.yml"), read(t, "github/action.yml")
	for from, to := range map[string]string{
		"          image: ${{ env.IMAGE }}":        "          picture: ${{ env.IMAGE }}",
		"steps.release.outputs.diff != ''":         "steps.release.outputs.difference != ''",
		"        NEW: ${{ steps.build.outputs":     "        NEW: ${{ steps.make.outputs",
		`--tag "$IMAGE:$TAG"`:                      `--tag $IMAGE:$TAG`,
		"        CURRENT: ${{ inputs.current }}\n": "        CURRENT: ${{ inputs.former }}\n",
	} {
		wrong := strings.NewReplacer(from, to)
		if wrong.Replace(workflow+composite) == workflow+composite {
			t.Errorf("there is no %q", from)
		} else if err := actionlint(t, wrong.Replace(workflow), wrong.Replace(composite)); err == nil {
			t.Errorf("%q is accepted", to)
		}
	}
}

// aHelm makes a helm that renders our chart, whatever chart it is told to install.
func aHelm(t *testing.T) (path string) {
	t.Helper()
	program := needs.Program(t, "helm")
	chart, err := filepath.Abs(root + "/charts/workspaces-release")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/bash
[[ "$1 $3" = "upgrade oci://registry.example.com/charts/workspaces-release" ]] || exit 3
release=$2; shift 3
for arg; do
	shift
	case $arg in --install | --wait | --timeout | 30m) ;; *) set -- "$@" "$arg" ;; esac
done
exec %s template "$release" %s --kube-version 1.37.2 "$@"
`, program, chart)
	if err := os.WriteFile(filepath.Join(dir, "helm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// The chart takes what the deployments set, and runs the release.
func TestDeployments(t *testing.T) {
	if _, err := run(t, "", "", "helm", "version"); err != nil {
		t.Fatal(err)
	}
	pipeline, err := pipeline(t, read(t, "gitlab/"+gitlabTemplate))
	if err != nil {
		t.Fatal(err)
	}
	workflow := parse[struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}](t, read(t, "github/workflow.yml"))
	steps := workflow.Jobs["deploy"].Steps
	for system, script := range map[string]string{
		"GitLab": strings.Join(job(t, pipeline, "release-deploy").Script, "\n"), "GitHub": steps[len(steps)-1].Run,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/values.yaml",
			[]byte("workload: {create: true}\nsidecar: {image: {repository: r.example/sidecar}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		digest := "sha256:" + strings.Repeat("a", 64)
		out, err := run(t, dir, "", "env", "PATH="+aHelm(t), "RELEASE_IMAGE=r.example:5000/acme/release@"+digest,
			"RUNNER_TEMP="+t.TempDir(), "bash", "-e", "-c", script)
		if err != nil {
			t.Errorf("%s: %v", system, err)
		}
		for _, want := range []string{"r.example:5000/acme/release@" + digest, "namespace: prismeai-core",
			"r.example/sidecar:0.1.0"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s deploys no %s:\n%s", system, want, out)
			}
		}
	}
}

func TestKubernetes(t *testing.T) {
	job := read(t, "kubernetes/job.yaml")
	types, err := filepath.Glob(root + "/.tools/bin/kubernetes-*.go")
	if err != nil || len(types) == 0 && os.Getenv("CI") != "" {
		t.Fatal("there are no types of Kubernetes: make unit")
	}
	for _, file := range types {
		if _, err := run(t, "", job, "kubernetes", "validate", file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		wrong := strings.Replace(job, "readOnlyRootFilesystem:", "readonlyRootFilesystem:", 1)
		if _, err := run(t, "", wrong, "kubernetes", "validate", file); err == nil {
			t.Errorf("%s: a wrong field is accepted", file)
		}
	}
}

// Every input is documented.
func TestInputsAreDocumented(t *testing.T) {
	text := read(t, docs)
	header, _, _ := strings.Cut(read(t, "gitlab/"+gitlabTemplate), "\n---\n")
	component := parse[struct {
		Spec struct{ Inputs map[string]any }
	}](t, header)
	composite := parse[action](t, read(t, "github/action.yml"))
	if len(component.Spec.Inputs) < 10 || len(composite.Inputs) < 5 {
		t.Fatal("too few inputs: this checks nothing")
	}
	for name := range component.Spec.Inputs {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s does not have the input %s of GitLab", docs, name)
		}
	}
	for name := range composite.Inputs {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s does not have the input %s of GitHub", docs, name)
		}
	}
}
