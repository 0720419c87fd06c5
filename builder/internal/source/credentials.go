// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Environment variables of this package.
const (
	envToken     = "BUILDER_GIT_TOKEN"
	envTokenFile = "BUILDER_GIT_TOKEN_FILE"
	envUsername  = "BUILDER_GIT_USERNAME"
	envSSHKey    = "BUILDER_GIT_SSH_KEY_FILE"
)

// maxNetrc is the size in bytes of the largest netrc that is read.
const maxNetrc = 1 << 20

// defaultUsername goes with a token where none is given: forges ignore it.
const defaultUsername = "git"

// EnvNames returns the variables with the builder's prefix that are read here.
func EnvNames() []string { return []string{envToken, envTokenFile, envUsername, envSSHKey} }

// credential is a user and a password or token, and where they were found.
type credential struct {
	username string
	password secret.Value
	origin   string
}

// describe names the credential in an error.
func (c credential) describe() string {
	if c.password.Empty() {
		return "a caller without credentials"
	}
	return "the credentials of " + c.origin
}

// clear removes the password from a text, also where it is encoded as in a URL.
func (c credential) clear(text string) string {
	plain := c.password.Reveal()
	if plain == "" {
		return text
	}
	for _, form := range []string{plain, url.QueryEscape(plain), url.PathEscape(plain), url.UserPassword("", plain).String()} {
		text = strings.ReplaceAll(text, form, secret.Mask)
	}
	return text
}

// credentials finds what to present to the host of a repository. The first that is
// there wins:
//
//  1. user-info in the URL;
//  2. [Options.Token];
//  3. BUILDER_GIT_TOKEN, BUILDER_GIT_TOKEN_FILE, with BUILDER_GIT_USERNAME;
//  4. the job token of the CI system, for the host of that system only: CI_JOB_TOKEN
//     of GitLab for CI_SERVER_HOST, GITHUB_TOKEN for the host of GITHUB_SERVER_URL;
//  5. the host's entry in NETRC, else in ~/.netrc.
//
// Repositories over SSH take the user of the URL, and keys.
func credentials(spec Spec, opts Options) (credential, error) {
	user := spec.username
	if user == "" {
		user = opts.Username
	}
	if user == "" {
		user = opts.Getenv(envUsername)
	}
	found := func(username string, password secret.Value, origin string) (credential, error) {
		for _, name := range []string{user, username, defaultUsername} {
			if name != "" {
				return credential{username: name, password: password, origin: origin}, nil
			}
		}
		return credential{}, nil
	}
	if !spec.password.Empty() {
		return found("", spec.password, "the URL")
	}
	if !opts.Token.Empty() {
		return found("", opts.Token, "the token file")
	}
	if token := opts.Getenv(envToken); token != "" {
		return found("", secret.New(token), envToken)
	}
	if path := opts.Getenv(envTokenFile); path != "" {
		token, err := secret.ReadFile(path)
		if err != nil {
			return credential{}, fmt.Errorf("%s: %w", envTokenFile, err)
		}
		return found("", token, envTokenFile)
	}
	if name, token, origin := jobToken(spec.url.Host, opts.Getenv); !token.Empty() {
		return found(name, token, origin)
	}
	name, password, err := fromNetrc(spec.url.Hostname(), opts.Getenv)
	if err != nil || !password.Empty() {
		c, _ := found(name, password, "netrc")
		return c, err
	}
	return credential{username: user}, nil
}

// jobToken returns the token of a CI job, which belongs to the CI system's own host.
func jobToken(host string, getenv func(string) string) (username string, token secret.Value, origin string) {
	if t := getenv("CI_JOB_TOKEN"); t != "" && strings.EqualFold(host, withPort(getenv("CI_SERVER_HOST"), getenv("CI_SERVER_PORT"))) {
		return "gitlab-ci-token", secret.New(t), "CI_JOB_TOKEN"
	}
	server, err := url.Parse(getenv("GITHUB_SERVER_URL"))
	if t := getenv("GITHUB_TOKEN"); t != "" && err == nil && strings.EqualFold(host, server.Host) && server.Host != "" {
		return "x-access-token", secret.New(t), "GITHUB_TOKEN"
	}
	return "", secret.Value{}, ""
}

// withPort adds a port that is not the one of https.
func withPort(host, port string) string {
	if host == "" || port == "" || port == "443" {
		return host
	}
	return host + ":" + port
}

// fromNetrc looks a host up in the file that curl and git also read.
func fromNetrc(host string, getenv func(string) string) (string, secret.Value, error) {
	path := getenv("NETRC")
	if path == "" {
		path = filepath.Join(getenv("HOME"), ".netrc")
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || getenv("NETRC") == "" && errors.Is(err, fs.ErrPermission) {
		return "", secret.Value{}, nil
	} else if err != nil {
		return "", secret.Value{}, fmt.Errorf("open netrc: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxNetrc+1))
	if err != nil {
		return "", secret.Value{}, fmt.Errorf("read netrc: %w", err)
	}
	if len(data) > maxNetrc {
		return "", secret.Value{}, fmt.Errorf("netrc %s is larger than %d bytes", path, maxNetrc)
	}
	login, password := lookupNetrc(string(data), host)
	return login, password, nil
}

// lookupNetrc returns login and password of the first entry for a host, or of the
// default entry. Macros end at an empty line and are skipped.
func lookupNetrc(text, host string) (login string, password secret.Value) {
	matching := false
	tokens := strings.Fields(withoutMacros(text))
	for i := 0; i < len(tokens); i++ {
		value := ""
		if i+1 < len(tokens) {
			value = tokens[i+1]
		}
		switch tokens[i] {
		case "machine", "default":
			if matching {
				return login, password
			}
			matching = tokens[i] == "default" || strings.EqualFold(value, host)
			if tokens[i] == "default" {
				continue
			}
		case "login":
			if matching {
				login = value
			}
		case "password":
			if matching {
				password = secret.New(value)
			}
		case "account":
		default:
			continue
		}
		i++
	}
	return login, password
}

func withoutMacros(text string) string {
	var kept []string
	skipping := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "macdef"):
			skipping = true
		case strings.TrimSpace(line) == "":
			skipping = false
		case !skipping:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
