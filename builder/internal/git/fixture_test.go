// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
)

func parse(t testing.TB, location string) Endpoint {
	t.Helper()
	endpoint, err := NewEndpoint(location)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// fetch fetches the repository at URL#REF and returns the content of shop/index.yml.
func fetch(ctx context.Context, t testing.TB, source string, auth Auth) (string, error) {
	t.Helper()
	if auth.Getenv == nil {
		auth.Getenv = gittest.Environment()
	}
	location, name, _ := strings.Cut(source, "#")
	dir := t.TempDir()
	found, err := Fetch(ctx, parse(t, location), FetchOptions{Auth: auth, ReferenceName: name}, dir)
	if err != nil {
		return "", err
	}
	storage, err := OpenStorage(dir)
	must(t, err)
	defer storage.Close()
	commit, err := PeelCommit(storage, found.Hash)
	must(t, err)
	file, err := commit.File("shop/index.yml")
	must(t, err)
	content, err := file.Contents()
	must(t, err)
	return content, nil
}

// read fetches a repository and returns the content of shop/index.yml.
func read(t testing.TB, source string, auth Auth) string {
	t.Helper()
	content, err := fetch(t.Context(), t, source, auth)
	must(t, err)
	return content
}

// fetchError fetches a repository, and requires an error that contains the words.
func fetchError(t testing.TB, source string, auth Auth, words ...string) error {
	t.Helper()
	content, err := fetch(t.Context(), t, source, auth)
	if err == nil {
		t.Fatalf("%s can be fetched: %q", source, content)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q, without %q", err, word)
		}
	}
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
