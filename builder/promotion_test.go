// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
	"github.com/prismeai/workspaces-release/internal/release"
)

// promotion is a company whose releases go to production by commands alone.
type promotion struct {
	*company
	sidecar    string
	production *platformtest.Platform
	pods       int
}

func newPromotion(t *testing.T) *promotion {
	t.Helper()
	p := &promotion{company: newCompany(t), sidecar: filepath.Join(t.TempDir(), "sidecar")}
	compile := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-o",
		p.sidecar, "../sidecar")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.login()
	p.env["BUILDER_GIT_USERNAME"], p.env["BUILDER_GIT_TOKEN"] = gitUser, p.canaries["token for Git"]
	p.production = platformtest.New(platformtest.Options{})
	t.Cleanup(p.production.Close)
	return p
}

// builder runs a command and returns its standard output.
func (p *promotion) builder(t *testing.T, code int, args ...string) []byte {
	t.Helper()
	run := builder(t, p.env, args...)
	run.run(t, code)
	p.silent(t, args[0]+": standard output", run.stdout.Bytes())
	p.silent(t, args[0]+": standard error", run.stderr.Bytes())
	return run.stdout.Bytes()
}

// release pushes a version from the sandbox, builds and verifies its image, and returns the
// reference by digest.
func (p *promotion) release(t *testing.T, version string) string {
	t.Helper()
	out := t.TempDir()
	p.builder(t, 0, "bulk-push", "--api-url", p.api, "--repository", "workspaces-git", "--groups",
		"base1,base2,extended", "--name", version,
		"--report", "json="+out+"/push.json", "--report", "junit="+out+"/push.xml")
	tag := p.reg.Ref("release:" + version)
	p.builder(t, 0, "build", p.git.URL()+gittest.Path+"#main", "--base", p.base, "--release", version, "-t", tag,
		"--push", "--progress", "plain",
		"--digest-file", out+"/digest", "--metadata-file", out+"/metadata.json", "--report", "json="+out+"/scan.json",
		"--report", "junit="+out+"/scan.xml")
	for file, text := range tree(t, out) {
		p.silent(t, file, []byte(text))
	}
	digest := p.reg.Descriptor(t, "release:"+version).Digest.String()
	if got := readFile(t, out+"/digest"); got != digest {
		t.Errorf("the digest of %s is %s in the file and %s in the registry", version, got, digest)
	}
	pinned := p.reg.Ref("release@" + digest)
	contains(t, "verify", p.builder(t, 0, "verify", pinned), digest)
	return pinned
}

// deploy starts a pod of the image in production and runs its sidecar. It returns the result for
// each workspace that was not skipped.
func (p *promotion) deploy(t *testing.T, image string) map[string]string {
	t.Helper()
	rootfs, env := p.unpack(t, image)
	const prefix = "WORKSPACES_STORAGE_GIT_PLATFORM_release_"
	content, err := platformtest.ReadRelease(rootfs+env[prefix+"DIRPATH"], "release", env[prefix+"NAME"])
	if err != nil {
		t.Fatal(err)
	}
	before := len(p.production.Ledger().Imports)
	pod := p.production.NewPod(fmt.Sprintf("workspaces-%d", p.pods), content)
	p.pods++
	server, err := platformtest.Listen(pod, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { server.Close(); pod.Kill() }()
	run := exec.CommandContext(t.Context(), p.sidecar, "once", "--platform-url", server.URL, "--manifest",
		rootfs+release.ManifestPath)
	run.Env = []string{"TMPDIR=" + os.TempDir()}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("the sidecar: %v\n%s", err, out)
	}
	p.silent(t, "the sidecar", out)
	contains(t, "the sidecar", out, "confirmed: release")
	did := map[string]string{}
	for _, i := range p.production.Ledger().Imports[before:] {
		did[i.Slug] = i.Version + " " + string(i.Outcome)
	}
	return did
}

// installed returns the versions in production by workspace.
func (p *promotion) installed() map[string]string {
	versions := map[string]string{}
	for _, w := range p.production.Installed() {
		versions[w.Slug] = w.Version
	}
	return versions
}

// same returns the same text for every example workspace, with exceptions.
func same(of string, but map[string]string) map[string]string {
	all := map[string]string{}
	for _, slug := range []string{
		"audit-trail", "knowledge-client-next", "mail-sender", "customer-directory", "document-reader",
		"ticket-classifier", "claims-intake", "back-office-portal",
	} {
		all[slug] = of
	}
	maps.Copy(all, but)
	return all
}

func want(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// From the sandbox to production and back: the same content is pushed, built, compared, verified
// and deployed, and no secret appears anywhere.
func TestPromotion(t *testing.T) {
	p := newPromotion(t)
	first := p.release(t, "v2.4.0")
	want(t, "the first deployment", same("v2.4.0 imported", nil), p.deploy(t, first))
	want(t, "production", same("v2.4.0", nil), p.installed())

	p.edit(t, "mail-sender", "automations/send.yml", "method: post", "method: put")
	second := p.release(t, "v2.5.0")
	p.compare(t, first, second)
	want(t, "the upgrade", map[string]string{"mail-sender": "v2.5.0 imported"}, p.deploy(t, second))
	want(t, "production", same("v2.4.0", map[string]string{"mail-sender": "v2.5.0"}), p.installed())

	want(t, "another pod", map[string]string{}, p.deploy(t, second))
	want(t, "the rollback", map[string]string{"mail-sender": "v2.4.0 imported"}, p.deploy(t, first))
	want(t, "production", same("v2.4.0", nil), p.installed())
	if overlaps := p.production.Ledger().Overlaps(); len(overlaps) > 0 {
		t.Errorf("imports at the same time: %v", overlaps)
	}
}

// compare checks that diff reports the one change, with the exit code of --exit-code.
func (p *promotion) compare(t *testing.T, first, second string) {
	t.Helper()
	var diff struct {
		Workspaces []struct{ Slug, Status string }
		Unchanged  int
	}
	out := p.builder(t, 4, "diff", first, second, "--exit-code", "--format", "json")
	if err := json.Unmarshal(out, &diff); err != nil {
		t.Fatal(err)
	}
	if len(diff.Workspaces) != 1 || diff.Workspaces[0].Slug != "mail-sender" ||
		diff.Workspaces[0].Status != "changed" || diff.Unchanged != 7 {
		t.Errorf("diff: %s", out)
	}
	contains(t, "the comment", p.builder(t, 0, "diff", first, second, "--format", "markdown"), "-      method: post",
		"+      method: put", "v2.5.0")
	p.builder(t, 0, "diff", second, second, "--exit-code")
}

// A secret entered in the sandbox reaches Git, but not the image.
func TestPromotionStopsAtASecret(t *testing.T) {
	p := newPromotion(t)
	p.edit(t, "mail-sender", "automations/send.yml", "method: post",
		"method: post\n      # "+p.secretOf("an automation"))
	p.builder(t, 0, "bulk-push", "--api-url", p.api, "--repository", "workspaces-git", "--groups",
		"base1,base2,extended", "--name", "v2.4.0")
	p.builder(t, 183, "build", p.git.URL()+gittest.Path+"#main", "--base", p.base, "-t",
		p.reg.Ref("release:v2.4.0"), "--push")
	if tags := p.reg.Tags(t, "release"); slices.Contains(tags, "v2.4.0") {
		t.Errorf("pushed: %v", tags)
	}
}
