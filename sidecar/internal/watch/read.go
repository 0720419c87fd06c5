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
	"os"
	"time"
)

// settle is how long a file must have been left alone to be taken for whole.
const settle = 20 * time.Millisecond

// maxLooks bounds how often a file is read that changes all the time.
const maxLooks = 100

// maxOpens bounds how often a link is followed that leads nowhere.
const maxOpens = 10

// ErrTooLarge is in the chain of the error of a file over its limit.
var ErrTooLarge = errors.New("it is too large")

// Read returns the content of a file of at most limit bytes, never a part of it:
// a file that was written to just now is read until it stays the same. It stays
// with the file that it opened, so that one that is replaced all the time, as
// Kubernetes replaces the files of a Secret, is read at once.
func Read(ctx context.Context, path string, limit int64) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err // names the path
	}
	defer f.Close()
	var last []byte
	for look := range maxLooks {
		size, quiet, err := measure(f)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		data, err := readAll(f, size, limit)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if quiet || look > 0 && bytes.Equal(data, last) {
			return data, nil
		}
		last = data
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("read %s: it changes all the time", path)
}

// open opens a file that may just be replaced: Kubernetes removes the old version
// as soon as the new one is in place, and who was on the way to it finds nothing.
func open(path string) (f *os.File, err error) {
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

// measure returns the size of a file and whether nobody has written to it for a
// while. It has to be asked before the file is read.
func measure(f *os.File) (size int64, quiet bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	if !info.Mode().IsRegular() {
		return 0, false, errors.New("it is not a file")
	}
	return info.Size(), time.Since(info.ModTime()) > settle, nil
}

// readAll reads a file of about size bytes into memory that it does not outgrow.
func readAll(f *os.File, size, limit int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(size, limit)+bytes.MinRead))
	n, err := buf.ReadFrom(io.NewSectionReader(f, 0, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return buf.Bytes(), err
}

func pause(ctx context.Context) error {
	t := time.NewTimer(settle)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Sum is the hash of the content of a file; the zero value is that of none.
type Sum [sha256.Size]byte

// SumOf hashes a file of at most limit bytes without holding it in memory. It
// may see a part of one that is just written to: it only tells that there is
// something to read anew.
func SumOf(path string, limit int64) (Sum, error) {
	f, err := open(path)
	if err != nil {
		return Sum{}, err
	}
	defer f.Close()
	if _, _, err := measure(f); err != nil {
		return Sum{}, fmt.Errorf("read %s: %w", path, err)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	if err != nil {
		return Sum{}, fmt.Errorf("read %s: %w", path, err)
	}
	return Sum(h.Sum(nil)), nil
}
