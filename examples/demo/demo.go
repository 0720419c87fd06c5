// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// secretsFound is the builder's exit code when the scan finds a secret.
const secretsFound = 183

// baseLayerSize is large enough to see that the base is not moved, in bytes.
const baseLayerSize = 8 << 20

func run(ctx context.Context, builder, sidecar, workspaces string) error {
	dir, err := os.MkdirTemp("", "workspaces-release-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	host, stop, err := startRegistry()
	if err != nil {
		return err
	}
	defer stop()

	printTitle("A registry runs in this process. It gets a small stand-in for the prismeai-workspaces image.")
	base := host + "/prismeai/prismeai-workspaces:v27.5.5"
	if err := pushBase(ctx, base); err != nil {
		return err
	}
	d := demo{builder: builder, base: base, image: host + "/acme/prismeai-workspaces", dir: dir}
	if err := errors.Join(d.buildRelease(ctx, workspaces), d.refuseSecret(ctx, workspaces)); err != nil {
		return err
	}
	p, err := newPod(ctx, d, sidecar, workspaces)
	if err != nil {
		return err
	}
	return errors.Join(p.importRelease(ctx), p.refuseRelease(ctx))
}

// demo runs the builder as a CI job does.
type demo struct{ builder, base, image, dir string }

func (d demo) buildRelease(ctx context.Context, workspaces string) error {
	printTitle("Validate the workspaces, and print the order of the import.")
	if err := d.runBuilder(ctx, 0, "validate", workspaces); err != nil {
		return err
	}
	if err := d.runBuilder(ctx, 0, "plan", workspaces); err != nil {
		return err
	}
	printTitle("Build the release: validate, scan, assemble, push.")
	image := d.image + ":v1.0.0"
	if err := d.runBuilder(ctx, 0, "build", workspaces, "--release", "v1.0.0", "--base", d.base, "--tag", image, "--push",
		"--digest-file", filepath.Join(d.dir, "digest"), "--metadata-file",
		filepath.Join(d.dir, "metadata.json")); err != nil {
		return err
	}
	printTitle("Build it again: the digest is the same, and nothing is uploaded.")
	if err := d.runBuilder(ctx, 0, "build", workspaces, "--release", "v1.0.0", "--base", d.base, "--tag", image, "--push",
		"--progress", "quiet"); err != nil {
		return err
	}
	printTitle("Read it back from the registry.")
	return d.runBuilder(ctx, 0, "inspect", image)
}

func (d demo) refuseSecret(ctx context.Context, workspaces string) error {
	printTitle("Someone commits a token. The builder finds it and pushes nothing.")
	leaky := filepath.Join(d.dir, "leaky")
	if err := os.CopyFS(leaky, os.DirFS(workspaces)); err != nil {
		return err
	}
	slug, err := plantSecret(leaky)
	if err != nil {
		return err
	}
	image := d.image + ":leaky"
	if err := d.runBuilder(ctx, secretsFound, "build", leaky, "--release", "v1.0.1", "--base", d.base, "--tag", image,
		"--push"); err != nil {
		return err
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	if _, err := remote.Head(ref, remote.WithContext(ctx)); err == nil {
		return fmt.Errorf("%s exists in the registry", image)
	}
	fmt.Printf("\nThe token in %s was found, and %s does not exist.\n", slug, ref.Identifier())
	return nil
}

// runBuilder runs the builder.
func (d demo) runBuilder(ctx context.Context, want int, args ...string) error {
	return runProgram(ctx, d.builder, want, args...)
}

// runProgram runs a program and prints its output. It returns an error unless the exit code is want.
func runProgram(ctx context.Context, program string, want int, args ...string) error {
	fmt.Printf("\n$ %s %s\n", filepath.Base(program), strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	started := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	fmt.Printf("(exit code %d after %s)\n", cmd.ProcessState.ExitCode(), time.Since(started).Round(time.Millisecond))
	if got := cmd.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("%s %s: exit code %d instead of %d", filepath.Base(program), args[0], got, want)
	}
	return nil
}

// plantSecret writes an automation with a random token into the first workspace.
func plantSecret(dir string) (slug string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		automations := filepath.Join(dir, entry.Name(), "automations")
		body := "slug: sync-crm\nname: Sync CRM\ndo:\n  - fetch:\n      url: https://crm.example.com/contacts\n      " +
			"headers:\n        Authorization: Bearer " + newToken() + "\n"
		return entry.Name(), errors.Join(
			os.MkdirAll(automations, 0o755),
			os.WriteFile(filepath.Join(automations, "sync-crm.yml"), []byte(body), 0o644))
	}
	return "", fmt.Errorf("%s holds no workspace", dir)
}

// newToken returns a random string in the format of a personal access token.
func newToken() string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	body := make([]byte, 36)
	for i := range body {
		body[i] = letters[rand.IntN(len(letters))]
	}
	return "gh" + "p_" + string(body)
}

func startRegistry() (host string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{
		Handler:           registry.New(registry.Logger(log.New(io.Discard, "", 0))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go server.Serve(listener)
	return listener.Addr().String(), func() { server.Close() }, nil
}

// pushBase pushes an image for two architectures that resembles the platform's.
func pushBase(ctx context.Context, image string) error {
	ref, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(baseLayerSize, 3)
		if err != nil {
			return err
		}
		config, err := img.ConfigFile()
		if err != nil {
			return err
		}
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", arch
		config.Config.Env = []string{"NODE_ENV=production"}
		config.Config.WorkingDir = "/www"
		if img, err = mutate.ConfigFile(img, config); err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return remote.WriteIndex(ref, index, remote.WithContext(ctx))
}

func printTitle(text string) { fmt.Printf("\n── %s\n", text) }
