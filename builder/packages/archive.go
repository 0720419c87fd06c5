// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"

	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
)

// archive is a binary in an archive.
type archive struct {
	binary *program.Binary
	name   string
	// sum is the SHA-256 digest in hexadecimal.
	sum string
}

// entry is a file in an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

// writeArchive writes the archive of a binary, and its bill of materials.
func (r *release) writeArchive(b *program.Binary) error {
	entries, err := r.listEntries(b)
	if err != nil {
		return err
	}
	name := b.Name + "_" + r.versionNumber() + "_" + b.Platform.OS + "_" + b.Platform.Architecture
	write := writeTar
	if b.Platform.OS == "windows" {
		name += ".zip"
		write = writeZip
	} else {
		name += ".tar.gz"
	}
	path := filepath.Join(r.dir, name)
	if err := replaceFile(path, func(w io.Writer) error { return write(w, entries, r.epoch) }); err != nil {
		return err
	}
	sum, err := fileChecksum(path)
	if err != nil {
		return err
	}
	r.archives = append(r.archives, archive{binary: b, name: name, sum: sum})
	contents := program.Contents{Tool: "packages-" + r.version, Subject: digest.NewDigestFromEncoded(digest.SHA256, sum)}
	bill, err := b.SBOM(r.version, r.epoch, contents).Encode()
	if err != nil {
		return err
	}
	return r.writeFile(name+".spdx.json", bill)
}

// listEntries returns the binary with its licence and the README.
func (r *release) listEntries(b *program.Binary) ([]entry, error) {
	code, err := os.ReadFile(b.Path)
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(r.root, "LICENSES", b.Licence+".txt"))
	if err != nil {
		return nil, err
	}
	readme, err := os.ReadFile(filepath.Join(r.root, "README.md"))
	if err != nil {
		return nil, err
	}
	return []entry{
		{name: "LICENSE", mode: 0o644, data: licence},
		{name: "README.md", mode: 0o644, data: readme},
		{name: b.FileName(), mode: 0o755, data: code},
	}, nil
}

// replaceFile writes a file that appears when it is complete.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	file, err := atomicfile.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Discard()) }()
	if err := write(file); err != nil {
		return err
	}
	return file.Commit()
}

// writeTar writes a compressed tar that depends only on the entries and the time.
func writeTar(w io.Writer, entries []entry, epoch time.Time) error {
	compressed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := tar.NewWriter(compressed)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: epoch}
		if err = out.WriteHeader(header); err != nil {
			break
		}
		if _, err = out.Write(e.data); err != nil {
			break
		}
	}
	return cmp.Or(err, out.Close(), compressed.Close())
}

// writeZip writes a zip that depends only on the entries and the time.
func writeZip(w io.Writer, entries []entry, epoch time.Time) error {
	out := zip.NewWriter(w)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: epoch}
		header.SetMode(os.FileMode(e.mode))
		file, err := out.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, bytes.NewReader(e.data)); err != nil {
			return err
		}
	}
	return out.Close()
}
