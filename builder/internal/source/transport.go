// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/net/http/httpproxy"
)

// A time-out for each phase of a request. A pack may take long, so it has none.
const (
	dialTimeout   = 15 * time.Second
	tlsTimeout    = 15 * time.Second
	headerTimeout = 2 * time.Minute
	maxRedirects  = 5
)

// errRedirect keeps credentials from a host that they are not for.
var errRedirect = errors.New("the server redirects to another host: use the repository's own URL")

// newSession connects to a repository. It changes no global state of go-git.
func newSession(spec Spec, opts Options, cred credential) (transport.UploadPackSession, error) {
	endpoint, err := transport.NewEndpoint(spec.url.String())
	if err != nil {
		return nil, errors.New("the source is not a valid Git URL")
	}
	if spec.url.Scheme == "ssh" {
		auth, err := sshAuth(cred.username, opts)
		if err != nil {
			return nil, err
		}
		return gitssh.DefaultClient.NewUploadPackSession(endpoint, auth)
	}
	client, err := httpClient(opts)
	if err != nil {
		return nil, err
	}
	var auth transport.AuthMethod
	if !cred.password.Empty() {
		auth = &githttp.BasicAuth{Username: cred.username, Password: cred.password.Reveal()}
	}
	return githttp.NewClient(client).NewUploadPackSession(endpoint, auth)
}

func httpClient(opts Options) (*http.Client, error) {
	roots, err := certPool(opts.CAFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		CheckRedirect: sameHost,
		Transport: &http.Transport{
			Proxy:                 proxy(opts.Getenv),
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: roots},
			TLSHandshakeTimeout:   tlsTimeout,
			ResponseHeaderTimeout: headerTimeout,
			DisableKeepAlives:     true,
		},
	}, nil
}

// sameHost follows redirects within a host, and from http to https on it.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	upgraded := first.Scheme == "http" && req.URL.Scheme == "https" && req.URL.Hostname() == first.Hostname()
	if !upgraded && (req.URL.Host != first.Host || req.URL.Scheme != first.Scheme) || len(via) > maxRedirects {
		return errRedirect
	}
	return nil
}

func proxy(getenv func(string) string) func(*http.Request) (*url.URL, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	choose := (&httpproxy.Config{
		HTTPProxy:  first("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: first("HTTPS_PROXY", "https_proxy"),
		NoProxy:    first("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	return func(req *http.Request) (*url.URL, error) { return choose(req.URL) }
}

func certPool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// sshAuth takes the key file, else the agent, and trusts known hosts only.
func sshAuth(user string, opts Options) (transport.AuthMethod, error) {
	if user == "" {
		user = defaultUsername
	}
	known, err := knownHosts(opts.Getenv)
	if err != nil {
		return nil, err
	}
	file := opts.SSHKeyFile
	if file == "" {
		file = opts.Getenv(envSSHKey)
	}
	if file != "" {
		keys, err := gitssh.NewPublicKeysFromFile(user, file, "")
		if err != nil {
			return nil, fmt.Errorf("read SSH key %s: it is no private key without passphrase", file)
		}
		keys.HostKeyCallback = known
		return keys, nil
	}
	conn, err := net.Dial("unix", opts.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, errors.New("there is no SSH key: set --git-ssh-key-file, or run an SSH agent")
	}
	signers := gitssh.PublicKeysCallback{User: user, Callback: agent.NewClient(conn).Signers}
	signers.HostKeyCallback = known
	return &signers, nil
}

func knownHosts(getenv func(string) string) (ssh.HostKeyCallback, error) {
	files := filepath.SplitList(getenv("SSH_KNOWN_HOSTS"))
	if len(files) == 0 {
		for _, file := range []string{filepath.Join(getenv("HOME"), ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there is no known_hosts file to check the server's key with: name one in SSH_KNOWN_HOSTS")
	}
	callback, err := gitssh.NewKnownHostsCallback(files...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	return callback, nil
}
