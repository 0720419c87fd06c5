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
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/internal/limit"
)

const (
	// MaxDocument is the size in bytes of the largest manifest, index or
	// configuration that is read, which is containerd's own limit for manifests.
	MaxDocument = 4 << 20
	// maxPlatforms bounds what an index makes us read.
	maxPlatforms = 64
	// readers is how many documents of an image are read at a time.
	readers = 4
	// readAttempts is how often a body that breaks off is asked for.
	readAttempts = 3
)

// attestationKey marks, in an index, BuildKit's attestation manifests.
const attestationKey = "vnd.docker.reference.type"

// Image is what a reference stands for: an index, or the manifest of one image.
type Image struct {
	// Name is the normalised reference, or the notation of a layout.
	Name string
	// Descriptor is that of the index, or of the only manifest.
	Descriptor ocispec.Descriptor
	// Manifests are the images, in the order of the index.
	Manifests []Manifest
	// Attestations are the index's attestation manifests: see [Image.ReadManifest].
	Attestations []ocispec.Descriptor

	content content
	explain func(ref string, err error) error
}

// Manifest is the image of one platform.
type Manifest struct {
	Descriptor ocispec.Descriptor
	// Platform is the platform of the index's entry, else of the configuration. It is
	// normalized: linux/arm64/v8, which some tools write, is linux/arm64.
	Platform ocispec.Platform
	Manifest ocispec.Manifest
	// Config is the decoded configuration, RawConfig its bytes: docker's own fields
	// (Healthcheck, OnBuild, Shell) are only there.
	Config    ocispec.Image
	RawConfig []byte
}

// content is where an image's documents and blobs come from.
type content interface {
	Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
	Close() error
}

// Resolve finds what ref stands for and reads the manifest and the configuration of
// every platform, each verified by its digest and at most [MaxDocument] long.
// ref is a reference, or oci-layout://PATH as [OpenLayout] takes it. The caller
// closes the image. Errors are of type [*Error].
func (c *Client) Resolve(ctx context.Context, ref string) (*Image, error) {
	if path, ok := strings.CutPrefix(ref, LayoutScheme); ok {
		return OpenLayout(ctx, path)
	}
	named, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	ctx = quiet(ctx)
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
	if err := img.load(ctx); err != nil {
		return nil, c.Explain(ref, err)
	}
	return img, nil
}

// authorizedHosts is [Client.Hosts] with the client's own credentials, for our own reads.
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

// quiet keeps containerd from logging to logrus' global logger: everything that
// matters is in the error.
func quiet(ctx context.Context) context.Context {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return log.WithLogger(ctx, logrus.NewEntry(logger))
}

// fetcher is the part of containerd's remotes.Fetcher that is used.
type fetcher interface {
	Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
}

type remoteContent struct{ fetcher fetcher }

// Fetch drops the URLs that a descriptor may carry: they would make us send
// requests wherever an image's author likes.
func (r remoteContent) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	desc.URLs = nil
	return r.fetcher.Fetch(quiet(ctx), desc)
}

func (remoteContent) Close() error { return nil }

// Close releases the file behind an image from a layout.
func (i *Image) Close() error { return i.content.Close() }

// ReadBlob returns the content of desc, verified. More than most bytes are a [*limit.Error].
func (i *Image) ReadBlob(ctx context.Context, desc ocispec.Descriptor, most int64) ([]byte, error) {
	data, err := i.read(ctx, desc, most)
	return data, i.explain(i.Name, err)
}

// ReadManifest returns one of the image's manifests, such as an attestation.
func (i *Image) ReadManifest(ctx context.Context, desc ocispec.Descriptor) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	err := i.decode(ctx, desc, &m)
	return m, i.explain(i.Name, err)
}

// OpenBlob streams the content of desc. The reader fails with a [*DigestError], in
// place of io.EOF, if it was not what desc says. Its errors are of type [*Error], too: one
// of kind [Invalid] is about the content, others are about the way to it.
func (i *Image) OpenBlob(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	r, err := i.open(ctx, desc)
	if err != nil {
		return nil, i.explain(i.Name, err)
	}
	return explained{r, i}, nil
}

// explained types the errors of a reader of an image's content.
type explained struct {
	io.ReadCloser
	image *Image
}

// Read implements [io.Reader].
func (e explained) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.image.explain(e.image.Name, err)
	}
	return n, err
}

// load reads everything that an [Image] promises, by the type of its descriptor.
func (i *Image) load(ctx context.Context) error {
	switch mediaType := i.Descriptor.MediaType; {
	case images.IsIndexType(mediaType):
		return i.loadIndex(ctx)
	case images.IsManifestType(mediaType):
		i.Manifests = make([]Manifest, 1)
		return i.loadManifest(ctx, i.Descriptor, &i.Manifests[0])
	default:
		return i.invalid("media type %q is neither an image nor an index of images", mediaType)
	}
}

