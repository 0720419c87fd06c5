// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const (
	// MaxDocument is the maximum size in bytes of a manifest, index or configuration: containerd's
	// limit for manifests.
	MaxDocument = 4 << 20
	// readAttempts is the number of attempts at a body that breaks off.
	readAttempts = 3
)

// Image is an index, or the manifest of a single image.
type Image struct {
	// Name is the normalised reference, or the notation of a layout.
	Name string
	// Descriptor is the descriptor of the index, or of the only manifest.
	Descriptor ocispec.Descriptor
	// Manifests are the images, in index order.
	Manifests []Manifest
	// Attestations are the index's attestation manifests: see [Image.ReadManifest].
	Attestations []ocispec.Descriptor
	// Others are the index's entries without a platform that are not images, such as signatures.
	Others []ocispec.Descriptor

	content content
	explain func(ref string, err error) error
}

// Manifest is the image of one platform.
type Manifest struct {
	Descriptor ocispec.Descriptor
	// Platform is taken from the index, else from the configuration. It is normalized:
	// linux/arm64/v8 becomes linux/arm64.
	Platform ocispec.Platform
	Manifest ocispec.Manifest
	// Config is the decoded configuration. RawConfig also has Docker's own fields (Healthcheck,
	// OnBuild, Shell).
	Config    ocispec.Image
	RawConfig []byte
}

// content is the source of an image's documents and blobs.
type content interface {
	Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
	Close() error
}

// Resolve resolves ref and reads the manifest and configuration of every platform, each at most
// [MaxDocument] long and verified by its digest. ref is a reference, or oci-layout://PATH as for
// [OpenLayout]. The caller must close the image. Errors are of type [*Error].
func (c *Client) Resolve(ctx context.Context, ref string) (*Image, error) {
	if path, ok := strings.CutPrefix(ref, LayoutScheme); ok {
		return OpenLayout(ctx, path)
	}
	named, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	ctx = withoutLogging(ctx)
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: c.authorizedHosts(ctx)})
	name, desc, err := resolver.Resolve(ctx, named.String())
	if err != nil {
		return nil, c.Explain(ref, err)
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return nil, c.Explain(ref, err)
	}
	img := &Image{Name: named.String(), Descriptor: desc, content: remoteContent{fetcher}, explain: c.Explain}
	if err := img.loadManifests(ctx); err != nil {
		return nil, c.Explain(ref, err)
	}
	return img, nil
}

// authorizedHosts is [Client.Hosts] with the client's credentials.
func (c *Client) authorizedHosts(ctx context.Context) docker.RegistryHosts {
	authorizer := docker.NewDockerAuthorizer(
		docker.WithAuthClient(c.http),
		docker.WithAuthCreds(func(host string) (string, string, error) {
			username, password, err := c.Credentials(ctx, host)
			return username, password.Reveal(), err
		}),
	)
	hosts := c.Hosts()
	return func(host string) ([]docker.RegistryHost, error) {
		list, err := hosts(host)
		for i := range list {
			list[i].Authorizer = authorizer
		}
		return list, err
	}
}

// withoutLogging disables containerd's logging to the global logrus logger: everything relevant is in the
// error.
func withoutLogging(ctx context.Context) context.Context {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return log.WithLogger(ctx, logrus.NewEntry(logger))
}

// fetcher is the part of containerd's remotes.Fetcher that is used.
type fetcher interface {
	Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
}

type remoteContent struct{ fetcher fetcher }

// Fetch ignores the URLs of a descriptor, with which an image could direct requests anywhere.
func (r remoteContent) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	desc.URLs = nil
	return r.fetcher.Fetch(withoutLogging(ctx), desc)
}

func (remoteContent) Close() error { return nil }

// Close releases the file behind an image from a layout.
func (i *Image) Close() error { return i.content.Close() }

// ReadBlob returns the verified content of desc. A blob of more than most bytes is an [*Error] that
// wraps a [*limit.Error].
func (i *Image) ReadBlob(ctx context.Context, desc ocispec.Descriptor, most int64) ([]byte, error) {
	data, err := i.read(ctx, desc, most)
	return data, i.explain(i.Name, err)
}

// ReadManifest returns a manifest of the image, such as an attestation.
func (i *Image) ReadManifest(ctx context.Context, desc ocispec.Descriptor) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	err := i.decodeDocument(ctx, desc, &m)
	return m, i.explain(i.Name, err)
}

// OpenBlob streams the content of desc. At the end, the reader returns a [*DigestError] instead of
// io.EOF if the content does not match. Its errors are of type [*Error]; only those of kind
// [Invalid] concern the content.
func (i *Image) OpenBlob(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	r, err := i.open(ctx, desc)
	if err != nil {
		return nil, i.explain(i.Name, err)
	}
	return explainedReader{r, i}, nil
}

// explainedReader converts the errors of a reader.
type explainedReader struct {
	io.ReadCloser
	image *Image
}

