// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/prismeai/workspaces-release/internal/loopback"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// Environment variables that this package reads.
const (
	envToken     = "BUILDER_GIT_TOKEN"
	envTokenFile = "BUILDER_GIT_TOKEN_FILE"
	envUsername  = "BUILDER_GIT_USERNAME"
	envSSHKey    = "BUILDER_GIT_SSH_KEY_FILE"
)

// defaultUsername accompanies a token if no user is known; forges ignore it. Over SSH, forges
// expect this user.
const defaultUsername = "git"

// EnvNames returns the variables with the builder's prefix that this package reads.
func EnvNames() []string { return []string{envToken, envTokenFile, envUsername, envSSHKey} }

// credential is a user name, a password or token, and the place where they were found. The zero
// value means anonymous access.
type credential struct {
	username, password secret.Value
	origin             string
}

// describeOrigin names the credential for error messages.
func (c credential) describeOrigin() string {
	if c.origin == "" {
		return "a caller without credentials"
	}
	return "the credentials of " + c.origin
}

// shortSecret is the length in bytes below which a secret is not masked, because it may occur in
// ordinary words.
const shortSecret = 4

// maskIn masks the credential in a text, in every encoding that requests use. It does not mask the
// default user name.
func (c credential) maskIn(text string) string {
	user := c.username.Reveal()
	password := c.password.Reveal()
	if c.origin != "" {
		pair := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		text = strings.ReplaceAll(text, pair, secret.Mask)
	}
	hidden := []string{password}
	if user != defaultUsername {
		hidden = append(hidden, user)
	}
	for _, plain := range hidden {
		query := url.QueryEscape(plain)
		spaced := strings.ReplaceAll(query, "+", "%20")
		for _, form := range []string{plain, query, spaced, url.PathEscape(plain), url.User(plain).String()} {
			if len(form) >= shortSecret {
				text = strings.ReplaceAll(text, form, secret.Mask)
			}
		}
	}
	return text
}

// findCredential returns the credential for the server of a repository. The first match wins:
//
//  1. user-info in the URL, where a user alone is taken as a token if no other source has a
//     password for that user;
//  2. [Auth.Token];
//  3. BUILDER_GIT_TOKEN, BUILDER_GIT_TOKEN_FILE;
//  4. the job token of the CI system, for the server of that system only: CI_JOB_TOKEN
//     of GitLab for CI_SERVER_HOST and CI_SERVER_PORT, GITHUB_TOKEN for GITHUB_SERVER_URL;
//  5. the host's entry in NETRC, else in ~/.netrc.
//
// The user name is that in the URL, else [Auth.Username], else BUILDER_GIT_USERNAME.
// findCredential returns an error if a credential would be sent unencrypted to another machine.
// Over SSH, only keys and the password in the URL are used.
func findCredential(remote Endpoint, auth Auth) (credential, error) {
	user := remote.Username.Reveal()
	if user == "" {
		user = cmp.Or(auth.Username, auth.Getenv(envUsername))
	}
	var cred credential
	var err error
	switch {
	case !remote.Password.Empty():
		cred = credential{password: remote.Password, origin: "the URL"}
	case remote.URL.Scheme != "ssh":
		cred, err = lookUpCredential(remote, user, auth)
	}
	if err != nil {
		return credential{}, err
	}
	if cred.origin == "" && !remote.Username.Empty() && remote.URL.Scheme != "ssh" {
		cred.origin = "the URL"
	}
	if cred.origin != "" && remote.URL.Scheme == "http" && !loopback.IsHost(remote.URL.Hostname()) {
		return credential{}, fmt.Errorf("%s would be sent without encryption: use https", cred.describeOrigin())
	}
	if cred.username.Empty() {
		cred.username = secret.New(cmp.Or(user, defaultUsername))
	}
	return cred, nil
}

// lookUpCredential looks for a credential outside of the URL. It sets the user name only if the
// credential requires a particular one.
func lookUpCredential(remote Endpoint, user string, auth Auth) (credential, error) {
	if !auth.Token.Empty() {
		return credential{password: auth.Token, origin: "the token file"}, nil
	}
	if token := auth.Getenv(envToken); token != "" {
		return credential{password: secret.New(token), origin: envToken}, nil
	}
	if path := auth.Getenv(envTokenFile); path != "" {
		token, err := secret.ReadFile(path)
		if err != nil {
			return credential{}, fmt.Errorf("%s: %w", envTokenFile, err)
		}
		return credential{password: token, origin: envTokenFile}, nil
	}
	if cred := findJobToken(remote.URL, auth.Getenv); cred.origin != "" {
		return cred, nil
	}
	logins, err := readNetrc(auth.Getenv)
	if err != nil {
		return credential{}, err
	}
	if l, ok := findLogin(logins, remote.URL.Hostname(), user); ok {
		return credential{username: secret.New(l.username), password: l.password, origin: "netrc"}, nil
	}
	return credential{}, nil
}

// findJobToken returns the token of a CI job if the repository is on the CI system's own server.
func findJobToken(repository *url.URL, getenv func(string) string) credential {
	server := normalizeHost(repository)
	gitlab := getenv("CI_SERVER_HOST")
	if port := cmp.Or(getenv("CI_SERVER_PORT"), "443"); gitlab != "" {
		gitlab = net.JoinHostPort(strings.ToLower(gitlab), port)
	}
	if token := getenv("CI_JOB_TOKEN"); token != "" && server == gitlab {
		return credential{username: secret.New("gitlab-ci-token"), password: secret.New(token), origin: "CI_JOB_TOKEN"}
	}
	github, err := url.Parse(getenv("GITHUB_SERVER_URL"))
	if token := getenv("GITHUB_TOKEN"); token != "" && err == nil && server == normalizeHost(github) {
		return credential{username: secret.New("x-access-token"), password: secret.New(token), origin: "GITHUB_TOKEN"}
	}
	return credential{}
}

// normalizeHost returns the normalized host and port of a URL, for comparison.
func normalizeHost(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
