// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !windows

package cli

import (
	"errors"
	"syscall"
)

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
