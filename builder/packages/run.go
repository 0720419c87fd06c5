// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/program"
	"github.com/prismeai/workspaces-release/internal/atomicfile"
)

// options are the inputs and the destination of the packages.
type options struct {
	version  string
	binaries []*program.Binary
	// root is the directory of the sources.
	root string
	dir  string
	// chart is the file of the chart; empty for none.
	chart string
	// check makes run check the sources and write nothing.
	check  bool
	getenv func(string) string
}

// version matches the versions of semver.org without build metadata, which image tags cannot have.
var version = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$`)

// release is a release being written.
type release struct {
	options
	epoch time.Time
	// archives are the archives that are written.
	archives []archive
}

// versionNumber returns the version without the v of Git tags.
func (r *release) versionNumber() string { return strings.TrimPrefix(r.version, "v") }

// checkSources checks that the sources have been prepared for the version.
func (o options) checkSources() error {
	r := &release{options: o}
	if _, err := r.findNotes(); err != nil {
		return err
	}
	const name = "charts/workspaces-release/Chart.yaml"
	data, err := os.ReadFile(filepath.Join(o.root, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	_, err = r.checkChart([]entry{{name: name, data: data}})
	return err
}

// run writes all packages. The checksums come last, so a directory without them is incomplete.
func run(o options) error {
	switch {
	case !version.MatchString(o.version):
		return fmt.Errorf("the version is %q, want v1.2.3 or v1.2.3-rc.1", o.version)
	case o.check:
		return o.checkSources()
	case len(o.binaries) == 0:
		return errors.New("no binaries are given")
	}
	epoch, err := program.Epoch(o.getenv)
	if err != nil {
		return err
	}
	r := &release{options: o, epoch: epoch}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	for _, step := range []func() error{
		r.writeNotes, r.writeArchives, r.writeChart, r.writeFormula, r.writeManifest, r.writeChecksums,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) writeArchives() error {
	for _, b := range r.binaries {
		if err := r.writeArchive(b); err != nil {
			return fmt.Errorf("package %s: %w", b.Path, err)
		}
	}
	return nil
}

// readBinaries reads the build information of binaries.
func readBinaries(files []string) ([]*program.Binary, error) {
	var list []*program.Binary
	for _, file := range files {
		b, err := program.Read(file)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// writeFile writes a file of the release.
func (r *release) writeFile(name string, data []byte) error {
	return atomicfile.WriteFile(filepath.Join(r.dir, name), data, 0o644)
}

// checksumFile is in the format of sha256sum.
const checksumFile = "SHA256SUMS"

// writeChecksums writes the checksums of all files in the directory, which may include images.
func (r *release) writeChecksums() error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, e := range entries {
		if e.Name() == checksumFile {
			continue
		}
		sum, err := fileChecksum(filepath.Join(r.dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, e.Name())
	}
	return r.writeFile(checksumFile, []byte(list.String()))
}

// fileChecksum returns the SHA-256 digest of a file in hexadecimal.
func fileChecksum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
