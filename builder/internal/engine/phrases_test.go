// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"errors"
	"syscall"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/errtext/errtexttest"
)

// The errors are those of BuildKit v0.34.2, embedded and as a daemon. Some were seen in builds, the
// others are composed as its source composes them.
func TestCauses(t *testing.T) {
	errtexttest.Check(t, causes, map[string]cause{
		"failed to solve: failed to push r.example/out: unexpected status from POST request to " +
			"http://r.example/v2/out/blobs/uploads/: 403 Forbidden: no": pushCause,
		"failed to solve: failed to load cache key: r.example/nothere:1: not found": registryCause,
		"BuildKit at unix:///run/buildkit.sock: failed to solve: failed to load cache key: unexpected status from " +
			"HEAD request to http://r.example/v2/base/manifests/1: 401 Unauthorized": registryCause,
		"failed to resolve source metadata for r.example/base:1: r.example/base:1: not found":              registryCause,
		"failed to do request: Head \"https://r.example/v2/base/manifests/1\": dial tcp: no such host":     registryCause,
		"failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized":            registryCause,
		"pull access denied, repository does not exist or may require authorization: server message: x":    registryCause,
		"failed to copy: httpReadSeeker: failed open: unexpected status code 500":                          registryCause,
		"failed to solve: write /tmp/builder-1/engine/worker/content/ingest/data: no space left on device": diskCause,
	})
}

func TestExplain(t *testing.T) {
	const root = "/tmp/builder-1/engine"
	push := errors.New("failed to solve: failed to push r.example/out:1: unexpected status from PUT: 403 Forbidden")
	full := errors.New("failed to solve: write /tmp/builder-1/engine/worker/data: no space left on device")
	upload := errors.New("failed to solve: failed to push r.example/out:1: unexpected status 500: no space left on device")
	tests := map[string]struct {
		err      error
		remote   *Remote
		ref      string
		diskFull bool
	}{
		"a push":                          {err: push, ref: "r.example/out:1"},
		"the base":                        {err: errors.New("failed to authorize: no"), ref: "r.example/base:1"},
		"a file of the engine":            {err: errors.New("failed to copy: read /tmp/builder-1/engine/x: is a directory")},
		"a full disk":                     {err: full, diskFull: true},
		"a full disk of a daemon":         {err: full, remote: new(Remote)},
		"a full disk of a registry":       {err: upload, ref: "r.example/out:1"},
		"something else":                  {err: errors.New("lease has expired")},
		"a full disk that has its type":   {err: syscall.ENOSPC, diskFull: true},
		"a full disk of another registry": {err: upload, remote: new(Remote), ref: "r.example/out:1"},
	}
	for name, test := range tests {
		err := explainError(Options{Root: root, Remote: test.remote}, "r.example/base:1", test.err)
		var refused *RegistryError
		ref := ""
		if errors.As(err, &refused) {
			ref = refused.Ref
		}
		if ref != test.ref || errors.Is(err, syscall.ENOSPC) != test.diskFull || err.Error() != test.err.Error() {
			t.Errorf("%s: %v about %q", name, err, ref)
		}
	}
}

func TestRemedies(t *testing.T) {
	recorded := map[string]string{}
	for text, phrase := range map[string]string{
		"remote error: tls: certificate required":                                                "certificate required",
		"remote error: tls: unknown certificate authority":                                       "unknown certificate authority",
		"remote error: tls: bad certificate":                                                     "bad certificate",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority":       "certificate signed by unknown authority",
		"tls: failed to verify certificate: x509: certificate is valid for a.test, not b.test":   "certificate is valid for",
		"x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs": "cannot validate certificate for",
		"tls: first record does not look like a TLS handshake":                                   "first record does not look like a TLS handshake",
		"failed to call info: Unavailable: connection error: error reading server preface: EOF":  "error reading server preface",
		"exec: \"docker\": executable file not found in $PATH":                                   "executable file not found",
	} {
		for _, remedy := range remedies {
			if remedy.Text == phrase {
				recorded[text] = remedy.Means
			}
		}
	}
	errtexttest.Check(t, remedies, recorded)
}
