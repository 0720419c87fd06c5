// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// canaries are secrets made up for one test, by the place where they are planted.
type canaries map[string]string

// plant makes up a secret for a place.
func (c canaries) plant(place string) string {
	c[place] = "canary" + rand.Text()
	return c[place]
}

// in returns the places whose secrets are in data: complete or truncated, in hexadecimal, or in
// base64.
func (c canaries) in(data []byte) []string {
	var places []string
	for place, canary := range c {
		tail := canary[len(canary)-15:]
		forms := []string{tail, hex.EncodeToString([]byte(tail))}
		for before := range 3 { // the encoding depends on the preceding bytes, modulo 3
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + tail))
			forms = append(forms, encoded[(before*8+5)/6:len(encoded)-1])
		}
		if slices.ContainsFunc(forms, func(form string) bool { return bytes.Contains(data, []byte(form)) }) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

// records keeps everything that a server received.
type records struct {
	// credential is the header that may carry the secret of the place called allowed.
	credential, allowed string
	canaries            canaries

	mu      sync.Mutex
	used    bool
	leaks   []string
	content bytes.Buffer
}

// wrap records requests, decompressed.
func (rec *records) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err == nil && r.Method != http.MethodConnect {
			rec.record(r, body)
		} else {
			rec.record(r, nil)
		}
		next.ServeHTTP(w, r)
	})
}

func (rec *records) record(r *http.Request, body []byte) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	credential := r.Header.Get(rec.credential)
	if in := rec.canaries.in([]byte(credential)); len(in) > 0 {
		rec.used = true
		if !slices.Equal(in, []string{rec.allowed}) {
			rec.leaks = append(rec.leaks, fmt.Sprintf("%s of %s %s: %v", rec.credential, r.Method, r.URL, in))
		}
	}
	rest := r.Clone(r.Context())
	rest.Header.Del(rec.credential)
	head, _ := httputil.DumpRequest(rest, false)
	plain := expand(body)
	if in := rec.canaries.in(append(head, plain...)); len(in) > 0 {
		rec.leaks = append(rec.leaks, fmt.Sprintf("%s %s: %v", r.Method, r.URL, in))
	}
	rec.content.Write(plain)
}

// expand returns data and its decompressed content.
func expand(data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data
	}
	plain, _ := io.ReadAll(r)
	return append(slices.Clone(data), plain...)
}

// echo refuses a request and quotes its credentials, as some servers do: in the protocol of
// registries, or in that of Git.
func echo(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	text := fmt.Sprintf("%s may not: %s:%s", r.Header.Get("Authorization"), user, password)
	if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		fmt.Fprintf(w, "%04xERR %s", len("0000ERR ")+len(text), text)
		return
	}
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":%q}]}`, text)
}

// world is everything that the builder talks to, each with its own secret.
type world struct {
	canaries canaries
	// servers holds what Git server, proxy and registry received.
	servers map[string]*records
	reg     *registrytest.Server
	env     map[string]string
	args    []string
}

// outcome is the expected result of a build.
type outcome struct {
	name string
	code int
	// uses names the servers that always receive their credentials.
	uses []string
	// gitSecret is the place of the Git credential that takes precedence.
	gitSecret string
	// leak plants a secret in a workspace.
	leak bool
	// refuse selects the requests that the servers refuse.
	refuse func(*http.Request) bool
}

