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
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"

	"github.com/prismeai/workspaces-release/internal/atomicfile"
)

// Kind is the type of an [Output].
type Kind string

// The kinds of outputs, named as in BuildKit.
const (
	Push   Kind = "image"  // to registries, under all names
	OCI    Kind = "oci"    // an OCI layout in a tar file
	Docker Kind = "docker" // an archive for docker load; one platform only

	byDigest Kind = "image by digest" // to repositories, without a tag
)

// Output is a destination of the image.
type Output struct {
	Kind Kind
	// Names are image references.
	Names []string
	// Dest is the file of an [OCI] or [Docker] output. It appears once it is complete.
	Dest string
}

// splitRounds splits the outputs into builds that run one after another. Image tags and outputs with
// attestations come last.
//
// BuildKit pushes names one by one, each with its content. With several repositories, an earlier
// round pushes the image to all of them without a tag. A docker archive cannot hold attestations,
// so it gets a round without them.
func splitRounds(spec Spec) []Spec {
	var archives, first, names []Output
	var repositories []string
	for _, out := range spec.Outputs {
		switch {
		case out.Kind == Docker && len(spec.Attestations) > 0:
			archives = append(archives, out)
		case out.Kind == Push:
			names = append(names, out)
			repositories = append(repositories, listRepositories(out.Names)...)
		default:
			first = append(first, out)
		}
	}
	var list []Spec
	add := func(attestations []Attestation, outputs []Output) {
		round := spec
		round.Attestations = attestations
		round.Outputs = outputs
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

func listRepositories(names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, trimTag(name))
	}
	return list
}

// trimTag removes the tag from a name. It returns an invalid name unchanged, for BuildKit to
// refuse.
func trimTag(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return named.Name()
}

// newExportEntries converts the outputs to BuildKit's export entries. Files get their final names in
// publishFiles.
func newExportEntries(spec Spec, written *pendingFiles) []client.ExportEntry {
	outputs := spec.Outputs
	if len(outputs) == 0 {
		outputs = []Output{{Kind: Push}} // compute the image without pushing it
	}
	var entries []client.ExportEntry
	for _, out := range outputs {
		entry := client.ExportEntry{Type: string(out.Kind), Attrs: exportAttributes(spec, out)}
		switch out.Kind {
		case byDigest:
			entry.Type = string(Push)
		case OCI, Docker:
			entry.Output = func(map[string]string) (io.WriteCloser, error) { return written.createFile(out.Dest) }
		}
		entries = append(entries, entry)
	}
	return entries
}

// exportAttributes returns the export attributes of an output. Those that affect the image are the same
// for all outputs, so that the digest is too.
func exportAttributes(spec Spec, out Output) map[string]string {
	attrs := map[string]string{
		string(exptypes.OptKeyName):            strings.Join(out.Names, ","),
		string(exptypes.OptKeySourceDateEpoch): strconv.FormatInt(spec.Epoch.Unix(), 10),
		string(exptypes.OptKeyOCITypes):        "true",
		string(exptypes.OptKeyOCIArtifact):     "true", // add referrers; older BuildKits do not by default
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

// pendingFiles are outputs being written under temporary names. BuildKit runs the exporters of one build
// concurrently.
type pendingFiles struct {
	mu      sync.Mutex
	pending []*atomicfile.File
}

func (f *pendingFiles) createFile(dest string) (io.WriteCloser, error) {
	pending, err := atomicfile.Create(dest, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create output %s: %w", dest, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, pending)
	return nopCloser{pending}, nil
}

// publishFiles syncs the files and renames them to their final names.
func (f *pendingFiles) publishFiles() error {
	var errs []error
	for _, pending := range f.pending {
		errs = append(errs, pending.Commit())
	}
	return errors.Join(errs...)
}

// discardFiles removes unpublished files.
func (f *pendingFiles) discardFiles() error {
	var errs []error
	for _, pending := range f.pending {
		errs = append(errs, pending.Discard())
	}
	return errors.Join(errs...)
}

// nopCloser leaves closing to publishFiles and discardFiles, because BuildKit closes a file even if it
// is incomplete.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
