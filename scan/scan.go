// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scan finds secrets in the files of a release. It fails closed: a file that it cannot
// scan completely is an error, never a clean file.
//
// A [Scanner] runs one or more [Detector]s over files in memory. Its reports do not contain
// secrets: values are redacted, and fingerprints cannot be reversed.
package scan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// File is a file to scan.
type File struct {
	// Path is relative to the root of the workspaces, with slashes.
	Path string
	// Within is the path within the workspaces, starting with the workspace's directory, if
	// Path is relative to a different root; empty otherwise.
	Within string
	// Data is the complete content. It must not be modified.
	Data []byte
	// Sum is the SHA-256 of Data, if the caller knows it; else zero.
	Sum [sha256.Size]byte
	// Commit and Date are set for files from the Git history: the first commit with this
	// content, and its date.
	Commit, Date string
}

// InWorkspace returns the path that identifies the part of the workspace.
func (f File) InWorkspace() string { return cmp.Or(f.Within, f.Path) }

// Detector finds secrets in one file. It is safe for concurrent use.
type Detector interface {
	// Describe returns the name of the detector and the digest of its rules.
	Describe() release.Scanner
	// Scan scans the complete file. It returns an error if it cannot; the error does not
	// contain file content.
	Scan(ctx context.Context, f File) (Result, error)
}

// Result is the result of one detector for a file.
type Result struct {
	Matches []Match
	// Bytes is the number of scanned bytes of the file.
	Bytes int64
	// Filtered is the number of matches that the detector rejected as examples or placeholders.
	Filtered int
	// Dropped are the rejected matches with known positions.
	Dropped []Match
	// Public are keys that are public by design, such as that for a Firebase web app. Matches
	// of them from any detector are filtered, unless they are live.
	Public []Match
	// Unread is the number of files in an archive that were skipped because of their type, such
	// as images.
	Unread int
}

// Match is a secret in a file. It contains the secret and must not be printed.
type Match struct {
	// Rule is the kind of secret, such as Github.
	Rule   string
	Secret secret.Value
	// Line and Column are 1-based; 0 if unknown. Column counts bytes.
	Line, Column int
	// Encoding is the encoding of the secret in the file, such as BASE64; empty for plain text.
	Encoding string
	// Inside: the file is an archive that contains the secret.
	Inside bool
	// Named: the file name contains the secret.
	Named bool
	// Hidden: nothing of the secret may be shown, not even its first characters.
	Hidden       bool
	Verification Verification
	// Where is the path within the structure of the file, such as do[3].fetch.body. Reason
	// describes the finding, and Help explains how to fix it. Each may be empty, and none
	// contains a part of the secret.
	Where, Reason, Help string
}

// Verification is the result of testing a secret.
type Verification string

// The results of verification.
const (
	// NotChecked: the secret has not been tested.
	NotChecked Verification = "not checked"
	// Live: the service accepts the secret, or the target is known to use it.
	Live Verification = "live"
	// Unknown: the service could not be reached.
	Unknown Verification = "unknown"
	// Dead: the service refuses the secret. It is reported nevertheless.
	Dead Verification = "refused by its service"
)

// FileError reports a file that was not scanned completely.
type FileError struct {
	Path string
	// Scanner is the name of the detector that failed.
	Scanner string
	// Err is the cause, without any file content.
	Err error
}

func (e *FileError) Error() string {
	return fmt.Sprintf(
		"%s could not be scanned for secrets by %s: %v; correct or remove the file, or exclude its path in the scan policy "+
			"if it cannot hold a secret",
		quotePath(e.Path),
		e.Scanner,
		e.Err,
	)
}

func (e *FileError) Unwrap() error { return e.Err }
