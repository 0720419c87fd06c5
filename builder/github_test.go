// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// expression matches an expression of GitHub Actions.
var expression = regexp.MustCompile(`\$\{\{ (.*?) \}\}`)

// actionStep is a step of the composite action that runs a script.
type actionStep struct {
	ID, Run string
	Env     map[string]string
}

// githubAction runs the scripts of the composite action in order, with the values of its
// expressions. It skips steps that use other actions.
type githubAction struct {
	*company
	steps []actionStep
	// values of expressions.
	values map[string]string
	temp   string
	env    []string
}

func newGithubAction(t *testing.T, c *company, inputs map[string]string) *githubAction {
	t.Helper()
	var document struct {
		Inputs map[string]struct{ Default string }
		Runs   struct{ Steps []actionStep }
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/ci/github/action.yml")), &document); err != nil {
		t.Fatal(err)
	}
	a := &githubAction{company: c, temp: t.TempDir(), values: map[string]string{}}
	for name, input := range document.Inputs {
		a.values["inputs."+name] = input.Default
	}
	for name, value := range inputs {
		a.values["inputs."+name] = value
	}
	a.values["runner.temp"] = a.temp
	a.values["steps.build.outputs.image || inputs.source"] = a.values["inputs.source"]
	for _, s := range document.Runs.Steps {
		if s.Run != "" {
			a.steps = append(a.steps, s)
		}
	}
	a.env = []string{
		"PATH=" + filepath.Dir(link(t, "builder")) + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(),
		"HOME=" + t.TempDir(), "RUNNER_TEMP=" + a.temp,
		"DOCKER_AUTH_CONFIG=" + c.env["DOCKER_AUTH_CONFIG"],
		"GITHUB_OUTPUT=" + filepath.Join(a.temp, "output"), "GITHUB_PATH=" + filepath.Join(a.temp, "path"),
		"GITHUB_STEP_SUMMARY=" + filepath.Join(a.temp, "summary.md"),
	}
	return a
}

// run runs a step as GitHub does and returns its output.
func (a *githubAction) run(t *testing.T, s actionStep) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
	cmd.Dir, cmd.Env = a.dir, slices.Clone(a.env)
	for name, text := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+expression.ReplaceAllStringFunc(text, func(e string) string {
			value, ok := a.values[expression.FindStringSubmatch(e)[1]]
			if !ok {
				t.Errorf("%s has no value", e)
			}
			return value
		}))
	}
	out, err := cmd.CombinedOutput()
	a.silent(t, "a step", out)
	for file, text := range tree(t, a.temp) {
		a.silent(t, file, []byte(text))
	}
	return string(out), err
}

// outputs of all steps so far.
func (a *githubAction) outputs(t *testing.T) string {
	t.Helper()
	return readFile(t, filepath.Join(a.temp, "output"))
}

// The GitHub action builds a release, shows a diff, and stops at a secret.
func TestActionOfGitHub(t *testing.T) {
	c := newCompany(t)
	c.login()
	config := c.file(t, "release.yaml", "base: "+c.base+"\n")
	inputs := map[string]string{"image": c.reg.Ref("acme/release"), "tag": "v1", "push": "true", "config": config}
	a := newGithubAction(t, c, inputs)
	if len(a.steps) != 3 {
		t.Fatalf("%d steps instead of find, build and diff", len(a.steps))
	}
	for _, s := range a.steps[:2] {
		if out, err := a.run(t, s); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	image := c.reg.Ref("acme/release") + "@" + c.reg.Descriptor(t, "acme/release:v1").Digest.String()
	contains(t, "the outputs", []byte(a.outputs(t)), "image="+image+"\n", "sarif="+a.temp+"/scan.sarif\n")

	c.edit(t, "mail-sender", "automations/send.yml", "method: post", "method: put")
	maps.Copy(inputs, map[string]string{"tag": "v2", "push": "false", "current": image})
	a = newGithubAction(t, c, inputs)
	for _, s := range a.steps[1:] {
		if out, err := a.run(t, s); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	contains(t, "the summary", []byte(readFile(t, a.temp+"/summary.md")), "+      method: put")
	if out := a.outputs(t); strings.Contains(out, "image=") ||
		!strings.Contains(out, "file="+a.temp+"/release-diff.md\n") {
		t.Errorf("outputs of a run without a push: %s", out)
	}

	c.edit(t, "mail-sender", "automations/send.yml", "method: put", "method: put\n      # "+c.secretOf("an automation"))
	a = newGithubAction(t, c, inputs)
	out, err := a.run(t, a.steps[1])
	if err == nil || !strings.Contains(out, "::error ") || !strings.Contains(a.outputs(t), "sarif=") {
		t.Errorf("a secret: %v\n%s", err, out)
	}
	if tags := c.reg.Tags(t, "acme/release"); !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("pushed: %v", tags)
	}
}

// The builder accepts the arguments of the Job.
func TestJobOfKubernetes(t *testing.T) {
	var job struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []struct{ Args []string } }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/ci/kubernetes/job.yaml")), &job); err != nil {
		t.Fatal(err)
	}
	args := job.Spec.Template.Spec.Containers[0].Args
	i := slices.Index(args, "--config=/etc/release/release.yaml")
	if i < 0 {
		t.Fatalf("%q", args)
	}
	args[i] = "--config=../examples/release.yaml"
	p := builder(t, nil, append(args, "--print-config")...)
	p.run(t, 0)
	contains(t, "the settings", p.stdout.Bytes(), "registry.example.com/acme/prismeai-workspaces:v2.4.0",
		"/var/run/git/token")
}
