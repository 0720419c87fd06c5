// SPDX-License-Identifier: AGPL-3.0-or-later

// Package scan looks for secrets in the files of a release and fails closed: a
// file that could not be scanned to its end is an error, never a clean file.
//
// A [Scanner] runs one or more [Detector]s over files that are handed to it in
// memory. What it reports holds no secret: values are redacted, fingerprints
// cannot be turned back.
package scan

import (
	"cmp"
	"context"
	"fmt"

	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// File is a file to scan.
type File struct {
	// Path is relative to the root of the workspaces, with slashes.
	Path string
	// Within is the path in its workspace, with the workspace's directory in front, where
	// Path is relative to something else; empty if they are the same.
	Within string
	// Data is the whole content. Nobody writes to it.
	Data []byte
	// Commit and Date are of a file from a Git history: the first commit with it, and
	// when that was made.
	Commit, Date string
}

// InWorkspace returns the path that says which part of a workspace the file is.
func (f File) InWorkspace() string { return cmp.Or(f.Within, f.Path) }

// Detector finds secrets in one file. It is safe for concurrent use.
type Detector interface {
	// Describe names the detector and the digest of its rules.
	Describe() release.Scanner
	// Scan looks at the whole file. An error means that it did not get to the end,
	// and says nothing of the content.
	Scan(ctx context.Context, f File) (Result, error)
}

// Result is what a detector has to say of a file.
type Result struct {
	Matches []Match
	// Bytes counts those bytes of the file that were looked at.
	Bytes int64
	// Filtered counts matches that the detector itself takes for examples or
	// placeholders and does not report.
	Filtered int
	// Dropped are those of them whose places are known.
	Dropped []Match
	// Public are keys that everybody may know, such as that of a web app of Firebase. What
	// any detector finds of them is filtered, unless it is live.
	Public []Match
	// Unread counts files inside of an archive that were not looked into because of
	// their type, such as images.
	Unread int
}

// Match is a secret in a file. It holds the secret: it is not for printing.
type Match struct {
	// Rule is the kind of secret, such as Github.
	Rule   string
	Secret secret.Value
	// Line and Column are 1-based; 0 where the place is not known. Column counts bytes.
	Line, Column int
	// Encoding says how the secret is encoded in the file, such as BASE64; empty for plain text.
	Encoding string
	// Inside reports that the secret is in an archive, which is the file.
	Inside bool
	// Named reports that the secret is in the name of the file.
	Named bool
	// Hidden shows nothing of the secret, not even its first characters.
	Hidden       bool
	Verification Verification
	// Where is the place in the structure of the file, such as do[3].fetch.body. Reason
	// says what was found, and Help what to do about it. Each may be empty; none holds
	// a part of the secret.
	Where, Reason, Help string
}

// Verification says whether a secret works.
type Verification string

// What may be known of a secret.
const (
	// NotChecked is a secret that nobody was asked about.
	NotChecked Verification = "not checked"
	// Live is a secret that its service accepts, or that the target is known to use.
	Live Verification = "live"
	// Unknown is a secret whose service could not be asked.
	Unknown Verification = "unknown"
	// Dead is a secret that its service refuses. It is reported all the same.
	Dead Verification = "refused by its service"
)

// FileError is a file that was not scanned to its end.
type FileError struct {
	Path string
	// Scanner is the name of the detector that failed.
	Scanner string
	// Err says why, and nothing of the content.
	Err error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%s could not be scanned for secrets by %s: %v; correct or remove the file, or exclude its path in the scan policy if it cannot hold a secret",
		printable(e.Path), e.Scanner, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }
