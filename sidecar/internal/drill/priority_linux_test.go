// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// hurry is the priority of the drill, which runs in real time: a scrape that is a second late looks
// like a pod that does not answer.
const hurry = -15

// prioritize gives the threads of this process priority over other programs, where the machine
// permits it. Programs that the drill starts inherit it.
func prioritize(t *testing.T) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Logf("without priority: %v", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = syscall.Setpriority(syscall.PRIO_PROCESS, id, hurry)
		}
		if err != nil {
			t.Logf("without priority: thread %s: %v", thread.Name(), err)
		}
	}
}
