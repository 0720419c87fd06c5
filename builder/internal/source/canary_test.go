// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git"
	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// canary is a random secret with characters that are escaped in URLs.
func canary() string { return "c@/" + rand.Text() + "?%" }

// gossips are servers that repeat what they were told, each in a way of its own.
func gossips(t *testing.T) []string {
	t.Helper()
	told := func(r *http.Request) string {
		user, password, _ := r.BasicAuth()
		return user + " " + password + " " + url.QueryEscape(password) + " " + r.Header.Get("Authorization")
	}
	handlers := []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), http.StatusUnauthorized) },
		func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), http.StatusNotFound) },
		func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), http.StatusInternalServerError) },
		func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, told(r)) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/?"+url.QueryEscape(told(r)), http.StatusFound)
		},
		func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			w.Header().Set("Location", (&url.URL{Scheme: "http", User: url.UserPassword(user, password), Host: r.Host,
				Path: "/loop"}).String())
			w.WriteHeader(http.StatusFound)
		},
		func(w http.ResponseWriter, r *http.Request) {
			gittest.Answer("application/x-git-upload-pack-advertisement", gittest.PktLine("ERR "+told(r)))(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			gittest.Answer("application/x-git-upload-pack-advertisement", gittest.PktLine(told(r)))(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				gittest.Answer("application/x-git-upload-pack-result",
					gittest.PktLine("NAK\n")+gittest.PktLine("\x03"+told(r)))(w, r)
				return
			}
			advertised := gittest.PktLine(strings.Repeat("a", 40)+" HEAD\x00side-band-64k\n") + "0000"
			gittest.Answer("application/x-git-upload-pack-advertisement", advertised)(w, r)
		},
	}
	var urls []string
	for _, handler := range handlers {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		urls = append(urls, server.URL+gittest.Path)
	}
	return append(urls, "http://127.0.0.1:1/refused", "https://127.0.0.1:1/refused")
}

// No secret comes back, in whatever is returned, printed or recorded.
func TestCanaries(t *testing.T) {
	plain := gossips(t)
	private := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{TLS: true}) // of an unknown authority
	for range 5 {
		user, password, token := canary(), canary(), canary()
		files := gittest.WriteFiles(t, map[string]string{
			"token": token + "\n", "netrc": "default login " + user + " password " + token,
		})
		good := gittest.ServeHTTP(t, gittest.Shop(t), gittest.HTTPOptions{Username: user, Password: password})
		userinfo := url.UserPassword(user, password).String()
		ways := map[string]struct {
			userinfo string
			opts     Options
		}{
			"URL":          {userinfo, Options{}},
			"user of URL":  {url.User(token).String(), Options{}},
			"option":       {"", Options{Auth: git.Auth{Username: user, Token: secret.New(token)}}},
			"environment":  {"", Options{Auth: git.Auth{Getenv: gittest.Environment("BUILDER_GIT_USERNAME", user, "BUILDER_GIT_TOKEN", token)}}},
			"token file":   {"", Options{Auth: git.Auth{Getenv: gittest.Environment("BUILDER_GIT_TOKEN_FILE", filepath.Join(files, "token"))}}},
			"netrc":        {"", Options{Auth: git.Auth{Getenv: gittest.Environment("NETRC", filepath.Join(files, "netrc"))}}},
			"broken proxy": {userinfo, Options{Auth: git.Auth{Getenv: gittest.Environment("HTTP_PROXY", "ftp://"+userinfo+"@p", "HTTPS_PROXY", "ftp://"+userinfo+"@p")}}},
			"dead proxy":   {userinfo, Options{Auth: git.Auth{Getenv: gittest.Environment("HTTPS_PROXY", "http://"+userinfo+"@127.0.0.1:1")}}},
		}
		for way, with := range ways {
			if with.opts.Getenv == nil {
				with.opts.Getenv = gittest.Environment()
			}
			with.opts.TempDir = t.TempDir()
			for _, target := range append([]string{private.URL() + gittest.Path, good.URL() + gittest.Path}, plain...) {
				if way == "dead proxy" {
					target = "https://git.example/r" // loopback is never reached by a proxy
				}
				source := target
				if with.userinfo != "" {
					source = gittest.WithUser(target, with.userinfo)
				}
				spec, err := Parse(source)
				must(t, err)
				shown := fmt.Sprintf("%v %+v %#v %s %q", spec, spec, spec, &spec, spec)
				tree, err := Open(t.Context(), spec, with.opts)
				switch {
				case err == nil:
					_, report := walk(t, tree)
					shown += fmt.Sprintf("%+v %+v", tree.Info(), report)
					must(t, tree.Close())
				case target == good.URL()+gittest.Path && way == "URL":
					t.Errorf("the right credentials are refused: %v", err)
				default:
					shown += fmt.Sprintf("%v %+v %#v", err, err, err)
				}
				for _, hidden := range []string{user, password, token} {
					for _, form := range []string{hidden, hidden[3:20], url.QueryEscape(hidden),
						base64.StdEncoding.EncodeToString([]byte(hidden))[:20]} {
						if strings.Contains(shown, form) {
							t.Errorf("%s at %s: %q is in %s", way, target, form, shown)
						}
					}
				}
			}
		}
	}
}
