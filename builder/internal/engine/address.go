// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/connhelper"
	"github.com/moby/buildkit/client/connhelper/dockercontainer"
	"github.com/moby/buildkit/client/connhelper/kubepod"
	"github.com/moby/buildkit/client/connhelper/podmancontainer"
	"github.com/moby/buildkit/client/connhelper/ssh"

	"github.com/prismeai/workspaces-release/internal/loopback"
)

// alertTimeout limits how long alert looks for the reason of a refused connection.
const alertTimeout = 5 * time.Second

// RemoteOptions configure the connection to a BuildKit daemon.
type RemoteOptions struct {
	// Address is a URL: unix:///socket, tcp://host:port, docker-container://name,
	// podman-container://name, kube-pod://name or ssh://host. All schemes except unix and tcp run a
	// client program on this machine, and buildctl next to the daemon.
	Address string
	// CAFile holds the CA certificates that verify the daemon, instead of the system's.
	CAFile string
	// CertFile and KeyFile are the client certificate and its key.
	CertFile, KeyFile string
	// ServerName is the name in the daemon's certificate. The default is the host in Address.
	ServerName string
	// Insecure allows tcp without TLS to other machines. The content of the build and registry
	// credentials then cross the network unencrypted.
	Insecure bool
}

// Remote is a BuildKit daemon whose options have been validated.
type Remote struct {
	opts RemoteOptions
	url  *url.URL
	tls  *tls.Config // nil without TLS
}

// String returns the address, which never contains a password.
func (r *Remote) String() string { return r.opts.Address }

// findHelper returns the connection helper of a scheme, or nil if the scheme needs none.
func findHelper(scheme string) func(*url.URL) (*connhelper.ConnectionHelper, error) {
	switch scheme {
	case "docker-container":
		return dockercontainer.Helper
	case "podman-container":
		return podmancontainer.Helper
	case "kube-pod":
		return kubepod.Helper
	case "ssh":
		return ssh.Helper
	}
	return nil
}

// NewRemote validates the options and reads the certificates. It does not connect.
func NewRemote(opts RemoteOptions) (*Remote, error) {
	u, err := url.Parse(opts.Address)
	if err != nil {
		return nil, errors.New(
			"the address of BuildKit is not a URL such as unix:///run/buildkit/buildkitd.sock or tcp://host:port",
		)
	}
	if _, ok := u.User.Password(); ok {
		return nil, errors.New("the address of BuildKit must not hold a password")
	}
	r := &Remote{opts: opts, url: u}
	if r.tls, err = opts.newTLSConfig(); err == nil {
		err = r.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("BuildKit at %s: %w", opts.Address, err)
	}
	return r, nil
}

func (r *Remote) validate() error {
	switch h := findHelper(r.url.Scheme); {
	case r.tls != nil && r.url.Scheme != "tcp":
		return errors.New("certificates are for tcp:// only")
	case h != nil:
		_, err := h(r.url)
		return err
	case r.url.Scheme == "unix" && r.url.Path == "":
		return errors.New("the address has no path of a socket, as unix:///run/buildkit/buildkitd.sock has")
	case r.url.Scheme == "unix":
		return nil
	case r.url.Scheme != "tcp":
		return fmt.Errorf("%q is not one of unix, tcp, docker-container, podman-container, kube-pod and ssh", r.url.Scheme)
	}
	if _, _, err := net.SplitHostPort(r.url.Host); err != nil || r.url.User != nil {
		return errors.New("the address is not tcp://host:port")
	}
	if r.tls == nil && !r.opts.Insecure && !loopback.IsHost(r.url.Hostname()) {
		return errors.New("registry credentials would cross the network in the clear: " +
			"give the daemon's authority with --buildkit-tlscacert, or allow it with --buildkit-insecure")
	}
	return nil
}

// newTLSConfig returns the TLS configuration, or nil if no TLS option is set.
func (o RemoteOptions) newTLSConfig() (*tls.Config, error) {
	if o.CAFile == "" && o.CertFile == "" && o.KeyFile == "" && o.ServerName == "" {
		return nil, nil
	}
	config := &tls.Config{ServerName: o.ServerName, NextProtos: []string{"h2"}}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return nil, errors.New("a client's certificate and its key go together: --buildkit-tlscert and --buildkit-tlskey")
	}
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", o.CAFile)
		}
	}
	return config, nil
}

// newClient returns a client that connects with its first call.
func (r *Remote) newClient(ctx context.Context) (*client.Client, error) {
	var opts []client.ClientOpt
	if h := findHelper(r.url.Scheme); h != nil {
		connection, err := h(r.url)
		if err != nil {
			return nil, err
		}
		opts = append(opts, client.WithContextDialer(connection.ContextDialer))
	}
	if r.tls != nil {
		opts = append(opts, client.WithCredentials(r.opts.CertFile, r.opts.KeyFile))
		if r.opts.CAFile == "" {
			opts = append(opts, client.WithServerConfigSystem(r.opts.ServerName))
		} else {
			opts = append(opts, client.WithServerConfig(r.opts.ServerName, r.opts.CAFile))
		}
	}
	return client.New(ctx, r.opts.Address, opts...)
}

// explainConnection adds a remedy to a connection error.
func (r *Remote) explainConnection(ctx context.Context, err error) error {
	if alert := r.findTLSAlert(ctx); alert != nil {
		err = alert
	}
	remedy, known := remedies.Find(err)
	if !known {
		remedy = "check the address, and that the daemon runs"
	}
	return fmt.Errorf("no connection to BuildKit at %s: %w; %s", r, err, remedy)
}

// findTLSAlert performs a TLS handshake with the daemon and returns the reason of its refusal. gRPC may
// report a closed connection without having read the TLS alert.
func (r *Remote) findTLSAlert(ctx context.Context) error {
	if r.tls == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, alertTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: r.tls}).DialContext(ctx, "tcp", r.url.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(alertTimeout)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

func (r *Remote) explainTooOld(err error) error {
	return fmt.Errorf("BuildKit at %s lacks what a release needs, use v0.13 or later: %w", r, err)
}
