// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/limit"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// source is a decoded Docker configuration.
type source struct {
	// name is a path or the name of an environment variable.
	name    string
	auths   map[string]credential
	store   string
	helpers map[string]string
	// ignored are keys with a repository path, by host: see [Client.Credentials].
	ignored map[string]string
}

// authDocument is the part of Docker's config.json with credentials.
type authDocument struct {
	Auths       map[string]authEntry `json:"auths"`
	CredsStore  string               `json:"credsStore"`
	CredHelpers map[string]string    `json:"credHelpers"`
}

type authEntry struct {
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
}

// parseSource decodes Docker's config.json. Docker's own library would read DOCKER_AUTH_CONFIG from
// the process environment, print errors, and continue. Errors contain the position, never the
// content.
func parseSource(name string, data []byte) (source, error) {
	var doc authDocument
	if err := decodeJSON(data, &doc); err != nil {
		return source{}, fmt.Errorf("%s is not a Docker configuration: %w", name, err)
	}
	s := source{
		name:    name,
		store:   doc.CredsStore,
		auths:   map[string]credential{},
		helpers: map[string]string{},
		ignored: map[string]string{},
	}
	for key, entry := range doc.Auths {
		host, ok := hostOfKey(key)
		if !ok {
			s.ignored[hostBeforePath(key)] = key
			continue
		}
		c, err := entry.decodeLogin()
		if err != nil {
			return source{}, fmt.Errorf("%s: credentials for %s: %w", name, host, err)
		}
		c.source = name
		// A plain host name takes precedence over an older key that is a URL.
		if _, exists := s.auths[host]; !exists || key == host {
			s.auths[host] = c
		}
	}
	for key, helper := range doc.CredHelpers {
		if host, ok := hostOfKey(key); ok {
			s.helpers[host] = helper
		}
	}
	return s, nil
}

// decodeJSON decodes JSON. Its errors do not quote the input.
func decodeJSON(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(v)
	if err == nil && !errors.Is(dec.Decode(new(json.RawMessage)), io.EOF) {
		return fmt.Errorf("more than one JSON value, the second at byte %d", dec.InputOffset())
	}
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return fmt.Errorf("not valid JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrongType):
		return fmt.Errorf("a value of the wrong type at byte %d", wrongType.Offset)
	default:
		return errors.New("the JSON is incomplete")
	}
}

// decodeLogin decodes a login. As in Docker, an identity token takes precedence over a password, and
// auth over the separate fields.
func (e authEntry) decodeLogin() (credential, error) {
	if e.IdentityToken != "" {
		return credential{password: secret.New(e.IdentityToken)}, nil
	}
	if e.Auth == "" {
		return credential{username: e.Username, password: secret.New(e.Password)}, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return credential{}, errors.New("auth is not base64")
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok || username == "" {
		return credential{}, errors.New("auth is not the base64 of USER:PASSWORD")
	}
	return credential{username: username, password: secret.New(strings.Trim(password, "\x00"))}, nil
}

// hostOfKey returns the host of a key in auths, which is a host or the older form https://host/v1/.
// It returns false for a key with a repository path.
func hostOfKey(key string) (string, bool) {
	_, rest, hasScheme := strings.Cut(key, "://")
	if !hasScheme {
		rest = key
	}
	host, path, _ := strings.Cut(rest, "/")
	switch strings.Trim(path, "/") {
	case "", "v1", "v2":
		return credentialHost(host), host != "" && !strings.Contains(host, "@")
	}
	return "", false
}

// hostBeforePath returns the host of a key with a repository path, or "" if the key may contain a
// password.
func hostBeforePath(key string) string {
	host, _, _ := strings.Cut(key, "/")
	if strings.Contains(key, "@") || strings.Contains(key, "://") {
		return ""
	}
	return host
}

// findCredential prefers the helper of the host, then the general store, then the file itself.
func (s source) findCredential(ctx context.Context, host string) (credential, error) {
	host = credentialHost(host)
	helper := s.helpers[host]
	if helper == "" {
		helper = s.store
	}
	if helper == "" {
		return s.auths[host], nil
	}
	found, err := runHelper(ctx, helper, host)
	if err != nil {
		return credential{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if found.password.Empty() {
		return s.auths[host], nil
	}
	found.source = fmt.Sprintf("%s (docker-credential-%s)", s.name, helper)
	return found, nil
}

const (
	// helperTimeout allows for helpers that request a token from a cloud API.
	helperTimeout = 30 * time.Second
	// maxHelperAnswer is the maximum size of a helper's output in bytes.
	maxHelperAnswer = 64 << 10
	// helperNotFound is the output of helpers for an unknown host.
	helperNotFound = "credentials not found in native keychain"
	// helperToken is the user name that marks an identity token.
	helperToken = "<token>"
)

// runHelper runs docker-credential-NAME for a host. Errors never contain its output.
func runHelper(ctx context.Context, name, host string) (credential, error) {
	if name != strings.Map(helperRune, name) {
		return credential{}, fmt.Errorf("credential helper %q: not a name", name)
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	program := "docker-credential-" + name
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(helperKey(host))
	out := limit.Buffer{Subject: "answer", Max: maxHelperAnswer}
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return credential{}, fmt.Errorf("%s did not answer for %s within %v", program, host, helperTimeout)
		}
		if strings.TrimSpace(string(out.Bytes())) == helperNotFound {
			return credential{}, nil
		}
		return credential{}, fmt.Errorf("run %s for %s: %w", program, host, err)
	}
	var answer struct{ Username, Secret string }
	if err := decodeJSON(out.Bytes(), &answer); err != nil {
		return credential{}, fmt.Errorf("answer of %s for %s: %w", program, host, err)
	}
	if answer.Username == helperToken {
		answer.Username = ""
	}
	return credential{username: answer.Username, password: secret.New(answer.Secret)}, nil
}

// helperRune drops characters that are invalid in a helper's name, which becomes part of a program
// name.
func helperRune(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		return r
	}
	return -1
}

// helperKey returns the name under which Docker stores the credentials of a host.
func helperKey(host string) string {
	if host == hubIndex {
		return "https://index.docker.io/v1/"
	}
	return host
}
