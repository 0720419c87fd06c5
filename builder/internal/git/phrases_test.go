// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/errtext/errtexttest"
)

// The fetches in the tests of this package bring about the same errors with a real server.
func TestPhrases(t *testing.T) {
	errtexttest.Check(t, phrases, map[string]meaning{
		"ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], " +
			"no supported methods remain": notAuthenticated,
		"upload-pack: not our ref abababababababababababababababababababab": movedReference,
	})
}
