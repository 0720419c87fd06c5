// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

func TestBasicAuthentication(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{Username: "deploy", Password: "p@ss/word"})
	url := server.URL() + gittest.Path
	files := gittest.WriteFiles(t, map[string]string{
		"token": "p@ss/word\n",
		"netrc": "machine 127.0.0.1 login deploy password p@ss/word",
	})
	for _, test := range []struct {
		name, source string
		opts         Auth
		want         string // what the error says
	}{
		{"URL", gittest.WithUser(url, "deploy:p%40ss%2Fword"), Auth{}, ""},
		{"option", url, Auth{Username: "deploy", Token: secret.New("p@ss/word")}, ""},
		{"environment", url, Auth{Getenv: gittest.Environment(envUsername, "deploy", envToken, "p@ss/word")}, ""},
		{"token file", gittest.WithUser(url, "deploy"), Auth{Getenv: gittest.Environment(envTokenFile, filepath.Join(files, "token"))}, ""},
		{"netrc", url, Auth{Getenv: gittest.Environment("NETRC", filepath.Join(files, "netrc"))}, ""},
		{"netrc of that user", gittest.WithUser(url, "deploy"), Auth{Getenv: gittest.Environment("NETRC", filepath.Join(files, "netrc"))}, ""},
		{"netrc of another user", gittest.WithUser(url, "somebody"), Auth{Getenv: gittest.Environment("NETRC", filepath.Join(files, "netrc"))}, "refuses the credentials of the URL"},
		{"none", url, Auth{}, "refuses a caller without credentials: set BUILDER_GIT_TOKEN or --git-token-file"},
		{"wrong password", gittest.WithUser(url, "deploy:nope"), Auth{}, "refuses the credentials of the URL"},
		{"wrong token", url, Auth{Getenv: gittest.Environment(envToken, "nope")}, "refuses the credentials of BUILDER_GIT_TOKEN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want != "" {
				fetchError(t, test.source, test.opts, test.want)
				return
			}
			if got := read(t, test.source, test.opts); got != "name: Shop\n" {
				t.Errorf("content %q", got)
			}
		})
	}
}

// Forges accept a token as the user name.
func TestTokenAsUser(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{Username: "glpat-t0ken"})
	if got := read(t, gittest.WithUser(server.URL()+gittest.Path, "glpat-t0ken"), Auth{}); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	fetchError(t, gittest.WithUser(server.URL()+gittest.Path, "glpat-wrong"), Auth{}, "refuses the credentials of the URL")
}

func TestJobTokenOverTheWire(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{TLS: true, Username: "gitlab-ci-token",
		Password: "job"})
	host, port, err := net.SplitHostPort(server.Host())
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL() + gittest.Path
	opts := Auth{CAFile: server.CAFile(t), Getenv: gittest.Environment("CI_JOB_TOKEN", "job", "CI_SERVER_HOST", host,
		"CI_SERVER_PORT", port)}
	if got := read(t, url, opts); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	before := len(server.Requests())
	opts.Getenv = gittest.Environment("CI_JOB_TOKEN", "job", "CI_SERVER_HOST", "elsewhere.example", "CI_SERVER_PORT", port)
	fetchError(t, url, opts, "a caller without credentials")
	for _, r := range server.Requests()[before:] {
		if r.Authorized {
			t.Errorf("%s %s carries the token of another server", r.Method, r.Path)
		}
	}
}

// redirecting redirects requests for the references.
func redirecting(to func(*http.Request) string, status int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if target := to(r); target != "" {
				http.Redirect(w, r, target, status)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// A credential is never sent to another server, even after a redirect.
func TestRedirectToAnotherServer(t *testing.T) {
	thief := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{})
	thiefPort := thief.Host()[strings.LastIndexByte(thief.Host(), ':'):]
	for name, base := range map[string]string{
		"host": "http://localhost" + thiefPort, "port": thief.URL(), "scheme": "https://" + thief.Host(), "user-info": gittest.WithUser(thief.URL(), "u:canary"),
	} {
		for _, part := range []string{"/info/refs", "/git-upload-pack"} {
			t.Run(name+part, func(t *testing.T) {
				server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{Wrap: redirecting(func(r *http.Request) string {
					if strings.HasSuffix(r.URL.Path, part) {
						return base + r.URL.RequestURI() + "&signature=canary"
					}
					return ""
				}, http.StatusTemporaryRedirect)})
				err := fetchError(t, gittest.WithUser(server.URL()+gittest.Path, "u:canary"), Auth{},
					"use the URL of the repository there")
				if strings.Contains(err.Error(), "canary") {
					t.Errorf("the error shows a secret: %v", err)
				}
			})
		}
	}
	if got := thief.Requests(); len(got) > 0 {
		t.Errorf("the other server was asked: %+v", got)
	}
}