// loadIndex reads the images of an index, several at a time, and leaves attestations
// and whatever else may be listed unread.
func (i *Image) loadIndex(ctx context.Context) error {
	var index ocispec.Index
	if err := i.decode(ctx, i.Descriptor, &index); err != nil {
		return err
	}
	var entries []ocispec.Descriptor
	for _, desc := range index.Manifests {
		if desc.Annotations[attestationKey] != "" {
			i.Attestations = append(i.Attestations, desc)
		} else if images.IsManifestType(desc.MediaType) {
			entries = append(entries, desc)
		}
	}
	nested := slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool { return images.IsIndexType(d.MediaType) })
	if len(entries) == 0 && nested {
		return i.invalid("the index lists another index: name the image in it by its digest")
	}
	if len(entries) == 0 || len(entries) > maxPlatforms {
		return i.invalid("the index lists %d images, want 1 to %d", len(entries), maxPlatforms)
	}
	i.Manifests = make([]Manifest, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for n, desc := range entries {
		group.Go(func() error { return i.loadManifest(ctx, desc, &i.Manifests[n]) })
	}
	return group.Wait()
}

// loadManifest reads a manifest and its configuration. Something that is stored as an
// image but is none, such as a Helm chart, is an error: nothing could be built on it.
func (i *Image) loadManifest(ctx context.Context, desc ocispec.Descriptor, m *Manifest) (err error) {
	m.Descriptor = desc
	if err := i.decode(ctx, desc, &m.Manifest); err != nil {
		return err
	}
	config := m.Manifest.Config
	if !images.IsConfigType(config.MediaType) {
		return i.invalid("its configuration is of type %q, so this is no container image", config.MediaType)
	}
	if m.RawConfig, err = i.read(ctx, config, MaxDocument); err != nil {
		return err
	}
	if err := json.Unmarshal(m.RawConfig, &m.Config); err != nil {
		return i.invalid("decode configuration %s: %w", config.Digest, err)
	}
	platform := m.Config.Platform
	if desc.Platform != nil {
		platform = *desc.Platform
	}
	m.Platform = platforms.Normalize(platform)
	return nil
}

// invalid makes an error about the content, not about the way to it.
func (i *Image) invalid(format string, args ...any) error {
	return &Error{Kind: Invalid, Ref: i.Name, Err: fmt.Errorf(format, args...)}
}

// decode reads a JSON document. Unknown fields are allowed, as the standard asks.
func (i *Image) decode(ctx context.Context, desc ocispec.Descriptor, v any) error {
	data, err := i.read(ctx, desc, MaxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return i.invalid("decode %s: %w", desc.Digest, err)
	}
	return nil
}

// read reads all of desc, again from the start if the connection breaks in between.
func (i *Image) read(ctx context.Context, desc ocispec.Descriptor, most int64) ([]byte, error) {
	if desc.Size > most {
		return nil, &limit.Error{Subject: desc.Digest.String(), Max: most}
	}
	for attempt := 1; ; attempt++ {
		data, err := i.readOnce(ctx, desc)
		if err == nil || attempt == readAttempts || !brokeOff(err) {
			return data, err
		}
	}
}

// brokeOff reports whether a body ended too early: containerd asks again for some of
// these, with a range that not every registry honours.
func brokeOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// readOnce reads desc in one go; what it returns is verified.
func (i *Image) readOnce(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	r, err := i.open(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// open starts to read desc. The digest is validated before: in a layout it becomes a path.
func (i *Image) open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := desc.Digest.Validate(); err != nil {
		return nil, i.invalid("digest %q: %w", desc.Digest, err)
	}
	r, err := i.content.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	return &verified{ReadCloser: r, desc: desc, digester: desc.Digest.Algorithm().Digester(), left: desc.Size}, nil
}

// verified passes the bytes of desc through and fails at the end, or at the first
// byte too many, if they are not what desc says.
type verified struct {
	io.ReadCloser
	desc     ocispec.Descriptor
	digester digest.Digester
	left     int64
}

// Read implements [io.Reader].
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.left -= int64(n)
	if v.left < 0 {
		return 0, &limit.Error{Subject: v.desc.Digest.String(), Max: v.desc.Size}
	}
	v.digester.Hash().Write(p[:n])
	if errors.Is(err, io.EOF) {
		return n, v.verify()
	}
	return n, err
}

// verify returns io.EOF for content that is what it should be.
func (v *verified) verify() error {
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

// PlatformName is the platform in the form in which users write one: OS/ARCH[/VARIANT].
func (m Manifest) PlatformName() string {
	p := m.Platform
	parts := []string{p.OS, p.Architecture}
	if p.Variant != "" {
		parts = append(parts, p.Variant)
	}
	return strings.Join(parts, "/")
}
