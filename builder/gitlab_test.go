// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

const gitlabTemplate = "../examples/ci/gitlab/templates/workspaces-release.yml"

// pipelines runs jobs of the GitLab template. gitlab-ci-local does what GitLab and its runner do:
// inputs, rules, variables, and shells that stop at the first error. The variables are those that
// GitLab sets; the builder and a fake helm are on the path.
type pipelines struct {
	*company
	project   string
	variables map[string]string
	// helm is the file with the arguments of the helm calls.
	helm string
	// notes are the comments of the merge request.
	notes *notes
}

func newPipelines(t *testing.T) *pipelines {
	t.Helper()
	for _, program := range []string{"gitlab-ci-local", "git", "rsync", "curl", "jq"} {
		needs.Program(t, program)
	}
	p := &pipelines{
		company: newCompany(t),
		project: t.TempDir(),
		helm:    filepath.Join(t.TempDir(), "helm.txt"),
		notes:   new(notes),
	}
	comments := p.canaries.plant("token for comments")
	p.notes.token = comments
	api := httptest.NewServer(p.notes)
	t.Cleanup(api.Close)
	host, port, err := net.SplitHostPort(p.git.Host())
	if err != nil {
		t.Fatal(err)
	}
	p.variables = map[string]string{
		"CI_PROJECT_URL": strings.TrimSuffix(p.git.URL()+gittest.Path, ".git"), "CI_SERVER_HOST": host,
		"CI_SERVER_PORT": port,
		"CI_JOB_TOKEN":   p.canaries["token for Git"], "CI_REGISTRY": p.reg.Host(),
		"CI_REGISTRY_IMAGE": p.reg.Ref("acme/release"),
		"CI_REGISTRY_USER":  registryUser, "CI_REGISTRY_PASSWORD": p.canaries["password of the registry"],
		"CI_API_V4_URL": api.URL + "/api/v4", "CI_PROJECT_ID": "42", "CI_DEFAULT_BRANCH": "main",
		"CACHE_KEY": p.file(t, "key", p.canaries.plant("key of the cache")+"\n"),
	}
	p.write(t, ".gitlab-ci.yml", `
include:
  - local: workspaces-release.yml
    inputs:
      builder-image: registry.example.com/team/builder:0.1.0-shell
      comment-image: registry.example.com/team/curl-jq:1
      deploy-image: registry.example.com/team/helm:3
      chart: oci://registry.example.com/charts/workspaces-release
      current: $PRODUCTION_IMAGE
`)
	p.write(t, "workspaces-release.yml", readFile(t, gitlabTemplate))
	p.write(t, "release.yaml",
		fmt.Sprintf("base: %s\nbulkPush:\n  apiUrl: %s\n  repository: workspaces-git\n  groups: [base1, base2, extended]\n",
			p.base, p.api))
	p.write(t, "values.yaml", "{}\n")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin",
			"git@gitlab.example.com:acme/workspaces.git"}, {"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "files"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = p.project
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return p
}

