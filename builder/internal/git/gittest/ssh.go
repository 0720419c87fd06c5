// SPDX-License-Identifier: AGPL-3.0-or-later

package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHOptions configure an [SSHServer]. The zero value rejects all clients.
type SSHOptions struct {
	// HostKeys are the server's host keys. If there are none, one is generated.
	HostKeys []ssh.Signer
	// User logs in with Key or with Password, if they are set.
	User     string
	Key      ssh.PublicKey
	Password string
	// Command is the only command that runs; empty for upload-pack of [Path].
	Command string
	// Without lists capabilities that the server lacks.
	Without []capability.Capability
}

// SSHServer is a server of Git over SSH.
type SSHServer struct {
	uploads
	opts     SSHOptions
	config   *ssh.ServerConfig
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	open     []net.Conn
	closed   bool
	commands []string
}

// NewKey generates a private key and returns a signer and the content of its key file.
func NewKey(t testing.TB) (ssh.Signer, []byte) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// ServeSSH starts a server and stops it when the test ends.
func ServeSSH(t testing.TB, repository *Repository, opts SSHOptions) *SSHServer {
	t.Helper()
	if len(opts.HostKeys) == 0 {
		key, _ := NewKey(t)
		opts.HostKeys = []ssh.Signer{key}
	}
	if opts.Command == "" {
		opts.Command = "git-upload-pack '" + Path + "'"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &SSHServer{uploads: uploads{repository: repository, without: opts.Without}, opts: opts, listener: listener}
	s.config = &ssh.ServerConfig{PublicKeyCallback: s.checkKey, PasswordCallback: s.checkPassword}
	for _, key := range opts.HostKeys {
		s.config.AddHostKey(key)
	}
	s.running.Go(s.acceptConnections)
	t.Cleanup(s.close)
	return s
}

// Host returns the host and port of the server.
func (s *SSHServer) Host() string { return s.listener.Addr().String() }

// KnownHosts writes a known_hosts file that lists keys for the server, and returns its path.
func (s *SSHServer) KnownHosts(t testing.TB, keys ...ssh.PublicKey) string {
	t.Helper()
	var text []byte
	for _, key := range keys {
		text = fmt.Appendln(text, knownhosts.Line([]string{s.Host()}, key))
	}
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// HostKey returns the server's first host key.
func (s *SSHServer) HostKey() ssh.PublicKey { return s.opts.HostKeys[0].PublicKey() }

// Commands returns the commands that clients requested.
func (s *SSHServer) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

var errRefused = errors.New("refused")

func (s *SSHServer) checkKey(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if c.User() == s.opts.User && s.opts.Key != nil && string(key.Marshal()) == string(s.opts.Key.Marshal()) {
		return nil, nil
	}
	return nil, errRefused
}

func (s *SSHServer) checkPassword(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	if c.User() == s.opts.User && s.opts.Password != "" && string(password) == s.opts.Password {
		return nil, nil
	}
	return nil, errRefused
}

func (s *SSHServer) acceptConnections() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.open = append(s.open, conn); s.closed {
			conn.Close()
		}
		s.mu.Unlock()
		s.running.Go(func() { s.serveConnection(conn) })
	}
}

func (s *SSHServer) close() {
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for _, conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *SSHServer) serveConnection(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	s.running.Go(func() { ssh.DiscardRequests(requests) })
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		s.serveSession(channel, requests)
	}
}

// serveSession runs one command.
func (s *SSHServer) serveSession(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var exec struct{ Command string }
		if request.Type != "exec" || ssh.Unmarshal(request.Payload, &exec) != nil {
			request.Reply(false, nil)
			continue
		}
		s.mu.Lock()
		s.commands = append(s.commands, exec.Command)
		s.mu.Unlock()
		request.Reply(true, nil)
		status := struct{ Status uint32 }{}
		if exec.Command != s.opts.Command {
			fmt.Fprintf(channel.Stderr(), "fatal: %s: no such repository\n", exec.Command)
			status.Status = 128
		} else if err := errors.Join(s.writeReferences(channel, false), s.answerRequest(channel, channel)); err != nil {
			status.Status = 1
		}
		channel.SendRequest("exit-status", false, ssh.Marshal(status))
		return
	}
}
