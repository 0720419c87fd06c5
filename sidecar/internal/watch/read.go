// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/prismeai/workspaces-release/internal/backoff"
	"github.com/prismeai/workspaces-release/internal/limit"
)

// settleTime is how long a file must be unmodified before it counts as completely written.
const settleTime = 20 * time.Millisecond

// maxReads bounds the reads of a file that keeps changing.
const maxReads = 100

// maxOpens bounds the attempts to open a dangling symbolic link.
const maxOpens = 10

// Read returns the content of a file of at most maxBytes. It never returns a partially written
// file: it rereads a recently modified file until two reads are equal. Read keeps reading the file
// that it opened, so a file that is replaced often, such as one of a Kubernetes Secret, does not
// delay it.
func Read(ctx context.Context, path string, maxBytes int64) ([]byte, error) {
	f, err := openReplaced(path)
	if err != nil {
		return nil, err // names the path
	}
	defer f.Close()
	var last []byte
	for look := range maxReads {
		size, quiet, err := measureFile(f)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		data, err := readContent(f, size, maxBytes)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if quiet || look > 0 && bytes.Equal(data, last) {
			return data, nil
		}
		last = data
		if err := backoff.Sleep(ctx, settleTime); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("read %s: the file keeps changing", path)
}

// openReplaced opens a file that may be replaced at the same time. Kubernetes removes the old version as
// soon as the new one is in place, so following the link may fail in between.
func openReplaced(path string) (f *os.File, err error) {
	for range maxOpens {
		f, err = os.Open(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if _, gone := os.Lstat(path); gone != nil {
			return nil, err
		}
	}
	return nil, err
}

// measureFile returns the size of a file and whether it has been unmodified for a while. Call it before
// reading the file.
func measureFile(f *os.File) (size int64, quiet bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	if !info.Mode().IsRegular() {
		return 0, false, errors.New("not a regular file")
	}
	return info.Size(), time.Since(info.ModTime()) > settleTime, nil
}

// readContent reads a file of about size bytes into a buffer of that capacity.
func readContent(f *os.File, size, maxBytes int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(size, maxBytes)+bytes.MinRead))
	_, err := buf.ReadFrom(limit.NewReader(io.NewSectionReader(f, 0, math.MaxInt64), "it", maxBytes))
	return buf.Bytes(), err
}

// Sum is the hash of a file's content. The zero value means no file.
type Sum [sha256.Size]byte

// SumOf hashes a file of at most maxBytes without loading it into memory. It may hash a partially
// written file: use it only to detect that there is something new to read.
func SumOf(path string, maxBytes int64) (Sum, error) {
	f, err := openReplaced(path)
	if err != nil {
		return Sum{}, err
	}
	defer f.Close()
	if _, _, err := measureFile(f); err != nil {
		return Sum{}, fmt.Errorf("read %s: %w", path, err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, limit.NewReader(f, "it", maxBytes)); err != nil {
		return Sum{}, fmt.Errorf("read %s: %w", path, err)
	}
	return Sum(h.Sum(nil)), nil
}
