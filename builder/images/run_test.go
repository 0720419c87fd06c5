// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// contained runs a program of an unpacked image like a container: in the image's file system, as an
// unknown user, with a runtime's environment. The user owns no files, so nothing is writable unless
// everyone may write it.
func contained(t *testing.T, rootfs string, uid uint32, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", []string{"HOME=/", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: rootfs, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if os.Getuid() != 0 { // in a user namespace, every user may change the root
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.Credential.NoSetGroups = true
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(uid), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(uid), HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// output checks that a program succeeds, and returns its output.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// users are the image's user, and one that OpenShift would choose.
var users = []uint32{65532, 1000660000}

func TestSidecarRunsInItsImage(t *testing.T) {
	_, dir := makeImages(t, compile(t, repository, "sidecar", runtime.GOARCH))
	rootfs := unpack(t, pull(t, filepath.Join(dir, "sidecar.oci.tar"), runtime.GOARCH))
	for _, uid := range users {
		if out := output(t, contained(t, rootfs, uid, "/sidecar", "version")); !strings.HasPrefix(out,
			"sidecar "+release+" ") {
			t.Errorf("as %d: %s", uid, out)
		}
	}
}

// The program finds the certificates: it trusts a server only if its authority is installed.
func TestSidecarTrustsTheCertificatesOfItsImage(t *testing.T) {
	_, dir := makeImages(t, compile(t, repository, "sidecar", runtime.GOARCH))
	rootfs := unpack(t, pull(t, filepath.Join(dir, "sidecar.oci.tar"), runtime.GOARCH))
	var asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	check := func() string {
		out, _ := contained(t, rootfs, users[0], "/sidecar", "check", "--platform-url", server.URL, "--repository",
			"release", "--groups", "base1").CombinedOutput()
		return string(out)
	}
	if out := check(); asked.Load() > 0 || !strings.Contains(out, "unknown authority") {
		t.Fatalf("a server that nobody vouches for was asked %d times:\n%s", asked.Load(), out)
	}
	file := filepath.Join(rootfs, certificates)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, authority, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := check(); asked.Load() == 0 {
		t.Errorf("the server was not asked:\n%s", out)
	}
}

// The image of the builder builds and pushes a whole release.
func TestBuilderBuildsInItsImage(t *testing.T) {
	binary := compile(t, repository, "builder", runtime.GOARCH)
	_, dir := makeImages(t, binary)
	checkBill(t, dir, "builder", binary)
	rootfs := unpack(t, pull(t, filepath.Join(dir, "builder.oci.tar"), runtime.GOARCH))
	if got := modes(t, rootfs)["/tmp"]; got != "dtrwxrwxrwx 2023-11-14" {
		t.Errorf("/tmp is %s", got)
	}
	mountSources(t, rootfs)
	reg := registrytest.New(t, registrytest.Options{})
	base := reg.PushBase(t, "prismeai-workspaces:v1", registrytest.Base{
		Platforms: []string{"linux/amd64", "linux/arm64"},
	}).Ref
	for _, uid := range users {
		if out := output(t, contained(t, rootfs, uid, "/builder", "version")); !strings.HasPrefix(out,
			"builder "+release+" ") {
			t.Errorf("as %d: %s", uid, out)
		}
		out := output(t, contained(t, rootfs, uid, "/builder", "build", "/src", "--base", base, "-t",
			reg.Ref("release:v1"), "--push", "--progress", "quiet"))
		if digest := reg.Descriptor(t, "release:v1").Digest.String(); !strings.Contains(out, digest) {
			t.Errorf("as %d, the registry has %s:\n%s", uid, digest, out)
		}
		if left, err := os.ReadDir(filepath.Join(rootfs, "tmp")); err != nil || len(left) > 0 {
			t.Errorf("as %d, left behind in /tmp: %v %v", uid, left, err)
		}
	}
}

// mountSources adds what a runtime mounts: the workspaces, and the part of /proc that the engine
// reads.
func mountSources(t *testing.T, rootfs string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(rootfs, "src"),
		os.DirFS(filepath.Join(repository, "examples/workspaces"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(rootfs, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stat", "meminfo"} {
		data, err := os.ReadFile("/proc/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(rootfs, "proc", name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sidecar")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*options)
		want   string
	}{
		"no version":  {func(o *options) { o.version = "" }, "-version"},
		"no binaries": {func(o *options) { o.binaries = nil }, "binaries"},
		"no registry": {func(o *options) { o.push = true }, "-registry"},
		"wrong epoch": {func(o *options) {
			o.getenv = environment(map[string]string{
				"SOURCE_DATE_EPOCH": "today",
			})
		}, "SOURCE_DATE_EPOCH"},
		"insecure URL":      {func(o *options) { o.insecure = []string{"http://r.example"} }, "insecure registry"},
		"no binary":         {func(*options) {}, file},
		"missing binary":    {func(o *options) { o.binaries = []string{file + "-not"} }, file + "-not"},
		"another's program": {func(o *options) { o.binaries = []string{self} }, "which is no program of this project"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			o := testOptions(t, &out, file)
			c.change(&o)
			if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("%v, %q", err, out.String())
			}
		})
	}
}