// Read implements [io.Reader].
func (e explainedReader) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.image.explain(e.image.Name, err)
	}
	return n, err
}

// loadManifests reads the manifests according to the type of the descriptor.
func (i *Image) loadManifests(ctx context.Context) error {
	switch mediaType := i.Descriptor.MediaType; {
	case images.IsIndexType(mediaType):
		return i.loadIndex(ctx)
	case images.IsManifestType(mediaType):
		i.Manifests = make([]Manifest, 1)
		return i.loadManifest(ctx, i.Descriptor, &i.Manifests[0])
	default:
		return i.invalidContent("media type %q is neither an image nor an index of images", mediaType)
	}
}

// loadManifest reads a manifest and its configuration. It refuses artifacts other than images, such
// as Helm charts.
func (i *Image) loadManifest(ctx context.Context, desc ocispec.Descriptor, m *Manifest) (err error) {
	m.Descriptor = desc
	if err := i.decodeDocument(ctx, desc, &m.Manifest); err != nil {
		return err
	}
	config := m.Manifest.Config
	if !images.IsConfigType(config.MediaType) {
		return i.invalidContent("%w", &artifactError{config.MediaType})
	}
	if m.RawConfig, err = i.read(ctx, config, MaxDocument); err != nil {
		return err
	}
	if err := json.Unmarshal(m.RawConfig, &m.Config); err != nil {
		return i.invalidContent("decode configuration %s: %w", config.Digest, err)
	}
	platform := m.Config.Platform
	if desc.Platform != nil {
		platform = *desc.Platform
	}
	if platform.OS == "" || platform.Architecture == "" {
		return i.invalidContent("its configuration names no operating system or no architecture, so no runtime starts it: " +
			"build it with both, or add them (crane mutate --set-platform linux/amd64)")
	}
	m.Platform = platforms.Normalize(platform)
	return nil
}

// invalidContent returns an error about the content.
func (i *Image) invalidContent(format string, args ...any) error {
	return &Error{Kind: Invalid, Ref: i.Name, Err: fmt.Errorf(format, args...)}
}

// decodeDocument decodes a JSON document. As the specification requires, it ignores unknown fields.
func (i *Image) decodeDocument(ctx context.Context, desc ocispec.Descriptor, v any) error {
	data, err := i.read(ctx, desc, MaxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return i.invalidContent("decode %s: %w", desc.Digest, err)
	}
	return nil
}

// read reads all of desc, and starts again if the connection breaks.
func (i *Image) read(ctx context.Context, desc ocispec.Descriptor, most int64) ([]byte, error) {
	if desc.Size > most {
		return nil, &limit.Error{Subject: desc.Digest.String(), Max: most}
	}
	for attempt := 1; ; attempt++ {
		data, err := i.readOnce(ctx, desc)
		if err == nil || attempt == readAttempts || !isTruncated(err) {
			return data, err
		}
	}
}

// isTruncated reports whether a body ended too early. containerd retries some of these with a range
// request, which not every registry supports.
func isTruncated(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// readOnce reads and verifies desc.
func (i *Image) readOnce(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	r, err := i.open(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// open opens desc. It validates the digest first, because a layout uses it as a path.
func (i *Image) open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := desc.Digest.Validate(); err != nil {
		return nil, i.invalidContent("digest %q: %w", desc.Digest, err)
	}
	r, err := i.content.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	return &verifiedReader{ReadCloser: r, desc: desc, digester: desc.Digest.Algorithm().Digester(), left: desc.Size}, nil
}

// verifiedReader passes the bytes through, and fails at the end, or at the first excess byte, if they do
// not match desc.
type verifiedReader struct {
	io.ReadCloser
	desc     ocispec.Descriptor
	digester digest.Digester
	left     int64
}

// Read implements [io.Reader].
func (v *verifiedReader) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.left -= int64(n)
	if v.left < 0 {
		return 0, &limit.Error{Subject: v.desc.Digest.String(), Max: v.desc.Size}
	}
	v.digester.Hash().Write(p[:n])
	if errors.Is(err, io.EOF) {
		return n, v.checkDigest()
	}
	return n, err
}

// checkDigest returns io.EOF if the content matches.
func (v *verifiedReader) checkDigest() error {
	if got := v.digester.Digest(); got != v.desc.Digest {
		return &DigestError{Want: v.desc.Digest, Got: got}
	}
	return io.EOF
}

// Platforms returns the image's platforms in OS/ARCH[/VARIANT] form, sorted.
func (i *Image) Platforms() []string {
	var list []string
	for _, m := range i.Manifests {
		list = append(list, m.PlatformName())
	}
	slices.Sort(list)
	return list
}

// PlatformName returns the platform as users write it: OS/ARCH[/VARIANT].
func (m Manifest) PlatformName() string {
	p := m.Platform
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	return strings.Join(parts, "/")
}
