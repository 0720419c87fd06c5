// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"cmp"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/prismeai/workspaces-release/builder/internal/program"
)

const (
	// certificates is the first path where Go looks for certificates.
	certificates = "etc/ssl/certs/ca-certificates.crt"
	// compressionLevel and blockSize determine the digest of the layer; the number of processors
	// does not. Level 9 takes seven times as long for 3 % less.
	compressionLevel = 6
	blockSize        = 1 << 20
	blocksInFlight   = 4
)

// entry is a file, or a directory if its name ends with a slash.
type entry struct {
	name string
	mode int64
	data []byte
}

// listEntries returns the files of an image. On a base, that is only the program: the base has
// directories and certificates.
func (i *image) listEntries(b *program.Binary) ([]entry, error) {
	code, err := os.ReadFile(b.Path)
	if err != nil {
		return nil, err
	}
	if i.base != nil {
		return []entry{{name: i.programPath()[1:], mode: 0o555, data: code}}, nil
	}
	list := []entry{
		{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755}, {name: "etc/ssl/certs/", mode: 0o755},
		{name: certificates, mode: 0o444, data: encodeAuthorities()},
		{name: b.Name, mode: 0o555, data: code},
	}
	if b.Temp {
		list = append(list, entry{name: "tmp/", mode: 0o1777})
	}
	return list, nil
}

// encodeAuthorities returns the certificate authorities that Mozilla trusts for servers, as pinned by
// go.mod, in PEM. It omits those with constraints, which PEM cannot express.
func encodeAuthorities() []byte {
	var all []byte
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})...)
		}
	}
	return all
}

// writeLayer writes a compressed layer that depends only on the entries and the time. It returns
// the digest of the uncompressed tar.
func writeLayer(w io.Writer, entries []entry, epoch time.Time) (digest.Digest, error) {
	zip, err := pgzip.NewWriterLevel(w, compressionLevel)
	if err == nil {
		err = zip.SetConcurrency(blockSize, blocksInFlight)
	}
	if err != nil {
		return "", fmt.Errorf("compress layer: %w", err)
	}
	plain := digest.SHA256.Digester()
	out := tar.NewWriter(io.MultiWriter(zip, plain.Hash()))
	for _, e := range entries {
		if err = writeEntry(out, e, epoch); err != nil {
			break
		}
	}
	err = cmp.Or(err, out.Close(), zip.Close())
	return plain.Digest(), err
}

func writeEntry(out *tar.Writer, e entry, epoch time.Time) error {
	// The type follows from the name: see tar.FileInfoHeader.
	if err := out.WriteHeader(&tar.Header{
		Name:    e.name,
		Mode:    e.mode,
		Size:    int64(len(e.data)),
		ModTime: epoch,
	}); err != nil {
		return fmt.Errorf("write %s to the layer: %w", e.name, err)
	}
	if _, err := out.Write(e.data); err != nil {
		return fmt.Errorf("write %s to the layer: %w", e.name, err)
	}
	return nil
}
