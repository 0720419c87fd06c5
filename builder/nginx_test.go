// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/foreigntest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// publicName is the name of a registry that is not loopback, so plain HTTP is forbidden. A proxy
// leads to it.
const publicName = "registry.example.com"

// seedBase pushes a base image for two platforms to a loopback registry.
func seedBase(t *testing.T, host string) {
	t.Helper()
	from := registrytest.New(t, registrytest.Options{})
	index, err := remote.Index(parseReference(t, pushBase(t, from)))
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(parseReference(t, host+"/prismeai-workspaces:v1"), index); err != nil {
		t.Fatal(err)
	}
}

func parseReference(t *testing.T, text string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// behindNginx starts Distribution's registry behind nginx, which terminates TLS.
type behindNginx struct {
	*foreigntest.Nginx
	files    *tlstest.Files
	registry string
	env      map[string]string
}

func newBehindNginx(t *testing.T, settings, rules string) *behindNginx {
	t.Helper()
	b := &behindNginx{files: tlstest.New(t, publicName), registry: foreigntest.Distribution(t, t.TempDir(), "")}
	seedBase(t, b.registry)
	rules = strings.NewReplacer("$CA", b.files.CA, "$REGISTRY", b.registry).Replace(rules)
	b.Nginx = foreigntest.StartNginx(t, b.files, b.registry, settings, rules)
	proxy := httptest.NewServer(tunnel(b.Address))
	t.Cleanup(proxy.Close)
	b.env = map[string]string{"HTTPS_PROXY": proxy.URL}
	return b
}

// push builds the example workspaces on the base, and pushes them.
func (b *behindNginx) push(t *testing.T, want int, more ...string) *program {
	t.Helper()
	args := []string{
		"build", workspaces(t), "--base", publicName + "/prismeai-workspaces:v1", "-t", publicName + "/acme/release:v1",
		"--push", "--release", "v1", "--registry-ca", b.files.CA,
	}
	p := builder(t, b.env, append(args, more...)...)
	p.run(t, want)
	return p
}

// pushed returns the image in the registry behind nginx.
func (b *behindNginx) pushed(t *testing.T) (v1.Hash, error) {
	t.Helper()
	desc, err := remote.Head(parseReference(t, b.registry+"/acme/release:v1"))
	if err != nil {
		return v1.Hash{}, err
	}
	return desc.Digest, nil
}

const (
	forwarded = "proxy_set_header X-Forwarded-Proto https;\n"
	unlimited = "client_max_body_size 0;\n" + forwarded
)

// TestPushThroughNginx pushes through common nginx configurations that registries support. The
// image is always the same.
func TestPushThroughNginx(t *testing.T) {
	for _, test := range []struct{ name, settings, rules string }{
		{name: "plain", rules: unlimited},
		{name: "each connection closes after an answer", rules: unlimited + "keepalive_timeout 0;"},
		{name: "connections close after three requests", rules: unlimited + "keepalive_requests 3;"},
		{name: "mount refused by 403", rules: unlimited + "if ($arg_mount) { return 403; }"},
		{name: "mount refused by 404", rules: unlimited + "if ($arg_mount) { return 404; }"},
		{name: "mount refused by 405", rules: unlimited + "if ($arg_mount) { return 405; }"},
		{name: "uploads in chunks", rules: unlimited + "proxy_request_buffering off; proxy_http_version 1.1;"},
		{name: "slow answers", rules: unlimited + "limit_rate 60k; proxy_buffering off;"},
		{
			name:     "few requests a second",
			settings: "limit_req_zone $server_name zone=few:1m rate=20r/s; limit_req_status 429;",
			rules:    unlimited + "limit_req zone=few burst=5;",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBehindNginx(t, test.settings, test.rules)
			p := b.push(t, 0)
			digest, err := b.pushed(t)
			if err != nil || !strings.Contains(p.stdout.String()+p.stderr.String(), digest.String()) {
				t.Errorf("the registry has %v (%v):\n%s%s", digest, err, p.stdout.String(), p.stderr.String())
			}
		})
	}
}

// markup matches HTML, which must not appear in messages.
var markup = regexp.MustCompile(`(?i)</?(html|body|center|h1|hr)`)

// TestNginxThatRefusesIsExplained checks that a refused push is not reported as pushed, does not
// hang, and names the remedy.
func TestNginxThatRefusesIsExplained(t *testing.T) {
	const isWrite = "if ($request_method ~ ^(POST|PUT|PATCH)$) "
	for _, test := range []struct {
		name, rules string
		want        []string
	}{
		{
			name:  "uploads by plain HTTP",
			rules: "client_max_body_size 0; proxy_set_header X-Forwarded-Proto http;",
			want:  []string{"http://" + publicName, "X-Forwarded-Proto", "--insecure-registry " + publicName},
		},
		{
			name:  "login page for writes",
			rules: unlimited + isWrite + "{ return 302 https://sso.example.com/login?token=canary; }",
			want:  []string{"sso.example.com", "login page"},
		},
		{
			name: "page for all writes", rules: unlimited + isWrite + "{ return 200 '<html>welcome</html>'; }",
			want: []string{publicName + "/acme/release:v1"},
		},
		{
			name: "limit of the body", rules: "client_max_body_size 1k;" + forwarded,
			want: []string{"413", "client_max_body_size"},
		},
		{
			name: "read-only", rules: unlimited + isWrite + "{ return 405; }",
			want: []string{"405", "read-only"},
		},
		{
			name: "forbidden", rules: unlimited + isWrite + "{ return 403; }",
			want: []string{"not authorized", "403"},
		},
		{
			name: "unavailable", rules: unlimited + isWrite + "{ return 503; }",
			want: []string{"503"},
		},
		{
			name: "upstream down for manifests",
			rules: unlimited + "location ~ /manifests/v1$ { if ($request_method = PUT) { proxy_pass http://127.0.0.1:1; } " +
				"proxy_pass http://$REGISTRY; }",
			want: []string{"502"},
		},
		{
			name: "client certificate", rules: unlimited + "ssl_verify_client on; ssl_client_certificate $CA;",
			want: []string{"400", "asks for a client certificate: --registry-client-cert " + publicName + "=CERT,KEY"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBehindNginx(t, "", test.rules)
			p := b.push(t, 7)
			p.says(t, test.want...)
			out := p.stdout.String() + p.stderr.String()
			if strings.Contains(out, "canary") || strings.Contains(out, "pushed ") || markup.MatchString(out) {
				t.Errorf("it prints a query, markup, or a success:\n%s", out)
			}
			if digest, err := b.pushed(t); err == nil {
				t.Errorf("%s was pushed", digest)
			}
		})
	}
}

// TestClientCertificateForNginx pushes with mutual TLS.
func TestClientCertificateForNginx(t *testing.T) {
	b := newBehindNginx(t, "", unlimited+"ssl_verify_client on; ssl_client_certificate $CA;")
	b.push(t, 0, "--registry-client-cert", publicName+"="+b.files.ClientCert+","+b.files.ClientKey)
	if _, err := b.pushed(t); err != nil {
		t.Error(err)
	}
	p := b.push(t, 2, "--registry-client-cert", publicName)
	p.says(t, "is not registry=cert[,key]")
	strangers := tlstest.New(t)
	p = b.push(t, 7, "--registry-client-cert", publicName+"="+strangers.ClientCert+","+strangers.ClientKey)
	p.says(t, "may not accept the client certificate")
}
