// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// maxAuthFile is the maximum size of a credential file in bytes.
const maxAuthFile = 1 << 20

// Environment variables that contain or name credentials.
const (
	envDockerAuth   = "DOCKER_AUTH_CONFIG"
	envRegistryAuth = "REGISTRY_AUTH_FILE"
	envDockerDir    = "DOCKER_CONFIG"
	envJobRegistry  = "CI_REGISTRY"
	envJobUser      = "CI_REGISTRY_USER"
	envJobPassword  = "CI_REGISTRY_PASSWORD"
)

// Credentials returns the credentials for a host: a user and a password, or an empty user and an
// identity token. Both are empty if no source has credentials for the host.
//
// The first source with credentials for the host wins:
//
//  1. DOCKER_AUTH_CONFIG, which contains JSON, as GitLab CI sets it for jobs;
//  2. the file in REGISTRY_AUTH_FILE, as for podman and skopeo;
//  3. config.json in DOCKER_CONFIG, else in ~/.docker;
//  4. ${XDG_RUNTIME_DIR}/containers/auth.json, where podman login writes;
//  5. CI_REGISTRY_USER and CI_REGISTRY_PASSWORD, for the registry of a GitLab project,
//     which CI_REGISTRY names.
//
// Within a source, credHelpers of the host come first, then credsStore, then auths. Only configured
// helpers (docker-credential-NAME) are run. A source that exists but cannot be read is an error of
// [New].
//
// Credentials are looked up by host[:port]; all names of Docker Hub are the same host. Keys with a
// repository path are ignored: the engine requests credentials for hosts, and a key for one
// repository must not be used for others.
func (c *Client) Credentials(ctx context.Context, host string) (username string, password secret.Value, err error) {
	found, err := c.findCredential(ctx, host)
	if err != nil {
		return "", secret.Value{}, err
	}
	return found.username, found.password, nil
}

// credential is a login for a host.
type credential struct {
	username string
	password secret.Value
	// source is its origin, for messages.
	source string
}

// findCredential searches the sources in order. An error ends the search, because continuing would use
// another identity than the configured one.
func (c *Client) findCredential(ctx context.Context, host string) (credential, error) {
	for _, s := range c.sources {
		found, err := s.findCredential(ctx, host)
		if err != nil {
			return credential{}, &Error{Kind: Credentials, Host: host, Err: err}
		}
		if !found.password.Empty() {
			return found, nil
		}
	}
	return credential{}, nil
}

// adviseAuthFile adds a remedy to the error of a file that the user may not read, as with the HOME of
// another user in a container.
func adviseAuthFile(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; set HOME or DOCKER_CONFIG to a directory that this user can read", err)
}

// loadSources reads all sources in order of precedence. searched names them, including absent ones,
// for messages that say where to put a credential.
func loadSources(getenv func(string) string) (sources []source, searched []string, err error) {
	add := func(s source, err error) error {
		if err == nil {
			sources = append(sources, s)
		}
		return err
	}
	searched = append(searched, envDockerAuth)
	if value := getenv(envDockerAuth); strings.TrimSpace(value) != "" {
		if err := add(parseSource(envDockerAuth, []byte(value))); err != nil {
			return nil, nil, &Error{Kind: Credentials, Err: err}
		}
	}
	for _, f := range authFiles(getenv) {
		searched = append(searched, f.path)
		data, err := limit.ReadFile(f.path, maxAuthFile)
		if errors.Is(err, fs.ErrNotExist) && !f.required {
			continue
		}
		if err == nil {
			err = add(parseSource(f.path, data))
		}
		if err != nil {
			return nil, nil, &Error{Kind: Credentials, Err: fmt.Errorf("read credentials: %w", adviseAuthFile(err))}
		}
	}
	if host := getenv(envJobRegistry); host != "" {
		searched = append(searched, envJobPassword)
		sources = append(sources, jobSource(host, getenv))
	}
	return sources, searched, nil
}

// jobSource returns the credentials that GitLab gives a job for the project's registry.
func jobSource(host string, getenv func(string) string) source {
	c := credential{username: getenv(envJobUser), password: secret.New(getenv(envJobPassword)), source: envJobPassword}
	return source{name: envJobPassword, auths: map[string]credential{credentialHost(host): c}}
}

type authFile struct {
	path string
	// required is set for an explicitly configured file, which must exist.
	required bool
}

// authFiles lists the files in order of precedence. As for Docker, DOCKER_CONFIG replaces the file
// in the home directory.
func authFiles(getenv func(string) string) []authFile {
	var files []authFile
	if path := getenv(envRegistryAuth); path != "" {
		files = append(files, authFile{path: path, required: true})
	}
	if dir := getenv(envDockerDir); dir != "" {
		files = append(files, authFile{path: filepath.Join(dir, "config.json")})
	} else if home := getenv("HOME"); home != "" {
		files = append(files, authFile{path: filepath.Join(home, ".docker", "config.json")})
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		files = append(files, authFile{path: filepath.Join(dir, "containers", "auth.json")})
	}
	return files
}

// credentialHost returns the canonical host for credentials.
func credentialHost(host string) string {
	switch host {
	case hubName, hubAPI:
		return hubIndex
	}
	return host
}
