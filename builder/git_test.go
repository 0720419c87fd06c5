// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
)

// commit makes a Git repository out of a directory, with one commit.
func commit(t *testing.T, dir string) *git.Repository {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	repository, err := git.PlainInit(to, false)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	author := &object.Signature{Name: "Ada", Email: "ada@example.com", When: time.Unix(1_700_000_000, 0)}
	err = tree.AddWithOptions(&git.AddOptions{All: true})
	if _, failed := tree.Commit("workspaces", &git.CommitOptions{Author: author}); errors.Join(err, failed) != nil {
		t.Fatal(err, failed)
	}
	return repository
}

// gitServer serves a repository as /repo.git by Git's protocol over HTTP, for reading.
func gitServer(t *testing.T, repository *git.Repository) http.Handler {
	endpoint := &transport.Endpoint{Path: "/repo.git"}
	git := server.NewServer(server.MapLoader{endpoint.String(): repository.Storer})
	serve := func(answer func(http.ResponseWriter, *http.Request, transport.UploadPackSession) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			session, err := git.NewUploadPackSession(endpoint, nil)
			if err == nil {
				err = answer(w, r, session)
			}
			if err != nil {
				t.Errorf("%s %s: %v", r.Method, r.URL, err)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repo.git/info/refs", serve(func(w http.ResponseWriter, r *http.Request, s transport.UploadPackSession) error {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		refs, err := s.AdvertisedReferencesContext(r.Context())
		if err != nil {
			return err
		}
		refs.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
		return refs.Encode(w)
	}))
	mux.HandleFunc("POST /repo.git/git-upload-pack", serve(func(w http.ResponseWriter, r *http.Request, s transport.UploadPackSession) error {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		request := packp.NewUploadPackRequest()
		if err := request.Decode(r.Body); err != nil {
			return err
		}
		response, err := s.UploadPack(r.Context(), request)
		if err != nil {
			return err
		}
		return response.Encode(w)
	}))
	return mux
}
