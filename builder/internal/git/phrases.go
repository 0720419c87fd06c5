// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import "github.com/prismeai/workspaces-release/builder/internal/errtext"

// meaning is the meaning of a phrase in an error or in the answer of a server.
type meaning string

const (
	// notAuthenticated means that an SSH server accepts neither user nor key.
	notAuthenticated meaning = "not authenticated"
	// movedReference means that the server does not serve the commit any more.
	movedReference meaning = "moved reference"
)

// phrases are parts of errors without a type, and of the answers of Git servers.
var phrases = errtext.Table[meaning]{
	{
		Text:  "unable to authenticate",
		From:  "golang.org/x/crypto@v0.57.0/ssh/client_auth.go",
		Means: notAuthenticated,
	},
	{Text: "not our ref", From: "git 2.47, upload-pack", Means: movedReference},
}