func (p *pipelines) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.project, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// path is the PATH of jobs: the builder, and a helm that records its arguments.
func (p *pipelines) path(t *testing.T) string {
	t.Helper()
	dir := filepath.Dir(link(t, "builder"))
	helm := "#!/bin/sh\nprintf '%s\\n' \"$@\" >" + p.helm + "\n"
	if err := os.WriteFile(filepath.Join(dir, "helm"), []byte(helm), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// run runs jobs with additional variables, checks whether they succeed, and returns their output.
// The artifacts are in the directory of the project.
func (p *pipelines) run(t *testing.T, well bool, variables map[string]string, jobs ...string) string {
	t.Helper()
	all := maps.Clone(p.variables)
	maps.Copy(all, variables)
	args := append([]string{"--force-shell-executor", "--home", t.TempDir(), "--ignore-predefined-vars",
		strings.Join(slices.Collect(maps.Keys(all)), ",")}, jobs...)
	for name, value := range all {
		args = append(args, "--variable", name+"="+value)
	}
	cmd := exec.CommandContext(t.Context(), needs.Program(t, "gitlab-ci-local"), args...)
	cmd.Dir = p.project
	cmd.Env = []string{"PATH=" + p.path(t), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || (err == nil) != well {
		t.Fatalf("%v: %v\n%s", jobs, err, out)
	}
	p.silent(t, "the log", out)
	for file, text := range tree(t, p.project) {
		if !strings.HasPrefix(file, ".git/") {
			p.silent(t, file, []byte(text))
		}
	}
	return string(out)
}

// artifact reads and removes an artifact of a job.
func (p *pipelines) artifact(t *testing.T, name string) []byte {
	t.Helper()
	text := readFile(t, filepath.Join(p.project, name))
	if err := os.Remove(filepath.Join(p.project, name)); err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

// notes are the comments of a merge request, served like GitLab's API.
type notes struct {
	token string
	mu    sync.Mutex
	list  []note
}

type note struct {
	ID   int    `json:"id"`
	Body string `json:"body"`
}

const notesPath = "/api/v4/projects/42/merge_requests/7/notes"

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sent note
	switch err := json.NewDecoder(r.Body).Decode(&sent); {
	case r.Header.Get("PRIVATE-TOKEN") != n.token:
		http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
	case r.Method == http.MethodGet && r.URL.Path == notesPath:
		json.NewEncoder(w).Encode(append([]note{}, n.list...))
	case r.Method == http.MethodPost && r.URL.Path == notesPath && err == nil:
		n.list = slices.Insert(n.list, 0, note{ID: 300 + len(n.list), Body: sent.Body})
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut && err == nil:
		i := slices.IndexFunc(n.list, func(x note) bool { return r.URL.Path == fmt.Sprintf("%s/%d", notesPath, x.ID) })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		n.list[i].Body = sent.Body
	default:
		http.NotFound(w, r)
	}
}

// bodies returns the comments, the latest first.
func (n *notes) bodies() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, x := range n.list {
		all = append(all, x.Body)
	}
	return all
}

// A project with the GitLab template, from the sandbox to the deployment and on to the next merge
// request.
func TestPipelinesOfGitLab(t *testing.T) {
	p := newPipelines(t)
	log := p.run(t, true, map[string]string{
		"RELEASE":       "v2.4.0",
		"BUILDER_TOKEN": p.env["BUILDER_TOKEN"],
	}, "release-version", "release-build", "release-deploy")
	contains(t, "the log", []byte(log), "proven")
	contains(t, "the report of the push", p.artifact(t, "bulk-push.xml"), "mail-sender")
	p.checkReports(t, 0)
	digest := p.reg.Descriptor(t, "acme/release:v2.4.0").Digest.String()
	contains(t, "helm", []byte(readFile(t, p.helm)),
		"oci://registry.example.com/charts/workspaces-release\n--install\n", "\n--wait\n",
		"\nworkload.image.repository="+p.reg.Ref("acme/release")+"\n", "\nworkload.image.digest="+digest+"\n")

	production := p.reg.Ref("acme/release@" + digest)
	for _, method := range []string{"put", "patch"} {
		p.mergeRequest(t, "method: post", "method: "+method)
		request := map[string]string{
			"CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": p.head(t), "PRODUCTION_IMAGE": production,
			"COMMENT_TOKEN": p.notes.token,
		}
		p.run(t, true, request, "release-check", "release-comment")
		p.checkReports(t, 0)
		diff := p.artifact(t, "release-diff.md")
		contains(t, "the diff", diff, "+      method: "+method)
		if got, want := p.notes.bodies(), []string{string(diff), "Nice."}; method == "put" {
			p.notes.list = append(p.notes.list, note{ID: 1, Body: "Nice."})
		} else if !slices.Equal(got, want) {
			t.Errorf("comments %q instead of %q", got, want)
		}
		p.mergeRequest(t, "method: "+method, "method: post")
	}
	if tags := p.reg.Tags(t, "acme/release"); !slices.Equal(tags, []string{"v2.4.0"}) {
		t.Errorf("merge requests have pushed: %v", tags)
	}

	p.mergeRequest(t, "method: post", "method: post\n      # "+p.secretOf("an automation"))
	p.run(t, false, map[string]string{
		"CI_MERGE_REQUEST_IID": "7",
		"CI_COMMIT_SHA":        p.head(t),
		"CACHE_KEY":            "",
	}, "release-check")
	p.checkReports(t, 1)
}

// mergeRequest commits a change as the author of a merge request.
func (p *pipelines) mergeRequest(t *testing.T, from, to string) {
	t.Helper()
	p.edit(t, "mail-sender", "automations/send.yml", from, to)
	var files []gittest.File
	for path, data := range tree(t, p.dir) {
		files = append(files, gittest.File{Path: path, Data: data})
	}
	p.repository.Commit(t, "feature", files...)
}

// head returns the commit of the merge request.
func (p *pipelines) head(t *testing.T) string {
	t.Helper()
	ref, err := p.repository.Storage.Reference("refs/heads/feature")
	if err != nil {
		t.Fatal(err)
	}
	return ref.Hash().String()
}

// checkReports checks the reports that GitLab shows, and their number of findings.
func (p *pipelines) checkReports(t *testing.T, findings int) {
	t.Helper()
	var report struct{ Vulnerabilities []any }
	data := p.artifact(t, "gl-secret-detection-report.json")
	if err := json.Unmarshal(data, &report); err != nil || len(report.Vulnerabilities) != findings {
		t.Errorf("%d findings instead of %d, %v", len(report.Vulnerabilities), findings, err)
	}
	contains(t, "the tests", p.artifact(t, "scan.xml"), "<testsuite", fmt.Sprintf(`failures="%d"`, findings))
}
