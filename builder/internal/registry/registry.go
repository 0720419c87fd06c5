// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registry is the builder's access to container registries.
//
// A [Client] serves the builder's own reads ([Client.Resolve]) and the build engine, which gets the
// same endpoints ([Client.Hosts]) and credentials ([Client.Credentials]). All requests pass through
// the client's transport, which guarantees:
//
//   - credentials are sent only to the host[:port] that they are for, and are dropped on redirects
//     to other hosts;
//   - plain HTTP and unverified certificates are allowed only for loopback and for the hosts in
//     [Options.InsecureRegistries];
//   - transient failures of reads are retried with backoff in one place only: when the transport
//     gives up, the layers above do not retry;
//   - everything but blobs (manifests, tokens, errors) is limited to [MaxDocument].
//
// Errors are of type [*Error]. They name hosts, references and credential sources, but never contain
// credentials or the query of a URL.
package registry

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/prismeai/workspaces-release/internal/loopback"
)

// Options configure a [Client].
type Options struct {
	// InsecureRegistries are hosts (host[:port], exactly as in a reference) to connect to by TLS
	// without verification or, if they do not support TLS, by plain HTTP.
	//
	// Loopback (localhost, 127.0.0.0/8, ::1) may always use plain HTTP. TLS is tried first there,
	// too, and its certificate is verified.
	InsecureRegistries []string
	// ClientCerts are client certificates by registry (host[:port]). A certificate is only sent to
	// its registry.
	ClientCerts map[string]ClientCert
	// CAFiles are PEM files with certificate authorities to trust in addition to the system's.
	CAFiles []string
	// Mirrors lists the mirrors (host[:port][/path]) of a registry host, which are tried first.
	// They are only pulled from, with their own credentials.
	Mirrors map[string][]string
	// Notify is called once for each mirror that cannot be used. Optional.
	Notify func(text string)
	// Getenv reads the environment: see [Client.Credentials], and HTTPS_PROXY, HTTP_PROXY and
	// NO_PROXY in either case. Loopback is never proxied.
	Getenv func(string) string
}

// ClientCert names PEM files. KeyFile is empty if the key is in CertFile.
type ClientCert struct{ CertFile, KeyFile string }

// Client accesses registries. It is safe for concurrent use.
type Client struct {
	mirrors  map[string][]endpoint
	insecure map[string]bool
	schemes  *schemeTransport
	waits    *waits
	http     *http.Client
	traffic  traffic
	sources  []source
	searched []string
}

// New validates opts and reads the credential files, so that errors are found before any work is
// done.
func New(opts Options) (*Client, error) {
	if opts.Getenv == nil {
		return nil, errors.New("registry client: Getenv is required")
	}
	c := &Client{insecure: map[string]bool{}}
	for _, host := range opts.InsecureRegistries {
		e, err := parseEndpoint(host)
		if err != nil || e.path != "" {
			return nil, fmt.Errorf("insecure registry %s: want host[:port], without scheme and path", quoteInput(host))
		}
		c.insecure[e.host] = true
	}
	var err error
	if c.mirrors, err = parseMirrors(opts.Mirrors); err != nil {
		return nil, err
	}
	if c.sources, c.searched, err = loadSources(opts.Getenv); err != nil {
		return nil, err
	}
	if c.schemes, err = newSchemeTransport(opts, c.insecure); err != nil {
		return nil, err
	}
	c.traffic.RoundTripper = c.schemes
	c.waits = newTransport(&c.traffic, newMirrorWatch(c.mirrors, opts.Notify))
	c.http = &http.Client{Transport: bodyCloser{c.waits}}
	return c, nil
}

// Hosts configures containerd's resolver and BuildKit. It contains no credentials: the engine
// requests them from its session.
func (c *Client) Hosts() docker.RegistryHosts {
	return func(host string) ([]docker.RegistryHost, error) {
		const read = docker.HostCapabilityPull | docker.HostCapabilityResolve
		var hosts []docker.RegistryHost
		for _, m := range c.mirrors[host] {
			hosts = append(hosts, c.registryHost(m, read))
		}
		const all = read | docker.HostCapabilityPush | docker.HostCapabilityReferrers
		return append(hosts, c.registryHost(endpoint{host: apiHost(host)}, all)), nil
	}
}

// registryHost uses the same client for all hosts: BuildKit fetches the tokens of all hosts of a
// registry with the client of the first one.
func (c *Client) registryHost(e endpoint, can docker.HostCapabilities) docker.RegistryHost {
	return docker.RegistryHost{
		Client:       c.http,
		Host:         e.host,
		Scheme:       "https",
		Path:         path.Join("/v2", e.path),
		Capabilities: can,
	}
}

// Names of Docker Hub: in references, on the wire, and as Docker's older credential key.
const (
	hubName  = "docker.io"
	hubAPI   = "registry-1.docker.io"
	hubIndex = "index.docker.io"
)

// apiHost returns the host that serves the API for the registry named in a reference.
func apiHost(host string) string {
	if host == hubName {
		return hubAPI
	}
	return host
}

// endpoint is a registry host with a path prefix.
type endpoint struct{ host, path string }

// parseEndpoint parses the start of a reference. It refuses a scheme instead of ignoring it,
// because http:// would be expected to have an effect.
func parseEndpoint(s string) (endpoint, error) {
	u, err := url.Parse("//" + s)
	if err == nil && strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		err = errors.New("several ports")
	}
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.Contains(s, "://") {
		return endpoint{}, fmt.Errorf("registry %s: want host[:port][/path], without scheme", quoteInput(s))
	}
	return endpoint{host: u.Host, path: strings.Trim(u.Path, "/")}, nil
}

// parseMirrors parses the hosts in sorted order, so that errors are deterministic.
func parseMirrors(mirrors map[string][]string) (map[string][]endpoint, error) {
	parsed := map[string][]endpoint{}
	for _, host := range slices.Sorted(maps.Keys(mirrors)) {
		of, err := parseEndpoint(host)
		if err != nil || of.path != "" {
			return nil, fmt.Errorf("mirror of registry %s: want host[:port], without scheme and path", quoteInput(host))
		}
		for _, mirror := range mirrors[host] {
			e, err := parseEndpoint(mirror)
			if err != nil {
				return nil, fmt.Errorf("mirror of %s: %w", host, err)
			}
			parsed[of.host] = append(parsed[of.host], e)
		}
	}
	return parsed, nil
}

// isLoopback reports whether the name of host[:port] is a loopback name or address.
func isLoopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	return loopback.IsHost(name)
}

// quoteInput quotes user input in an error, unless it may contain a password.
func quoteInput(s string) string {
	if _, after, found := strings.Cut(s, "@"); found &&
		(!strings.HasPrefix(after, "sha") || strings.Contains(after, "@")) {
		return "(not shown: there may be a password before the @)"
	}
	return fmt.Sprintf("%q", s)
}
