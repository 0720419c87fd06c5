// SPDX-License-Identifier: Apache-2.0

package needs

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// Nobody is the ID of an unprivileged user and of its group.
const Nobody = 65534

// AsNobody runs fn as an unprivileged user, to whom file permissions apply. Only the thread of fn
// changes its user, and it ends with fn.
func AsNobody(t testing.TB, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := syscall.Setfsuid(Nobody); err != nil {
			t.Error(err)
			return
		}
		fn()
	}()
	<-done
}

// RunAsNobody makes cmd run as an unprivileged user without capabilities, who owns the directories.
// Only root can do that.
func RunAsNobody(t testing.TB, cmd *exec.Cmd, dirs ...string) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: Nobody, Gid: Nobody}}
	for _, dir := range dirs {
		if err := os.Chown(dir, Nobody, Nobody); err != nil {
			t.Fatal(err)
		}
	}
}
