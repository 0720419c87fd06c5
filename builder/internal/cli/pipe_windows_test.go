// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import "errors"

func makePipe(string) error { return errors.New("the file systems of Windows have no named pipes") }
