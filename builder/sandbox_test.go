// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

const (
	sandboxName = "sandbox"
	nobody      = needs.Nobody
)

// Options of prctl(2) that package syscall lacks, and the highest possible capability.
const (
	prCapBSetDrop   = 24
	prSetNoNewPrivs = 38
	lastCapability  = 63
)

// sandboxed runs the builder as in a hardened pod: as nobody, without capabilities or the means to
// get any, on a root file system that is read-only except for a TMPDIR of the given size on a
// memory file system ("100m"). Without a size, the file system is unchanged.
func sandboxed(t *testing.T, p *program, size string) *program {
	t.Helper()
	p.Args = append([]string{sandboxName, p.temp, size}, p.Args[1:]...)
	if size != "" {
		p.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	} else if err := os.Chown(p.temp, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	return p
}

// canMount reports whether this process may create mounts. Root in a container often may not.
func canMount() bool {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd.Run() == nil
}

// enterSandbox runs as root in its own mount namespace, drops all privileges, and executes the
// builder. It only returns an error.
func enterSandbox(temp, size string, args []string) error {
	runtime.LockOSThread() // capabilities and no_new_privs belong to a thread
	if size != "" {
		if err := mountReadOnly(temp, size); err != nil {
			return err
		}
	}
	for capability := range uintptr(lastCapability + 1) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prCapBSetDrop, capability, 0)
		if errno != 0 && errno != syscall.EINVAL { // the kernel has fewer capabilities
			return fmt.Errorf("drop capability %d: %w", capability, errno)
		}
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	for what, err := range map[string]error{
		"groups": syscall.Setgroups(nil), "group": syscall.Setgid(nobody), "user": syscall.Setuid(nobody),
	} {
		if err != nil {
			return fmt.Errorf("change %s: %w", what, err)
		}
	}
	return syscall.Exec(self, append([]string{"builder"}, args...), os.Environ())
}

// mountReadOnly makes every mount read-only, and adds a writable one.
func mountReadOnly(temp, size string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		point := strings.Fields(line)[4]
		if err := syscall.Mount("", point, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("remount %s: %w", point, err)
		}
	}
	options := fmt.Sprintf("size=%s,mode=0700,uid=%d,gid=%d", size, nobody, nobody)
	if err := syscall.Mount("tmpfs", temp, "tmpfs", 0, options); err != nil {
		return fmt.Errorf("mount %s: %w", temp, err)
	}
	return nil
}

// witness inspects the builder from outside while it waits for the registry.
type witness struct {
	mu             sync.Mutex
	pid            int
	status, mounts string
}

// watch returns a registry wrapper that inspects the process on a request.
func (w *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.look()
		next.ServeHTTP(rw, r)
	})
}

func (w *witness) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pid == 0 {
		return
	}
	proc := "/proc/" + strconv.Itoa(w.pid)
	status, _ := os.ReadFile(proc + "/status")
	mounts, _ := os.ReadFile(proc + "/mountinfo")
	w.status, w.mounts = string(status), string(mounts)
}

// checkStatus checks that the process had no privileges.
func (w *witness) checkStatus(t *testing.T) {
	t.Helper()
	const none = "0000000000000000"
	for _, want := range []string{
		"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n", "NoNewPrivs:\t1\n",
		"CapInh:\t" + none, "CapPrm:\t" + none, "CapEff:\t" + none, "CapBnd:\t" + none, "CapAmb:\t" + none,
	} {
		if !strings.Contains(w.status, want) {
			t.Errorf("the process did not have %q:\n%s", want, w.status)
		}
	}
}

// checkMounts checks that only one directory was writable, whatever the user.
func (w *witness) checkMounts(t *testing.T, temp string) {
	t.Helper()
	writable := map[string]bool{} // the last of stacked mounts is effective
	for line := range strings.Lines(w.mounts) {
		fields := strings.Fields(line)
		writable[fields[4]] = strings.HasPrefix(fields[5], "rw")
	}
	for point, is := range writable {
		if is != (point == temp) {
			t.Errorf("mount %s: writable is %t", point, is)
		}
	}
}

func TestBuildsAsNobodyWithoutCapabilitiesOnAReadOnlyRoot(t *testing.T) {
	needs.Root(t)
	size := "100m"
	if !canMount() {
		t.Log("NOT TESTED on a read-only root file system: this root may not mount")
		size = ""
	}
	var seen witness
	reg := registrytest.New(t, registrytest.Options{Wrap: seen.watch})
	base := pushBase(t, reg)
	p := sandboxed(t, builder(t, nil, "build", workspaces(t), "--base", base, "-t", reg.Ref("out:v1"), "--push",
		"--release", "v1"), size)
	seen.mu.Lock()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	seen.pid = p.Process.Pid
	seen.mu.Unlock()
	p.wait(t, 0)
	seen.checkStatus(t)
	if size != "" {
		seen.checkMounts(t, p.temp)
	}
	if !exists(t, reg.Ref("out:v1")) {
		t.Error("the image is not in the registry")
	}
}

// A full TMPDIR is reported as such, whenever it fills up.
func TestFullTempDirIsTheEnginesError(t *testing.T) {
	needs.Root(t)
	if !canMount() {
		needs.Machine(t, "the permission to mount")
	}
	reg := registrytest.New(t, registrytest.Options{})
	base, src := pushBase(t, reg), workspaces(t)
	writeNoise(t, src+"/mail-sender/noise.bin", 3<<20)
	for _, size := range []string{"4k", "1m", "3200k", "3500k"} {
		t.Run(size, func(t *testing.T) {
			p := sandboxed(t, builder(t, nil, "build", src, "--base", base, "-t", reg.Ref("full:v1"), "--push",
				"--release", "v1"), size)
			p.run(t, 8)
			p.says(t, "no space left on device", p.temp, "TMPDIR")
			if exists(t, reg.Ref("full:v1")) {
				t.Error("an image was pushed")
			}
		})
	}
}

// writeNoise writes an incompressible file. It is always the same, because some random data looks
// like an archive.
func writeNoise(t *testing.T, path string, size int) {
	t.Helper()
	noise := append(make([]byte, 0, size), "noise\n"...)
	rand.NewChaCha8([32]byte{}).Read(noise[len(noise):size])
	if err := os.WriteFile(path, noise[:size], 0o644); err != nil {
		t.Fatal(err)
	}
}
