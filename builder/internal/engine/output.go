// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
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

// exports translates the outputs. The returned files get their names when they are published.
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

// files are outputs that are being written, under temporary names.
type files []*renameio.PendingFile

func (f *files) create(dest string) (io.WriteCloser, error) {
	pending, err := renameio.NewPendingFile(dest, renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("create output %s: %w", dest, err)
	}
	*f = append(*f, pending)
	return nopCloser{pending}, nil
}

// publish makes the files durable and gives them their names.
func (f *files) publish() error {
	var errs []error
	for _, pending := range *f {
		errs = append(errs, pending.CloseAtomicallyReplace())
	}
	return errors.Join(errs...)
}

// abort removes the files that were not published.
func (f *files) abort() error {
	var errs []error
	for _, pending := range *f {
		errs = append(errs, pending.Cleanup())
	}
	return errors.Join(errs...)
}

// nopCloser leaves the closing to publish and abort: BuildKit closes a file
// whether it is complete or not.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
