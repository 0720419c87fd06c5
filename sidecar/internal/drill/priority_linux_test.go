// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// niceness is that of the drill's threads. The drill runs in real time: a scrape that is a second
// late looks like a pod that does not answer.
const niceness = -15

// prioritize gives the threads of this process priority over other programs, where the machine
// permits it. Programs that the drill starts inherit it.
func prioritize(t *testing.T) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Logf("without priority: %v", err)
		return
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = syscall.Setpriority(syscall.PRIO_PROCESS, id, niceness)
		}
		if err != nil {
			t.Logf("without priority: thread %s: %v", thread.Name(), err)
			return
		}
	}
}
