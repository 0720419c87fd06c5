// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// nobody is a user without rights.
const nobody = 65534

// asNobody runs fn as a user whom file permissions bind, which they do not bind root.
// Only the thread of fn changes its user, and it ends with fn.
func asNobody(t *testing.T, fn func()) {
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
