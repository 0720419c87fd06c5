// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// sshSetup is a server, a key that it accepts, and a known_hosts file with its host key.
type sshSetup struct {
	*gittest.SSHServer
	key, known string
}

func newSSH(t *testing.T, opts gittest.SSHOptions) sshSetup {
	t.Helper()
	signer, text := gittest.NewKey(t)
	opts.User, opts.Key = "git", signer.PublicKey()
	server := gittest.ServeSSH(t, gittest.Shop(t), opts)
	key := filepath.Join(gittest.WriteFiles(t, map[string]string{"id": string(text)}), "id")
	return sshSetup{SSHServer: server, key: key, known: server.KnownHosts(t, server.HostKey())}
}

func (s sshSetup) url() string { return "ssh://git@" + s.Host() + gittest.Path }

func TestSSHKeys(t *testing.T) {
	s := newSSH(t, gittest.SSHOptions{})
	for name, opts := range map[string]Auth{
		"option":      {SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.known)},
		"environment": {Getenv: gittest.Environment(envSSHKey, s.key, "SSH_KNOWN_HOSTS", s.known)},
		"agent":       {Getenv: gittest.Environment("SSH_AUTH_SOCK", startAgent(t, s.key), "SSH_KNOWN_HOSTS", s.known)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(t, s.url(), opts); got != "name: Shop\n" {
				t.Errorf("content %q", got)
			}
		})
	}
	t.Run("user by default", func(t *testing.T) {
		opts := Auth{SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.known, envToken, "unused", "NETRC",
			"/unused")}
		if got := read(t, strings.Replace(s.url(), "git@", "", 1), opts); got != "name: Shop\n" {
			t.Errorf("content %q", got)
		}
	})
	for _, upload := range s.Uploads() {
		if !upload.Shallow || upload.Commits != 1 {
			t.Errorf("the server has sent %+v", upload)
		}
	}
}

// startAgent serves a key as an SSH agent and returns the path of its socket.
func startAgent(t *testing.T, keyFile string) string {
	t.Helper()
	data, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			agent.ServeAgent(ring, conn) // ends when the client closes its connection
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-served
	})
	return socket
}

func TestSSHPasswordOfTheURL(t *testing.T) {
	server := gittest.ServeSSH(t, gittest.Shop(t), gittest.SSHOptions{User: "ann", Password: "canary"})
	opts := Auth{Getenv: gittest.Environment("SSH_KNOWN_HOSTS", server.KnownHosts(t, server.HostKey()))}
	url := "ssh://ann:canary@" + server.Host() + gittest.Path
	if got := read(t, url, opts); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	err := fetchError(t, strings.Replace(url, "ann", "bob", 1), opts, "rejects the user or the key")
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the password is in %q", err)
	}
}

func TestSSHRefusals(t *testing.T) {
	s := newSSH(t, gittest.SSHOptions{})
	stranger, text := gittest.NewKey(t)
	dir := gittest.WriteFiles(t, map[string]string{
		"stranger": string(text), "locked": lockedKey(t), "none": "canary", "empty": "",
		"home/.ssh/known_hosts": "", "broken": "canary\n",
	})
	other := s.KnownHosts(t, stranger.PublicKey())
	t.Chdir(filepath.Join(dir, "home")) // the known_hosts file there must be ignored
	for _, test := range []struct {
		name, key, known, home string
		want                   []string
	}{
		{"unknown host", s.key, filepath.Join(dir, "empty"), "", []string{"no known_hosts file has the server's key", "add it"}},
		{"unknown host, by home", s.key, "", filepath.Join(dir, "home"), []string{"no known_hosts file has the server's key"}},
		{"other host key", s.key, other, "", []string{"the server's key is not the one in known_hosts"}},
		{"no known hosts", s.key, "", "", []string{"no known_hosts file", "SSH_KNOWN_HOSTS"}},
		{"absent known hosts", s.key, filepath.Join(dir, "absent"), "", []string{"known_hosts"}},
		{"broken known hosts", s.key, filepath.Join(dir, "broken"), "", []string{"read known hosts"}},
		{"other key", filepath.Join(dir, "stranger"), s.known, "", []string{"rejects the user or the key", "--git-ssh-key-file"}},
		{"locked key", filepath.Join(dir, "locked"), s.known, "", []string{"has a passphrase", "agent"}},
		{"no key", filepath.Join(dir, "none"), s.known, "", []string{"is not a private key"}},
		{"absent key", filepath.Join(dir, "absent"), s.known, "", []string{"read SSH key", "absent"}},
		{"neither key nor agent", "", s.known, "", []string{"there is no SSH key", "--git-ssh-key-file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.known == "" {
				if _, err := os.Stat("/etc/ssh/ssh_known_hosts"); err == nil && test.home == "" {
					needs.Machine(t, "a system without /etc/ssh/ssh_known_hosts")
				}
			}
			opts := Auth{SSHKeyFile: test.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", test.known, "HOME", test.home)}
			if err := fetchError(t, s.url(), opts, test.want...); strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows a file: %v", err)
			}
		})
	}
	if got := s.Commands(); len(got) > 0 {
		t.Errorf("commands %v were run", got)
	}
}

func lockedKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("canary"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// If a server has keys of several types, one known type is enough.
func TestSSHHostKeyOfOneType(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := gittest.NewKey(t)
	s := newSSH(t, gittest.SSHOptions{HostKeys: []ssh.Signer{first, second}})
	for _, key := range []ssh.Signer{first, second} {
		opts := Auth{SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.KnownHosts(t, key.PublicKey()))}
		if got := read(t, s.url(), opts); got != "name: Shop\n" {
			t.Errorf("with the key of type %s: content %q", key.PublicKey().Type(), got)
		}
	}
}

// The path is a single word for the server's shell, and relative only in user@host:path.
func TestSSHCommand(t *testing.T) {
	for path, want := range map[string]string{
		"/org/repo.git":     "git-upload-pack '/org/repo.git'",
		"/a%20b":            "git-upload-pack '/a b'",
		"/~ann/repo":        "git-upload-pack '/~ann/repo'",
		"/x'%3Brm%20-rf%20": `git-upload-pack '/x'\'';rm -rf '`,
	} {
		s := newSSH(t, gittest.SSHOptions{Command: want})
		opts := Auth{SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.known)}
		if got := read(t, "ssh://git@"+s.Host()+path, opts); got != "name: Shop\n" {
			t.Errorf("%s: content %q, commands %q", path, got, s.Commands())
		}
	}
	// This notation has no port, so compare the command that would run.
	for source, relative := range map[string]bool{"git@host:org/repo.git": true, "git@host:/org/repo.git": false,
		"ssh://git@host/org/repo.git": false} {
		if got := uploadCommand(parse(t, source)); got != "git-upload-pack '"+strings.TrimPrefix("/org/repo.git",
			map[bool]string{true: "/"}[relative])+"'" {
			t.Errorf("%s runs %s", source, got)
		}
	}
}

func TestSSHServersThatSayNo(t *testing.T) {
	s := newSSH(t, gittest.SSHOptions{})
	opts := Auth{SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.known)}
	fetchError(t, s.url()+"x", opts, "the server responded: fatal:", "no such repository")
	fetchError(t, s.url()+"#nope", opts, `no branch and no tag "nope"`)
	fetchError(t, s.url()+"#"+strings.Repeat("ab", 20), opts, "not our ref")
}

// The end of the context closes a connection to a silent server.
func TestSSHCancelled(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by hand")
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := listener.Accept(); err == nil {
			cancel(stop)
			accepted <- conn
		}
	}()
	s := newSSH(t, gittest.SSHOptions{})
	opts := Auth{SSHKeyFile: s.key, Getenv: gittest.Environment("SSH_KNOWN_HOSTS", s.known)}
	if _, err := fetch(ctx, t, "ssh://git@"+listener.Addr().String()+"/r", opts); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	(<-accepted).Close()
}

func TestErrorOutputIsBounded(t *testing.T) {
	var h headBuffer
	for range 3 {
		if n, err := h.Write(make([]byte, maxStderr/2+1)); n != maxStderr/2+1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(h.kept) != maxStderr {
		t.Errorf("%d bytes are kept", len(h.kept))
	}
}
