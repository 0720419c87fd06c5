// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// clone is a repository changed by users and a platform. Git calls the builder to merge.
type clone struct {
	t   *testing.T
	dir string
	env []string
	git string
}

// newClone creates a repository with the workspace shop, configured as documented.
func newClone(t *testing.T) *clone {
	c := &clone{t: t, dir: t.TempDir(), git: needs.Program(t, "git")}
	path := filepath.Dir(link(t, "builder")) + ":" + filepath.Dir(c.git) + ":" + os.Getenv("PATH")
	c.env = []string{
		"PATH=" + path, "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_EDITOR=true",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com",
	}
	c.run(0, "git init -q -b main && builder merge-driver --setup | sh && builder merge-driver --setup | sh")
	if attributes := c.read(".gitattributes"); attributes != ".import.yml merge=prismeai-import\n" {
		t.Fatalf(".gitattributes has %q", attributes)
	}
	c.commit("attributes")
	c.write("index.yml", "name: Shop\nslug: shop\n")
	c.write("security.yml", "authorizations: {}\n")
	c.write("automations/a.yml",
		"name: A\ndo:\n  - wait: {event: one}\n  # middle\n  # middle\n  # middle\n  - wait: {event: two}\n")
	c.write("automations/b.yml", "name: B\ndo: []\n")
	c.write(".import.yml",
		"workspaceId: shop123\nversion:\n  type: export\n  name: v1\n  exportedAt: \"2026-01-01T00:00:00Z\"\ngroups: [base1]\n")
	c.push("v1", "2026-01-01T00:00:00Z")
	return c
}

// run runs a shell command in the repository and returns its output.
func (c *clone) run(want int, command string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "sh", "-c", command)
	cmd.Dir = c.dir
	cmd.Env = c.env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != want {
		c.t.Fatalf("%s: exit code %d, want %d\n%s\n%s", command, got, want, out, c.read("workspaces/shop/.import.yml"))
	}
	return string(out)
}

func (c *clone) read(name string) string {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// write writes a file of the workspace.
func (c *clone) write(name, text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, "workspaces", "shop", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// edit replaces a text in a file of the workspace.
func (c *clone) edit(name, old, text string) {
	c.t.Helper()
	before := c.read("workspaces/shop/" + name)
	if !strings.Contains(before, old) {
		c.t.Fatalf("%s does not contain %q:\n%s", name, old, before)
	}
	c.write(name, strings.Replace(before, old, text, 1))
}

func (c *clone) commit(message string) {
	c.t.Helper()
	c.run(0, "git add -A && git commit -q -m '"+message+"'")
}

// push commits what a push of the platform writes: a version and correct checksums.
func (c *clone) push(name, at string) {
	c.t.Helper()
	c.run(0, `sed -i 's/^  name: .*/  name: `+name+`/; s/^  exportedAt: .*/  exportedAt: "`+at+
		`"/' workspaces/shop/.import.yml && builder fmt`)
	c.commit("push of " + name)
}

// branches creates two branches with a push each. The checked-out branch has the newer push.
func (c *clone) branches() {
	c.t.Helper()
	c.run(0, "git checkout -q -b one")
	c.edit("automations/a.yml", "event: one", "event: first")
	c.edit(".import.yml", "groups: [base1]", "groups: [base1, base2]")
	c.push("v2", "2026-02-01T00:00:00Z")
	c.run(0, "git checkout -q -b two main")
	c.edit("automations/b.yml", "do: []", "do:\n  - break: {}")
	c.write("automations/c.yml", "name: C\ndo: []\n")
	c.push("v3", "2026-03-01T00:00:00Z")
}

// checkMerged checks that the workspace is valid without further steps.
func (c *clone) checkMerged(wants ...string) {
	c.t.Helper()
	c.run(0, "builder fmt --check && builder validate . --checksums verify")
	text := c.read("workspaces/shop/.import.yml")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			c.t.Errorf(".import.yml has no %q:\n%s", want, text)
		}
	}
	if status := c.run(0, "git status --porcelain"); status != "" {
		c.t.Errorf("files are left: %s", status)
	}
}

