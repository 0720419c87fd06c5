// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// BlobSize returns the size of a blob in bytes. It falls back to reading the object, because go-git
// does not look up sizes in the repositories that this one borrows objects from.
func BlobSize(objects storer.EncodedObjectStorer, hash plumbing.Hash) (int64, error) {
	size, err := objects.EncodedObjectSize(hash)
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return size, err
	}
	blob, err := objects.EncodedObject(plumbing.BlobObject, hash)
	if err != nil {
		return 0, fmt.Errorf("read blob %s: %w", hash, ExplainMissing(err))
	}
	return blob.Size(), nil
}

// ReadBlob reads a blob of the given size.
func ReadBlob(objects storer.EncodedObjectStorer, hash plumbing.Hash, size int64) (data []byte, err error) {
	blob, err := object.GetBlob(objects, hash)
	if err != nil {
		return nil, err
	}
	r, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data = make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read blob %s: %w", hash, err)
	}
	return data, nil
}
