// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxStderr limits how much of a server's error output is kept, in bytes.
const maxStderr = 4 << 10

// sshTransport accesses a repository over SSH. It does not read ~/.ssh/config.
type sshTransport struct {
	client  *ssh.Client
	agent   io.Closer
	remote  Endpoint
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  headBuffer
	// forget stops watching the context.
	forget func() bool
}

var _ transport = (*sshTransport)(nil)

func dialSSH(ctx context.Context, remote Endpoint, auth Auth, cred credential) (_ *sshTransport, err error) {
	port := remote.URL.Port()
	if port == "" {
		port = "22"
	}
	address := net.JoinHostPort(remote.URL.Hostname(), port)
	r := &sshTransport{agent: io.NopCloser(nil), remote: remote}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	config, err := r.newClientConfig(address, auth, cred)
	if err != nil {
		return nil, err
	}
	conn, err := dialWithIdleTimeout(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	r.forget = context.AfterFunc(ctx, func() { conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		conn.Close()
		return nil, explainSSH(err)
	}
	r.client = ssh.NewClient(c, channels, requests)
	return r, r.startUploadPack("")
}

// startUploadPack runs upload-pack on the server. It sets protocol as GIT_PROTOCOL, unless it is empty.
func (r *sshTransport) startUploadPack(protocol string) (err error) {
	if r.session, err = r.client.NewSession(); err != nil {
		return err
	}
	if protocol != "" {
		if err := r.session.Setenv("GIT_PROTOCOL", protocol); err != nil {
			return errNotV2 // servers accept only variables that their configuration names
		}
	}
	r.session.Stderr = &r.stderr
	if r.stdin, err = r.session.StdinPipe(); err != nil {
		return err
	}
	if r.stdout, err = r.session.StdoutPipe(); err != nil {
		return err
	}
	return r.session.Start(uploadCommand(r.remote))
}

// uploadCommand returns the command for the server's shell, with the path quoted as one word.
func uploadCommand(remote Endpoint) string {
	path := remote.URL.Path
	if remote.Relative {
		path = strings.TrimPrefix(path, "/")
	}
	return service + " '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// readReferences returns the server's error output as an error if there is no response.
func (r *sshTransport) readReferences(context.Context) (io.ReadCloser, error) {
	var first [1]byte
	if _, err := io.ReadFull(r.stdout, first[:]); err != nil {
		r.session.Wait() // wait for all of the error output
		if said := strings.TrimSpace(string(r.stderr.kept)); said != "" {
			err = errors.New("the server responded: " + said)
		}
		return nil, err
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(first[:]), r.stdout)), nil
}

// uploadRequest ignores a write error caused by the server closing early; the server has then
// sent a refusal, which the caller reads.
func (r *sshTransport) uploadRequest(_ context.Context, request []byte) (io.ReadCloser, error) {
	_, err := r.stdin.Write(request)
	if err == nil {
		err = r.stdin.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return io.NopCloser(r.stdout), nil
}

// uploadRequestV2 runs upload-pack again and skips its list of capabilities.
func (r *sshTransport) uploadRequestV2(ctx context.Context, request []byte) (io.ReadCloser, error) {
	r.session.Close() // it may have ended already
	if err := r.startUploadPack(gitProtocol); err != nil {
		return nil, err
	}
	line, err := readPacket(r.stdout)
	if err == nil && line != "version 2" {
		err = errNotV2
	}
	for lines := 0; err == nil && line != ""; lines++ {
		if lines > maxSectionLines {
			return nil, errNotV2
		}
		line, err = readPacket(r.stdout)
	}
	if err != nil {
		return nil, err
	}
	return r.uploadRequest(ctx, request)
}

// Close implements [io.Closer].
func (r *sshTransport) Close() error {
	if r.forget != nil {
		r.forget()
	}
	var err error
	if r.client != nil {
		err = r.client.Close()
	}
	return errors.Join(err, r.agent.Close())
}

// newClientConfig authenticates with the password in the URL, else the key file, else the agent. It accepts
// known hosts only.
func (r *sshTransport) newClientConfig(address string, auth Auth, cred credential) (*ssh.ClientConfig, error) {
	method, err := r.chooseAuthMethod(auth, cred)
	if err != nil {
		return nil, err
	}
	files, err := knownHostsFiles(auth.Getenv)
	if err != nil {
		return nil, err
	}
	known, err := gitssh.NewKnownHostsDb(files...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	return &ssh.ClientConfig{
		User:            cred.username.Reveal(),
		Auth:            []ssh.AuthMethod{method},
		HostKeyCallback: known.HostKeyCallback(),
		// A server may have keys of several types, of which only one is known.
		HostKeyAlgorithms: known.HostKeyAlgorithms(address),
	}, nil
}

func (r *sshTransport) chooseAuthMethod(auth Auth, cred credential) (ssh.AuthMethod, error) {
	if !cred.password.Empty() {
		return ssh.Password(cred.password.Reveal()), nil
	}
	file := auth.SSHKeyFile
	setting := "--git-ssh-key-file"
	if file == "" {
		file = auth.Getenv(envSSHKey)
		setting = envSSHKey
	}
	if file != "" {
		signer, err := readSSHKey(file)
		if err != nil {
			return nil, &FileError{Setting: setting, Err: err}
		}
		return ssh.PublicKeys(signer), nil
	}
	conn, err := net.Dial("unix", auth.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, errors.New("there is no SSH key: set --git-ssh-key-file, or run an SSH agent")
	}
	r.agent = conn
	return ssh.PublicKeysCallback(agent.NewClient(conn).Signers), nil
}

func readSSHKey(file string) (ssh.Signer, error) {
	key, err := secret.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey([]byte(key.Reveal()))
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("SSH key %s has a passphrase: put it into an SSH agent, or name a key without one", file)
	} else if err != nil {
		return nil, fmt.Errorf("SSH key %s is not a private key", file) // the parser's error may quote the key
	}
	return signer, nil
}

// knownHostsFiles returns the files in SSH_KNOWN_HOSTS, else those of the user and the system.
func knownHostsFiles(getenv func(string) string) ([]string, error) {
	files := filepath.SplitList(getenv("SSH_KNOWN_HOSTS"))
	if len(files) > 0 {
		return files, nil
	}
	candidates := []string{"/etc/ssh/ssh_known_hosts"}
	if home := getenv("HOME"); home != "" { // a relative path would be in the working directory
		candidates = append(candidates, filepath.Join(home, ".ssh/known_hosts"))
	}
	for _, file := range candidates {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, errors.New("there is no known_hosts file to check the server's key with: name one in SSH_KNOWN_HOSTS")
	}
	return files, nil
}

// explainSSH adds a remedy to the error of a handshake.
func explainSSH(err error) error {
	var key *knownhosts.KeyError
	switch {
	case errors.As(err, &key) && len(key.Want) == 0:
		return errors.New("no known_hosts file has the server's key: compare it with what its owner publishes, and add it")
	case errors.As(err, &key):
		return errors.New("the server's key is not the one in known_hosts: the connection may be intercepted, " +
			"or its owner changed it")
	case phrases.Says(err, notAuthenticated):
		return errors.New("the server rejects the user or the key: correct the user in the URL, or --git-ssh-key-file")
	}
	return err
}

// headBuffer keeps the first bytes written to it.
type headBuffer struct{ kept []byte }

func (h *headBuffer) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), maxStderr-len(h.kept))]...)
	return len(p), nil
}