// Forges redirect within their server. The credential is sent again, and the pack is requested at
// the new location.
func TestRedirectWithinAServer(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{Username: "u", Password: "p",
		Wrap: redirecting(func(r *http.Request) string {
			if strings.HasPrefix(r.URL.Path, "/old/") {
				return gittest.Path + "/info/refs?" + r.URL.RawQuery
			}
			return ""
		}, http.StatusMovedPermanently)})
	if got := read(t, gittest.WithUser(server.URL()+"/old/repo/", "u:p"), Auth{}); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	var paths []string
	for _, r := range server.Requests() {
		paths = append(paths, r.Method+" "+r.Path)
	}
	equal(t, "requests", paths, []string{"GET /old/repo/info/refs", "GET " + gittest.Path + "/info/refs",
		"POST " + gittest.Path + "/git-upload-pack"})
}

func TestRedirectsEnd(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t),
		gittest.HTTPOptions{Wrap: redirecting(func(r *http.Request) string { return r.URL.String() }, http.StatusFound)})
	fetchError(t, server.URL()+gittest.Path, Auth{}, "redirects more than 5 times")
	if n := len(server.Requests()); n != maxRedirects+1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnswersThatAreNoRepository(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"page", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>Please log in") }, "not come from a Git server: use the URL that git clone accepts"},
		{"not found", http.NotFound, "no such repository, or does not show it to a caller without credentials"},
		{"forbidden", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }, "refuses a caller without credentials"},
		{"broken", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "the server answers 502 Bad Gateway"},
		{"endless error", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "the server answers 500"},
		{"nothing", gittest.Answer("application/x-git-upload-pack-advertisement", ""), "not come from a Git server"},
		{"noise", gittest.Answer("application/x-git-upload-pack-advertisement", "no packet"), "not come from a Git server"},
		{"cut", gittest.Answer("application/x-git-upload-pack-advertisement", "0032abc"), "ends too early"},
		{"said no", gittest.Answer("application/x-git-upload-pack-advertisement", gittest.PktLine("ERR \x1b[2Jnot today")), "the server responded: \ufffd[2Jnot today"},
		{"endless references", func(w http.ResponseWriter, r *http.Request) {
			gittest.Answer("application/x-git-upload-pack-advertisement", "")(w, r)
			hash := strings.Repeat("a", 40)
			chunk := gittest.PktLine(hash + " refs/heads/main\x00ofs-delta\n")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
				chunk = strings.Repeat(gittest.PktLine(hash+" refs/heads/main\n"), 1000)
			}
		}, "more than 67108864 bytes in its list of references: build from a checkout of it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			t.Cleanup(server.Close)
			fetchError(t, server.URL+gittest.Path, Auth{}, test.want)
		})
	}
}

// Texts from a server are truncated, and credentials in them are masked.
func TestServersThatQuoteCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		text := "ERR " + r.Header.Get("Authorization") + " " + password + strings.Repeat("é", 1000)
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		io.WriteString(w, gittest.PktLine(text))
	}))
	t.Cleanup(server.Close)
	err := fetchError(t, gittest.WithUser(server.URL+gittest.Path, "somebody:canary-p4ss"), Auth{},
		"the server responded: Basic *** ***é")
	if strings.Contains(err.Error(), "canary") || len(err.Error()) > maxErrorText+200 ||
		!strings.HasSuffix(err.Error(), "é…") {
		t.Errorf("error %q", err)
	}
}

func TestPrivateAuthority(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{TLS: true})
	url := server.URL() + gittest.Path
	if got := read(t, url, Auth{CAFile: server.CAFile(t)}); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	fetchError(t, url, Auth{}, "certificate is signed by an unknown authority", "--git-ca")
	fetchError(t, url, Auth{CAFile: filepath.Join(t.TempDir(), "absent")}, "absent")
	if len(server.Requests()) != 2 {
		t.Errorf("requests %+v", server.Requests())
	}
}

