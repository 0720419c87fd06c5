// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registry knows how the builder talks to container registries.
//
// One [Client] serves our own reads ([Client.Resolve]) and the build engine,
// which gets the same endpoints ([Client.Hosts]) and the same credentials
// ([Client.Credentials]). Whoever sends a request, it passes the client's
// transport, which keeps these promises:
//
//   - a credential goes to the host[:port] that it was found for and nowhere else:
//     a redirect to another host does not carry it;
//   - nothing is sent by plain HTTP, and no certificate goes unverified, except for
//     loopback and for the hosts listed in [Options.InsecureRegistries];
//   - transient faults of reads are retried with backoff, once and in one place:
//     when the transport gives up, the layers above do not start again;
//   - what is no blob (manifest, token, error) is at most [MaxDocument] long.
//
// Errors are of type [*Error]. They name hosts, references and credential sources,
// never a credential and never the query of a URL.
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
	// InsecureRegistries are the hosts (host[:port], exactly as in a reference)
	// that are reached by TLS without verification or, if they do not speak TLS, by
	// plain HTTP. TLS is tried first.
	//
	// Loopback (localhost, 127.0.0.0/8, ::1) may be plain HTTP without being listed. TLS
	// is tried there first, too, and its certificate is verified.
	InsecureRegistries []string
	// ClientCerts are the client certificates for registries (host[:port]) that ask for
	// one. A certificate is shown to its registry only.
	ClientCerts map[string]ClientCert
	// CAFiles are PEM files with certificates to trust besides the system's.
	CAFiles []string
	// Mirrors lists, for a registry host, the mirrors (host[:port][/path]) that are
	// asked first. They are pulled from only, with credentials of their own.
	Mirrors map[string][]string
	// Notify is told, once for each, of mirrors that cannot be used. It may be nil.
	Notify func(text string)
	// Getenv reads the environment: see [Client.Credentials], and HTTPS_PROXY,
	// HTTP_PROXY and NO_PROXY in either case. Loopback is never proxied.
	Getenv func(string) string
}

// ClientCert names PEM files. KeyFile is empty if the key is in CertFile.
type ClientCert struct{ CertFile, KeyFile string }

// Client reaches registries. It is safe for concurrent use.
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

// New validates opts and reads the credential files, so that a mistake in either
// is known before any work is done.
func New(opts Options) (*Client, error) {
	if opts.Getenv == nil {
		return nil, errors.New("registry client: Getenv is required")
	}
	c := &Client{insecure: map[string]bool{}}
	for _, host := range opts.InsecureRegistries {
		e, err := parseEndpoint(host)
		if err != nil || e.path != "" {
			return nil, fmt.Errorf("insecure registry %s: want host[:port], without scheme and path", quote(host))
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

// Hosts tells containerd's resolver and BuildKit how a registry is reached. There
// are no credentials in it: the engine asks its session for them.
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

// registryHost gives every host the same client: BuildKit fetches the tokens of
// all hosts of a registry with the client of the first.
func (c *Client) registryHost(e endpoint, can docker.HostCapabilities) docker.RegistryHost {
	return docker.RegistryHost{
		Client:       c.http,
		Host:         e.host,
		Scheme:       "https",
		Path:         path.Join("/v2", e.path),
		Capabilities: can,
	}
}

// Names of Docker Hub: in references, on the wire, and as docker's older credential key.
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

// endpoint is a registry host with the path below which it serves.
type endpoint struct{ host, path string }

// parseEndpoint accepts what a reference may begin with. A scheme is refused, not
// dropped: whoever writes http:// there expects it to have a meaning.
func parseEndpoint(s string) (endpoint, error) {
	u, err := url.Parse("//" + s)
	if err == nil && strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		err = errors.New("several ports")
	}
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(s, "://") {
		return endpoint{}, fmt.Errorf("registry %s: want host[:port][/path], without scheme", quote(s))
	}
	return endpoint{host: u.Host, path: strings.Trim(u.Path, "/")}, nil
}

// parseMirrors goes through the hosts in order, so that of several mistakes the
// same one is reported each time.
func parseMirrors(mirrors map[string][]string) (map[string][]endpoint, error) {
	parsed := map[string][]endpoint{}
	for _, host := range slices.Sorted(maps.Keys(mirrors)) {
		of, err := parseEndpoint(host)
		if err != nil || of.path != "" {
			return nil, fmt.Errorf("mirror of registry %s: want host[:port], without scheme and path", quote(host))
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

// isLoopback reports whether host[:port] is this machine by its very name.
func isLoopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	return loopback.IsHost(name)
}

// quote shows user input in an error, unless a password may be in it.
func quote(s string) string {
	if _, after, found := strings.Cut(s, "@"); found && (!strings.HasPrefix(after, "sha") || strings.Contains(after, "@")) {
		return "(not shown, as there may be a password before the @)"
	}
	return fmt.Sprintf("%q", s)
}
