// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
)

// Kind says what an [Output] writes.
type Kind string

// The kinds of outputs, with BuildKit's names.
const (
	Push   Kind = "image"  // to registries, under all names
	OCI    Kind = "oci"    // an OCI layout in a tar file
	Docker Kind = "docker" // an archive for docker load; one platform only
)

// Output is one place that the image goes to.
type Output struct {
	Kind Kind
	// Names are image references.
	Names []string
	// Dest is the file of [OCI] and [Docker]. It appears when all of it is written.
	Dest string
}

// exports translates the outputs. The returned files exist under temporary names
// until they are published.
func exports(spec Spec) ([]client.ExportEntry, *files) {
	pending := new(files)
	var entries []client.ExportEntry
	for _, out := range spec.Outputs {
		entry := client.ExportEntry{Type: string(out.Kind), Attrs: attributes(spec, out)}
		if out.Kind != Push {
			entry.Output = func(map[string]string) (io.WriteCloser, error) { return pending.create(out.Dest) }
		}
		entries = append(entries, entry)
	}
	if len(entries) == 0 {
		entries = append(entries, client.ExportEntry{Type: string(Push), Attrs: attributes(spec, Output{Kind: Push})})
	}
	return entries, pending
}

func attributes(spec Spec, out Output) map[string]string {
	attrs := map[string]string{
		string(exptypes.OptKeyName):            strings.Join(out.Names, ","),
		string(exptypes.OptKeySourceDateEpoch): strconv.FormatInt(spec.Epoch.Unix(), 10),
	}
	if out.Kind != Docker { // docker archives have no place for annotations
		attrs[string(exptypes.OptKeyOCITypes)] = "true"
		for k, v := range spec.Annotations {
			attrs[exptypes.AnnotationManifestKey(nil, k)] = v
		}
	}
	if out.Kind == Push && len(out.Names) > 0 {
		attrs[string(exptypes.OptKeyPush)] = "true"
	}
	return attrs
}

// files are outputs that are being written.
type files struct {
	open []*os.File
	dest []string
}

func (f *files) create(dest string) (io.WriteCloser, error) {
	tmp, err := os.CreateTemp(filepath.Dir(dest), "."+filepath.Base(dest)+".*")
	if err != nil {
		return nil, fmt.Errorf("create output %s: %w", dest, err)
	}
	f.open, f.dest = append(f.open, tmp), append(f.dest, dest)
	return syncCloser{tmp}, nil
}

// publish gives the files their names.
func (f *files) publish() error {
	var errs []error
	for i, tmp := range f.open {
		errs = append(errs, os.Chmod(tmp.Name(), 0o644), os.Rename(tmp.Name(), f.dest[i]))
	}
	return errors.Join(errs...)
}

// abort removes the files.
func (f *files) abort() error {
	var errs []error
	for _, tmp := range f.open {
		tmp.Close()
		errs = append(errs, os.Remove(tmp.Name()))
	}
	return errors.Join(errs...)
}

// syncCloser makes a file durable before it is closed.
type syncCloser struct{ *os.File }

func (f syncCloser) Close() error { return errors.Join(f.Sync(), f.File.Close()) }