func TestClientCertificate(t *testing.T) {
	files := tlstest.New(t, "127.0.0.1")
	strangers := tlstest.New(t)
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{})
	target, err := url.Parse(server.URL())
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	required := files.Serve(t, proxy) + gittest.Path
	right := Auth{CAFile: files.CA, ClientCertFile: files.ClientCert, ClientKeyFile: files.ClientKey}
	if got := read(t, required, right); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	fetchError(t, required, Auth{CAFile: files.CA}, "asks for a client certificate: set --git-client-cert")
	wrong := Auth{CAFile: files.CA, ClientCertFile: strangers.ClientCert, ClientKeyFile: strangers.ClientKey}
	fetchError(t, required, wrong, "does not accept the client certificate of --git-client-cert")
	fetchError(t, required, Auth{CAFile: files.CA, ClientKeyFile: files.ClientKey}, "has no certificate")

	// nginx completes the handshake and responds with 400.
	byStatus := files.ServeOptional(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, r)
	})) + gittest.Path
	if got := read(t, byStatus, right); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	fetchError(t, byStatus, Auth{CAFile: files.CA}, "asks for a client certificate")
}

// An unusable file is an error of its setting, whatever the server does.
func TestUnusableFiles(t *testing.T) {
	dir := gittest.WriteFiles(t, map[string]string{"empty": "", "key": "canary"})
	empty := filepath.Join(dir, "empty")
	absent := filepath.Join(dir, "absent")
	key := filepath.Join(dir, "key")
	for name, test := range map[string]struct {
		url, setting string
		auth         Auth
	}{
		"absent authority":   {"https://127.0.0.1:1/x.git", "--git-ca", Auth{CAFile: absent}},
		"empty authority":    {"https://127.0.0.1:1/x.git", "--git-ca", Auth{CAFile: empty}},
		"absent certificate": {"https://127.0.0.1:1/x.git", "--git-client-cert", Auth{ClientCertFile: absent}},
		"only a key":         {"https://127.0.0.1:1/x.git", "--git-client-cert", Auth{ClientKeyFile: key}},
		"absent SSH key":     {"ssh://git@127.0.0.1:1/x.git", "--git-ssh-key-file", Auth{SSHKeyFile: absent}},
		"broken SSH key":     {"ssh://git@127.0.0.1:1/x.git", "--git-ssh-key-file", Auth{SSHKeyFile: key}},
		"key of the environment": {
			"ssh://git@127.0.0.1:1/x.git", envSSHKey, Auth{Getenv: gittest.Environment(envSSHKey, absent)},
		},
	} {
		err := fetchError(t, test.url, test.auth, test.setting+": ")
		var file *FileError
		if !errors.As(err, &file) || file.Setting != test.setting || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// proxyTo tunnels all requests to one address and records the clients' credentials.
func proxyTo(t *testing.T, address string) (*httptest.Server, chan string) {
	t.Helper()
	asked := make(chan string, 16)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization")
		if r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		target, err := net.Dial("tcp", address)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer target.Close()
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(target, buffered)
		io.Copy(client, target)
	}))
	t.Cleanup(proxy.Close)
	return proxy, asked
}

func TestProxy(t *testing.T) {
	server := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{TLS: true, Username: "u", Password: "p"})
	proxy, asked := proxyTo(t, server.Host())
	source := "https://u:p@example.com" + gittest.Path
	opts := Auth{CAFile: server.CAFile(t), Getenv: gittest.Environment("HTTPS_PROXY",
		gittest.WithUser(proxy.URL, "pu:canary"))}
	if got := read(t, source, opts); got != "name: Shop\n" {
		t.Errorf("content %q", got)
	}
	if got := <-asked; got != "CONNECT example.com:443 Basic cHU6Y2FuYXJ5" {
		t.Errorf("the proxy was asked %s", got)
	}
	opts.Getenv = gittest.Environment("https_proxy", proxy.URL)
	fetchError(t, source, opts, "Proxy Authentication Required")
	opts.Getenv = gittest.Environment("HTTPS_PROXY", "http://pu:canary @"+proxy.Listener.Addr().String())
	if err := fetchError(t, source, opts, "HTTPS_PROXY is not a proxy URL"); strings.Contains(err.Error(), "canary") {
		t.Errorf("the error shows a secret: %v", err)
	}
}

// The end of the context ends a request and determines the error.
func TestCancelledWhileTheServerIsSilent(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped by hand")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel(stop)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	if _, err := fetch(ctx, t, server.URL+gittest.Path, Auth{}); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

// A server that stops in the middle of a response must not block the client forever.
func TestStalledConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		conn := idleTimeoutConn{Conn: client, timeout: stallTimeout}
		go func() {
			for range 3 { // slow is not stalled
				time.Sleep(stallTimeout - time.Second)
				server.Write([]byte("x"))
			}
		}()
		start := time.Now()
		data, err := io.ReadAll(conn)
		if string(data) != "xxx" || !errors.Is(err, os.ErrDeadlineExceeded) ||
			time.Since(start) != 4*stallTimeout-3*time.Second {
			t.Errorf("read %q and %v after %v", data, err, time.Since(start))
		}
	})
}
