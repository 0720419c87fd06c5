// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
)

const (
	tokenUser     = "ci"
	tokenPassword = "canary-password-of-tokens"
	tokenIssuer   = "test issuer"
)

// tokenServer issues tokens for Distribution's registry, and passes all other requests on to the
// registry.
type tokenServer struct {
	signer   tls.Certificate
	registry http.Handler
	// oneScope refuses requests for several scopes.
	oneScope bool

	mu      sync.Mutex
	issued  int
	refused int
}

// ServeHTTP implements [http.Handler].
func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		s.serveToken(w, r)
		return
	}
	s.registry.ServeHTTP(w, r)
}

func (s *tokenServer) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		user = r.PostForm.Get("username")
		password = r.PostForm.Get("password")
	}
	if user != tokenUser || password != tokenPassword {
		http.Error(w, "wrong login", http.StatusUnauthorized)
		return
	}
	scopes := strings.Fields(strings.Join(r.Form["scope"], " "))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.oneScope && len(scopes) > 1 {
		s.refused++
		http.Error(w, "only one scope", http.StatusForbidden)
		return
	}
	s.issued++
	token, err := s.sign(scopes, s.issued)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, `{"token":%q,"access_token":%q,"expires_in":300}`, token, token)
}

// sign returns a JSON Web Token with an ECDSA signature.
func (s *tokenServer) sign(scopes []string, id int) (string, error) {
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	allowed := []access{}
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		name, actions, _ := strings.Cut(rest, ":")
		allowed = append(allowed, access{kind, name, strings.Split(actions, ",")})
	}
	now := time.Now().Unix()
	certificate := base64.StdEncoding.EncodeToString(s.signer.Certificate[0])
	header := map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{certificate}}
	claims := map[string]any{
		"iss": tokenIssuer, "aud": publicName, "sub": tokenUser, "jti": fmt.Sprint(id),
		"iat": now, "nbf": now - 10, "exp": now + 300, "access": allowed,
	}
	var parts []string
	for _, part := range []any{header, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(data))
	}
	signed := strings.Join(parts, ".")
	hash := sha256.Sum256([]byte(signed))
	x, y, err := ecdsa.Sign(rand.Reader, s.signer.PrivateKey.(*ecdsa.PrivateKey), hash[:])
	if err != nil {
		return "", err
	}
	signature := append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// newTokenServer starts a token server and nginx in front of Distribution's registry.
func newTokenServer(t *testing.T, server *tokenServer) *behindNginx {
	t.Helper()
	storage := t.TempDir()
	// This one requires no login, and serves the same storage.
	b := &behindNginx{files: tlstest.New(t, publicName), registry: foreigntest.Distribution(t, storage, "")}
	seedBase(t, b.registry)
	signer, err := tls.LoadX509KeyPair(b.files.ClientCert, b.files.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	server.signer = signer
	login := fmt.Sprintf("{token: {realm: https://%s/token, service: %s, issuer: %s, rootcertbundle: %s}}",
		publicName, publicName, tokenIssuer, b.files.CA)
	protected := foreigntest.Distribution(t, storage, login)
	server.registry = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: protected})
	front := httptest.NewServer(server)
	t.Cleanup(front.Close)
	b.Nginx = foreigntest.StartNginx(t, b.files, strings.TrimPrefix(front.URL, "http://"), "", unlimited)
	proxy := httptest.NewServer(tunnel(b.Address))
	t.Cleanup(proxy.Close)
	auth := base64.StdEncoding.EncodeToString([]byte(tokenUser + ":" + tokenPassword))
	b.env = map[string]string{
		"HTTPS_PROXY":        proxy.URL,
		"DOCKER_AUTH_CONFIG": fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, publicName, auth),
	}
	return b
}

// TestTokensOfDistribution pushes to a registry with a token server, and to one whose
// token server allows one scope at a time: it refuses to mount, so the base is copied.
func TestTokensOfDistribution(t *testing.T) {
	for _, test := range []struct {
		name   string
		server *tokenServer
	}{
		{name: "several scopes at a time", server: &tokenServer{}},
		{name: "one scope at a time", server: &tokenServer{oneScope: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTokenServer(t, test.server)
			p := b.push(t, 0)
			if out := p.stdout.String() + p.stderr.String(); strings.Contains(out, tokenPassword) {
				t.Errorf("it prints the password:\n%s", out)
			}
			if _, err := b.pushed(t); err != nil {
				t.Error(err)
			}
			if test.server.issued == 0 || test.server.oneScope != (test.server.refused > 0) {
				t.Errorf("%d tokens issued, %d refused", test.server.issued, test.server.refused)
			}
		})
	}
}
