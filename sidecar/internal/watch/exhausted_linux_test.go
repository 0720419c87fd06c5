// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/internal/needs"
)

// TestWithoutInotify runs in a user namespace where a limit of inotify is used up, like on a node with
// many pods. Files are polled until the limit is raised.
func TestWithoutInotify(t *testing.T) {
	for _, limit := range []string{"max_inotify_instances", "max_inotify_watches"} {
		t.Run(limit, func(t *testing.T) {
			if os.Getenv("WATCH_TEST_NAMESPACE") == "" {
				t.Parallel()
				inNamespace(t)
				return
			}
			setLimit(t, limit, "0")
			path := filepath.Join(t.TempDir(), "token")
			write(t, path, "old")
			r := watching(t, 20*time.Millisecond, File{"token", path})
			r.want(r.modes, Polling)
			replace(t, path, "new")
			r.want(r.changes, "token")
			slow := watching(t, time.Hour, File{"token", path}) // it polls faster than the interval
			slow.want(slow.modes, Polling)
			replace(t, path, "newer still")
			slow.want(slow.changes, "token")
			r.want(r.changes, "token")
			setLimit(t, limit, "10")
			r.want(r.modes, Inotify)
			replace(t, path, "newer")
			r.want(r.changes, "token")
		})
	}
}

func TestExplain(t *testing.T) {
	for err, want := range map[error]string{
		fmt.Errorf("watch: %w", syscall.EMFILE): "fs.inotify.max_user_instances",
		fmt.Errorf("watch: %w", syscall.ENOSPC): "fs.inotify.max_user_watches",
		errors.New("no such thing"):             "no such thing",
	} {
		if got := explainError(err); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// setLimit sets a limit of the user namespace.
func setLimit(t *testing.T, name, n string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/user/"+name, []byte(n), 0o600); err != nil {
		t.Fatal(err)
	}
}

// inNamespace runs only this test in a new user namespace.
func inNamespace(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "WATCH_TEST_NAMESPACE=1", "GOCOVERDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		needs.Machine(t, "user namespaces (sysctl user.max_user_namespaces)")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
