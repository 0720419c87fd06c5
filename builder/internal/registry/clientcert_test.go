// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// TestClientCertificate checks that the client presents a certificate to the registry that it was given
// for, and to no other registry.
func TestClientCertificate(t *testing.T) {
	const name = "team/base:1"
	files := tlstest.New(t, "127.0.0.1")
	strangers := tlstest.New(t)
	inner := registrytest.New(t, registrytest.Options{})
	inner.PushBase(t, name, registrytest.Base{})
	host := strings.TrimPrefix(files.Serve(t, inner), "https://")
	for _, test := range []struct {
		name  string
		certs map[string]ClientCert
		want  string
	}{
		{name: "right", certs: map[string]ClientCert{host: {files.ClientCert, files.ClientKey}}},
		{name: "none", want: host + " asks for a client certificate: --registry-client-cert " + host + "=CERT,KEY"},
		{
			name:  "for another registry",
			certs: map[string]ClientCert{"other.example.com": {files.ClientCert, files.ClientKey}},
			want:  "asks for a client certificate",
		},
		{
			name:  "of another authority",
			certs: map[string]ClientCert{host: {strangers.ClientCert, strangers.ClientKey}},
			want:  "may not accept the client certificate",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, Options{CAFiles: []string{files.CA}, ClientCerts: test.certs})
			if test.want == "" {
				resolve(t, c, host+"/"+name)
				return
			}
			_, err := c.Resolve(t.Context(), host+"/"+name)
			wantHelp(t, err, TLS, test.want)
		})
	}
}

// TestClientCertificateRefusedByStatus covers nginx, which completes the handshake and answers 400.
func TestClientCertificateRefusedByStatus(t *testing.T) {
	files := tlstest.New(t, "127.0.0.1")
	url := files.ServeOptional(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "400 No required SSL certificate was sent", http.StatusBadRequest)
		}
	}))
	host := strings.TrimPrefix(url, "https://")
	_, err := newClient(t, Options{CAFiles: []string{files.CA}}).Resolve(t.Context(), host+"/team/base:1")
	wantHelp(t, err, Refused, "asks for a client certificate")
}

// wantHelp checks an error's kind and that its help has a text.
func wantHelp(t *testing.T, err error, kind Kind, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Help, text) {
		t.Errorf("error %#v, want one of kind %q that helps by %q", err, kind, text)
	}
}

func TestClientCertificatesAreChecked(t *testing.T) {
	files := tlstest.New(t)
	for host, cert := range map[string]ClientCert{
		"https://reg.example.com": {files.ClientCert, files.ClientKey},
		"reg.example.com/team":    {files.ClientCert, files.ClientKey},
		"reg.example.com":         {files.ClientCert, files.CA},
	} {
		_, err := New(Options{Getenv: environment(), ClientCerts: map[string]ClientCert{host: cert}})
		if err == nil || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: error %v", host, err)
		}
	}
}

// TestMirrorThatIsDownIsReported once, however many requests fail.
func TestMirrorThatIsDownIsReported(t *testing.T) {
	const name = "team/base:1"
	upstream := registrytest.New(t, registrytest.Options{})
	pushed := upstream.PushBase(t, name, registrytest.Base{})
	mirror := registrytest.New(t, registrytest.Options{})
	mirror.PushBase(t, name, registrytest.Base{})
	var notes []string
	opts := Options{
		Mirrors: map[string][]string{upstream.Host(): {mirror.Host()}},
		Notify:  func(text string) { notes = append(notes, text) },
	}
	resolve(t, newClient(t, opts), pushed.Ref)
	if len(notes) != 0 {
		t.Errorf("notes %q about a mirror that answers", notes)
	}
	mirror.Close()
	c := newClient(t, opts)
	resolve(t, c, pushed.Ref)
	resolve(t, c, pushed.Ref)
	want := "the mirror " + mirror.Host() + " of " + upstream.Host() + " does not answer and is not used: "
	if len(notes) != 1 || !strings.HasPrefix(notes[0], want) || !strings.Contains(notes[0], "connection refused") {
		t.Errorf("notes %q, want one that begins with %q", notes, want)
	}
}