func TestGitMergesPushes(t *testing.T) {
	t.Parallel()
	for name, merge := range map[string]string{
		"merge": "git merge -q one", "merge of the newer one": "git checkout -q one && git merge -q two",
		"rebase": "git rebase -q one", "rebase of the older one": "git checkout -q one && git rebase -q two",
		"cherry-pick": "git cherry-pick one",
	} {
		t.Run(name, func(t *testing.T) {
			c := newClone(t)
			c.branches()
			c.run(0, merge)
			c.checkMerged("  name: v3\n", "2026-03-01", "groups: [base1, base2]", "    c: ")
		})
	}
}

// Without the driver the same branches conflict, so the tests above test something.
func TestGitAloneDoesNotMergePushes(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.branches()
	c.run(1, "git -c merge.prismeai-import.driver=false merge -q one")
}

// TestGitMergesCrissCross merges branches that have each merged the other, so that Git makes a
// virtual ancestor.
func TestGitMergesCrissCross(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.branches()
	c.run(0, "git tag first one && git merge -q first && git checkout -q one && git merge -q two~1")
	c.edit("automations/b.yml", "break: {}", "break: {payload: x}")
	c.push("v4", "2026-04-01T00:00:00Z")
	c.run(0, "git checkout -q two")
	c.edit("automations/a.yml", "event: two", "event: second")
	c.push("v5", "2026-05-01T00:00:00Z")
	c.run(0, "test $(git merge-base --all one two | wc -l) = 2 && git merge -q one")
	c.checkMerged("  name: v5\n", "groups: [base1, base2]")
}

// TestGitMergesTwoAdditions merges a workspace added on both branches, without an ancestor.
func TestGitMergesTwoAdditions(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.branches()
	c.run(0, "git checkout -q --orphan alone main && git commit -q -m alone")
	c.write("automations/d.yml", "name: D\ndo: []\n")
	c.push("v4", "2026-04-01T00:00:00Z")
	c.run(0, "git merge -q --allow-unrelated-histories one~1")
	c.checkMerged("  name: v4\n", "    d: ")
	c.run(0, "git rm -q -r workspaces && git commit -q -m empty && git tag none")
	c.run(0, "git checkout -q -b left none && git checkout two -- workspaces && git commit -q -m left")
	c.run(0,
		"git checkout -q -b right none && git checkout one -- workspaces && git checkout two -- workspaces/shop/automations/b.yml && builder fmt")
	c.run(0,
		"git checkout two -- workspaces/shop/automations/a.yml && builder fmt && git add -A && git commit -q -m right && git merge -q left")
	c.checkMerged("  name: v3\n", "base2", "    c: ")
}

// TestGitStopsAtConflicts checks that contradictory changes are left to the user, and refused until
// resolved.
func TestGitStopsAtConflicts(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.run(0, "git checkout -q -b one")
	c.edit(".import.yml", "name: v1", "name: v1-one")
	c.commit("by hand")
	c.run(0, "git checkout -q -b two main")
	c.edit(".import.yml", "name: v1", "name: v1-two")
	c.edit(".import.yml", "[base1]", "[base1, base2]")
	c.commit("by hand")
	out := c.run(1, "git merge one")
	if !strings.Contains(out, "workspaces/shop/.import.yml: conflict in version.name") {
		t.Errorf("Git shows %s", out)
	}
	const want = "<<<<<<< ours\n  name: v1-two\n=======\n  name: v1-one\n>>>>>>> theirs\n"
	if text := c.read("workspaces/shop/.import.yml"); !strings.Contains(text, want) ||
		!strings.Contains(text, "[base1, base2]") {
		t.Errorf(".import.yml is\n%s", text)
	}
	c.run(3, "builder validate .")
	c.run(0, `sed -i '/^<<<\|^===\|^>>>\|v1-one/d' workspaces/shop/.import.yml && git add -A && git commit -q -m merged`)
	c.checkMerged("name: v1-two")
}

// TestGitMergesAFileOfBothPushes covers a file that both sides changed: neither side has the checksum of
// the merged file, so fmt writes it.
func TestGitMergesAFileOfBothPushes(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.branches()
	c.edit("automations/a.yml", "event: two", "event: second")
	c.push("v4", "2026-04-01T00:00:00Z")
	if out := c.run(0, "git merge one"); !strings.Contains(out,
		"workspaces/shop/.import.yml: both sides changed 1 file: run builder fmt") {
		t.Errorf("Git shows %s", out)
	}
	c.run(3, "builder fmt --check")
	c.run(0, "builder validate . && builder fmt && git commit -q -a -m fmt")
	c.checkMerged("name: v4")
}
