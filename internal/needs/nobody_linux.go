// SPDX-License-Identifier: Apache-2.0

package needs

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// nobody is the ID of an unprivileged user.
const nobody = 65534

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
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		fn()
	}()
	<-done
}
