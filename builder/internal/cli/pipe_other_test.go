// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !windows

package cli_test

import "syscall"

func makePipe(path string) error { return syscall.Mkfifo(path, 0o644) }