func refusing(refuse func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse != nil && refuse(r) {
			echo(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func newWorld(t *testing.T, o outcome) *world {
	t.Helper()
	w := &world{canaries: canaries{}}
	w.servers = map[string]*records{
		"Git":      {credential: "Authorization", allowed: o.gitSecret, canaries: w.canaries},
		"proxy":    {credential: "Proxy-Authorization", allowed: "HTTPS_PROXY", canaries: w.canaries},
		"registry": {credential: "Authorization", allowed: "DOCKER_AUTH_CONFIG", canaries: w.canaries},
	}
	w.env = map[string]string{
		"UNRELATED_TOKEN":       w.canaries.plant("UNRELATED_TOKEN"),
		"AWS_SECRET_ACCESS_KEY": w.canaries.plant("AWS_SECRET_ACCESS_KEY"),
	}

	src := workspaces(t)
	if o.leak {
		// A token in the format of a forge, in two parts so that this file contains none.
		token := "gh" + "p_" + rand.Text() + rand.Text()[:10]
		w.canaries["file"] = token
		if err := os.WriteFile(src+"/mail-sender/notes.md", []byte("token: "+token+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := gittest.ServeHTTP(t, committed(t, src), gittest.HTTPOptions{
		Wrap: func(next http.Handler) http.Handler { return w.servers["Git"].wrap(refusing(o.refuse, next)) },
	})
	w.reg = registrytest.New(t, registrytest.Options{
		Username: "ci", Password: w.canaries.plant("DOCKER_AUTH_CONFIG"),
		Wrap: func(next http.Handler) http.Handler { return w.servers["registry"].wrap(refusing(o.refuse, next)) },
	})
	w.plantRegistries(t)
	source := w.plantGit(t, o.gitSecret, git.Host())
	base, ca := w.plantProxy(t, o)
	w.args = []string{
		"build", source, "--base", base, "--registry-ca", ca, "--insecure-registry", w.reg.Host(), "-t",
		w.reg.Ref("release:v1"), "--push",
	}
	return w
}

// plantRegistries plants secrets in all places of registry credentials; the first takes precedence.
func (w *world) plantRegistries(t *testing.T) {
	t.Helper()
	login := func(place string) string {
		password, known := w.canaries[place]
		if !known {
			password = w.canaries.plant(place)
		}
		auth := base64.StdEncoding.EncodeToString([]byte("ci:" + password))
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q},"other.example.com":{"username":"u","password":%q}}}`,
			w.reg.Host(), auth, w.canaries.plant(place+" for another host"))
	}
	w.env["DOCKER_AUTH_CONFIG"] = login("DOCKER_AUTH_CONFIG")
	w.env["REGISTRY_AUTH_FILE"] = w.file(t, "auth.json", login("REGISTRY_AUTH_FILE"))
	w.env["DOCKER_CONFIG"] = filepath.Dir(w.file(t, "config.json", login("DOCKER_CONFIG")))
}

// plantGit plants secrets in the places of Git credentials, starting with the one that takes
// precedence, and returns the source.
func (w *world) plantGit(t *testing.T, winner, host string) string {
	t.Helper()
	name, port, _ := net.SplitHostPort(host)
	userinfo := ""
	places := []struct {
		place string
		plant func(secret string)
	}{
		{"URL", func(secret string) { userinfo = "ci:" + secret + "@" }},
		{"BUILDER_GIT_TOKEN_FILE", func(secret string) {
			w.env["BUILDER_GIT_TOKEN_FILE"] = w.file(t,
				"token", secret+"\n")
		}},
		{"BUILDER_GIT_TOKEN", func(secret string) { w.env["BUILDER_GIT_TOKEN"] = secret }},
		{"CI_JOB_TOKEN", func(secret string) {
			w.env["CI_JOB_TOKEN"], w.env["CI_SERVER_HOST"], w.env["CI_SERVER_PORT"] = secret, name, port
		}},
		{"GITHUB_TOKEN", func(secret string) {
			w.env["GITHUB_TOKEN"], w.env["GITHUB_SERVER_URL"] = secret, "http://"+host
		}},
		{"NETRC", func(secret string) {
			w.env["NETRC"] = w.file(t, "netrc", "machine "+name+" login ci password "+secret+"\n")
		}},
	}
	won := false
	for _, p := range places {
		if won = won || p.place == winner; won {
			p.plant(w.canaries.plant(p.place))
		}
	}
	return "http://" + userinfo + host + gittest.Path
}

// plantProxy puts the base behind a proxy that requires a password. It returns the reference of the
// base and the file with the registry's certificate.
func (w *world) plantProxy(t *testing.T, o outcome) (base, ca string) {
	t.Helper()
	upstream := registrytest.New(t, registrytest.Options{TLS: true})
	pushBase(t, upstream)
	password := w.canaries.plant("HTTPS_PROXY")
	proxy := httptest.NewServer(w.servers["proxy"].wrap(refusing(o.refuse, tunnel(upstream.Host()))))
	t.Cleanup(proxy.Close)
	w.env["HTTPS_PROXY"] = strings.Replace(proxy.URL, "://", "://proxyuser:"+password+"@", 1)
	return "example.com/prismeai-workspaces:v1", upstream.CAFile(t)
}

// tunnel answers CONNECT. It connects to the given host, whatever the client requests.
func tunnel(host string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		to, err := net.Dial("tcp", host)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			to.Close()
			return
		}
		io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { defer to.Close(); io.Copy(to, buffered) }()
		go func() { defer from.Close(); io.Copy(from, to) }()
	})
}

// file writes a file with secrets outside of the directories that are checked for leaks.
func (w *world) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// silent checks that data contains no canary.
func (w *world) silent(t *testing.T, what string, data []byte) {
	t.Helper()
	if in := w.canaries.in(expand(data)); len(in) > 0 {
		t.Errorf("%s holds the secrets of %v:\n%s", what, in, data)
	}
}

// build runs the builder with every kind of output, and checks all of it for canaries.
func (w *world) build(t *testing.T, mode string, code int) {
	t.Helper()
	out := t.TempDir()
	p := builder(t, w.env, append(slices.Clone(w.args), "--progress", mode,
		"--metadata-file", filepath.Join(out, "metadata.json"), "--digest-file", filepath.Join(out, "digest"),
		"--report", "json="+filepath.Join(out, "report.json"), "--output",
		"type=oci,dest="+filepath.Join(out, "image.tar"))...)
	var term *terminal
	if mode == "tty" {
		term = newTerminal(t)
		p.Stderr = term.tty
	}
	p.run(t, code)
	if term != nil {
		p.stderr.WriteString(term.text())
	}
	w.silent(t, "standard output", p.stdout.Bytes())
	w.silent(t, "standard error", p.stderr.Bytes())
	for name, text := range tree(t, out) {
		w.silent(t, name, []byte(text))
	}
}

// check checks that each secret was sent only to its own server, and that something was checked at
// all.
func (w *world) check(t *testing.T, o outcome) {
	t.Helper()
	for name, rec := range w.servers {
		rec.mu.Lock()
		for _, leak := range rec.leaks {
			t.Errorf("%s was sent a secret: %s", name, leak)
		}
		if slices.Contains(o.uses, name) && !rec.used {
			t.Errorf("%s was not sent its credentials", name)
		}
		rec.mu.Unlock()
	}
	for _, part := range []string{
		`"history":`, "org.opencontainers.image.source", "www/release/manifest.json", `"schemaVersion"`,
		"www/workspaces/mail-sender/index.yml",
	} {
		if o.code == 0 && !bytes.Contains(w.servers["registry"].content.Bytes(), []byte(part)) {
			t.Errorf("the registry was not sent %s", part)
		}
	}
}

func TestSecretsStayWhereTheyAre(t *testing.T) {
	all := []string{"Git", "proxy", "registry"}
	outcomes := []outcome{
		{name: "pushed", gitSecret: "URL", uses: all},
		{name: "secret found", code: 183, gitSecret: "BUILDER_GIT_TOKEN", uses: all[:2], leak: true},
		{
			name:      "Git refuses",
			code:      6,
			gitSecret: "CI_JOB_TOKEN",
			uses:      all[:1],
			refuse:    to(http.MethodGet, "/repo.git/info/refs"),
		},
		{
			name:      "Git refuses late",
			code:      6,
			gitSecret: "NETRC",
			uses:      all[:1],
			refuse:    to(http.MethodPost, "/git-upload-pack"),
		},
		{name: "proxy refuses", code: 7, gitSecret: "GITHUB_TOKEN", uses: all[1:2], refuse: to(http.MethodConnect, "")},
		{
			name:      "registry refuses blobs",
			code:      7,
			gitSecret: "BUILDER_GIT_TOKEN_FILE",
			uses:      all,
			refuse:    to(http.MethodPost, "/release/blobs/uploads/"),
		},
		{
			name:      "registry refuses the tag",
			code:      7,
			gitSecret: "URL",
			uses:      all,
			refuse:    to(http.MethodPut, "/release/manifests/"),
		},
	}
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, o)
			for _, mode := range []string{"auto", "plain", "tty", "rawjson", "quiet"} {
				t.Run(mode, func(t *testing.T) { w.build(t, mode, o.code) })
			}
			w.check(t, o)
		})
	}
}
