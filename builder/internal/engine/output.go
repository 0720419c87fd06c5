// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/distribution/reference"
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

	byDigest Kind = "image by digest" // to repositories, under no name
)

// Output is one place that the image goes to.
type Output struct {
	Kind Kind
	// Names are image references.
	Names []string
	// Dest is the file of [OCI] and [Docker]. It appears when all of it is written.
	Dest string
}

// rounds splits the outputs into what is exported one after the other, the names of
// pushed images and what has attestations last.
//
// BuildKit pushes one name after the other, with everything below it: where that would be
// seen, in several repositories, all of them first get the image without a name. A docker
// archive has no place for attestations.
func rounds(spec Spec) []Spec {
	var archives, first, names []Output
	var repositories []string
	for _, out := range spec.Outputs {
		switch {
		case out.Kind == Docker && len(spec.Attestations) > 0:
			archives = append(archives, out)
		case out.Kind == Push:
			names = append(names, out)
			repositories = append(repositories, repositoriesOf(out.Names)...)
		default:
			first = append(first, out)
		}
	}
	var list []Spec
	add := func(attestations []Attestation, outputs []Output) {
		round := spec
		round.Attestations, round.Outputs = attestations, outputs
		list = append(list, round)
	}
	if len(archives) > 0 {
		add(nil, archives)
	}
	slices.Sort(repositories)
	switch repositories = slices.Compact(repositories); {
	case len(repositories) > 1:
		add(spec.Attestations, append(first, Output{Kind: byDigest, Names: repositories}))
		add(spec.Attestations, names)
	case len(archives) == 0 || len(first)+len(names) > 0:
		add(spec.Attestations, append(first, names...))
	}
	return list
}

func repositoriesOf(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, repository(name))
	}
	return list
}

// repository cuts the tag off a name. What is no name is left to BuildKit to refuse.
func repository(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return named.Name()
}

// exports translates outputs. The files get their names when they are published.
func exports(spec Spec, written *files) []client.ExportEntry {
	outputs := spec.Outputs
	if len(outputs) == 0 {
		outputs = []Output{{Kind: Push}} // pushed nowhere: computed
	}
	var entries []client.ExportEntry
	for _, out := range outputs {
		entry := client.ExportEntry{Type: string(out.Kind), Attrs: attributes(spec, out)}
		switch out.Kind {
		case byDigest:
			entry.Type = string(Push)
		case OCI, Docker:
			entry.Output = func(map[string]string) (io.WriteCloser, error) { return written.create(out.Dest) }
		}
		entries = append(entries, entry)
	}
	return entries
}

// attributes are the same for all outputs as far as they are part of the image, so
// that its digest is.
func attributes(spec Spec, out Output) map[string]string {
	attrs := map[string]string{
		string(exptypes.OptKeyName):            strings.Join(out.Names, ","),
		string(exptypes.OptKeySourceDateEpoch): strconv.FormatInt(spec.Epoch.Unix(), 10),
		string(exptypes.OptKeyOCITypes):        "true",
		string(exptypes.OptKeyOCIArtifact):     "true", // attestations as referrers, which older BuildKits do not make by themselves
	}
	for k, v := range spec.Annotations {
		attrs[exptypes.AnnotationManifestKey(nil, k)] = v
	}
	if len(out.Names) > 0 && (out.Kind == Push || out.Kind == byDigest) {
		attrs[string(exptypes.OptKeyPush)] = "true"
	}
	if out.Kind == byDigest {
		attrs[string(exptypes.OptKeyPushByDigest)] = "true"
	}
	return attrs
}

// files are outputs that are being written, under temporary names. BuildKit exports all
// that one build writes at the same time.
type files struct {
	mu      sync.Mutex
	pending []*renameio.PendingFile
}

func (f *files) create(dest string) (io.WriteCloser, error) {
	pending, err := renameio.NewPendingFile(dest, renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("create output %s: %w", dest, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, pending)
	return nopCloser{pending}, nil
}

// publish makes the files durable and gives them their names.
func (f *files) publish() error {
	var errs []error
	for _, pending := range f.pending {
		errs = append(errs, pending.CloseAtomicallyReplace())
	}
	return errors.Join(errs...)
}

// abort removes the files that were not published.
func (f *files) abort() error {
	var errs []error
	for _, pending := range f.pending {
		errs = append(errs, pending.Cleanup())
	}
	return errors.Join(errs...)
}

// nopCloser leaves the closing to publish and abort: BuildKit closes a file
// whether it is complete or not.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
