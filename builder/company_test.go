// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"archive/tar"
	"bytes"
	"crypto/md5" // the platform's checksums
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/platform/platformtest"
)

const (
	gitUser      = "gitlab-ci-token"
	registryUser = "ci"
)

// company is the environment of a pipeline: a sandbox whose pushes become commits on a Git server,
// and a registry with the platform's image. Each requires its own secret.
type company struct {
	world
	sandbox *platformtest.Platform
	// api is the URL of the sandbox.
	api string
	// dir contains the workspaces in the sandbox.
	dir        string
	repository *gittest.Repository
	git        *gittest.HTTPServer
	pushed     map[string]string // by path
	base       string
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{
		world:  world{canaries: canaries{}, env: map[string]string{}},
		dir:    workspaces(t),
		pushed: map[string]string{},
	}
	token := "at:" + c.canaries.plant("token of the sandbox")
	c.repository = gittest.NewRepository(t)
	c.git = gittest.ServeHTTP(t, c.repository, gittest.HTTPOptions{
		Username: gitUser,
		Password: c.canaries.plant("token for Git"),
	})
	c.reg = registrytest.New(t, registrytest.Options{
		Username: registryUser,
		Password: c.canaries.plant("password of the registry"),
	})
	c.base = c.reg.PushBase(t, "prismeai-workspaces:v27.5.5", registrytest.Base{
		Platforms: []string{"linux/amd64", "linux/arm64"}, Env: []string{"NODE_ENV=production"},
		Layers: []v1.Layer{tarLayer(t, map[string]string{"www/services/index.js": "serve()\n"})},
	}).Ref
	c.sandbox = platformtest.New(platformtest.Options{
		Token:  token,
		OnPush: func(p platformtest.Push) error { return c.commit(t, p) },
	})
	release, err := platformtest.ReadRelease(c.dir, "workspaces-git", "Git")
	if err != nil {
		t.Fatal(err)
	}
	c.sandbox.NewPod("sandbox-0", release).SetReady(true)
	server, err := platformtest.Listen(c.sandbox.NewGateway(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); c.sandbox.Close() })
	c.api, c.env["BUILDER_TOKEN"] = server.URL+"/v2", token
	return c
}

// login adds credentials for the registry to the environment.
func (c *company) login() {
	auth := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + c.canaries["password of the registry"]))
	c.env["DOCKER_AUTH_CONFIG"] = fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, c.reg.Host(), auth)
}

// versionName matches the name of the version in the .import.yml of an example.
var versionName = regexp.MustCompile(`(?m)^  name: v2\.4\.0$`)

// commit does what the platform does for a push: it commits the files with the version name in
// .import.yml to the main branch.
func (c *company) commit(t *testing.T, p platformtest.Push) error {
	for path, data := range tree(t, filepath.Join(c.dir, p.Workspace.Slug)) {
		if path == ".import.yml" {
			data = versionName.ReplaceAllLiteralString(data, "  name: "+p.Name)
		}
		c.pushed[p.Workspace.Slug+"/"+path] = data
	}
	var files []gittest.File
	for path, data := range c.pushed {
		files = append(files, gittest.File{Path: path, Data: data})
	}
	c.repository.Commit(t, "main", files...)
	return nil
}

// edit changes a file of a workspace without its checksum, as users do in the sandbox.
func (c *company) edit(t *testing.T, slug, file, from, to string) {
	t.Helper()
	before := readFile(t, filepath.Join(c.dir, slug, file))
	after := strings.ReplaceAll(before, from, to)
	if after == before {
		t.Fatalf("%s of %s does not hold %q", file, slug, from)
	}
	metadata := filepath.Join(c.dir, slug, ".import.yml")
	sums := strings.Replace(readFile(t, metadata), checksum(before), checksum(after), 1)
	if err := errors.Join(os.WriteFile(filepath.Join(c.dir, slug, file), []byte(after), 0o644),
		os.WriteFile(metadata, []byte(sums), 0o644)); err != nil {
		t.Fatal(err)
	}
	c.sandbox.Edit(slug)
}

func checksum(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// secretOf makes up a token in the format of a forge.
func (c *company) secretOf(place string) string {
	c.canaries[place] = "gh" + "p_" + rand.Text() + rand.Text()[:10]
	return c.canaries[place]
}

// unpack unpacks an image into a directory, as a kubelet does, and returns it with the variables of
// the image.
func (c *company) unpack(t *testing.T, ref string) (rootfs string, env map[string]string) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	login := authn.FromConfig(authn.AuthConfig{
		Username: registryUser,
		Password: c.canaries["password of the registry"],
	})
	image, err := remote.Image(parsed, remote.WithAuth(login), remote.WithPlatform(v1.Platform{
		OS:           "linux",
		Architecture: "amd64",
	}))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	env = map[string]string{}
	for _, entry := range config.Config.Env {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	rootfs = t.TempDir()
	extract(t, mutate.Extract(image), rootfs)
	return rootfs, env
}

// extract writes the files of a tar into a directory.
func extract(t *testing.T, files io.ReadCloser, dir string) {
	t.Helper()
	defer files.Close()
	for archive := tar.NewReader(files); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			var data []byte
			data, err = io.ReadAll(archive)
			path := filepath.Join(dir, filepath.FromSlash(h.Name))
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readFile reads a file as text.
func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// contains checks that data contains the texts.
func contains(t *testing.T, what string, data []byte, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !bytes.Contains(data, []byte(text)) {
			t.Errorf("%s does not hold %q:\n%s", what, text, data)
		}
	}
}
