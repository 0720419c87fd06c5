// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
	_ "time/tzdata" // for TZ, also where the system has no time zones

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
	"github.com/prismeai/workspaces-release/internal/needs"
)

// checkout writes the example workspaces as another machine would: in the opposite order, with
// other times, modes and owners.
func checkout(t *testing.T, owner int) string {
	t.Helper()
	dir := filepath.Join(needs.PublicDir(t), "elsewhere")
	var paths []string
	err := fs.WalkDir(os.DirFS(exampleWorkspaces), ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(paths)
	for i, path := range paths {
		to := filepath.Join(dir, path)
		data, err := os.ReadFile(filepath.Join(exampleWorkspaces, path))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644))
		then := time.Unix(int64(i)*86_399, 0)
		if err := errors.Join(err, os.Chmod(to, 0o700), os.Chtimes(to, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, owner, owner))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The same workspaces give the same image, regardless of builder, place and method.
func TestSameWorkspacesGiveTheSameDigest(t *testing.T) {
	reg := registrytest.New(t, registrytest.Options{})
	base := pushBase(t, reg)
	build := func(repository, src string, env map[string]string) *program {
		return builder(t, env, "build", src, "--base", base, "-t", reg.Ref(repository+":v1"), "--push", "--release",
			"v1", "--progress", "quiet")
	}
	owner := os.Getuid()
	if owner == 0 {
		owner = needs.Nobody
	} else {
		t.Log("NOT TESTED with two users: only root can become another one")
	}

	here := build("here", "workspaces", map[string]string{"TZ": "America/St_Johns", "LANG": "C", "GOMAXPROCS": "8"})
	here.Dir = filepath.Dir(workspaces(t))
	here.run(t, 0)

	there := build("there", checkout(t, owner), map[string]string{
		"TZ":         "Asia/Kathmandu",
		"LC_ALL":     "tr_TR.UTF-8",
		"GOMAXPROCS": "1",
	})
	if os.Getuid() == 0 {
		needs.RunAsNobody(t, there.Cmd, there.temp)
	}
	old := syscall.Umask(0o077)
	err := there.Start()
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	there.wait(t, 0)

	want, got := reg.Descriptor(t, "here:v1"), reg.Descriptor(t, "there:v1")
	if want.Digest != got.Digest {
		t.Errorf("two digests: %s\n%s\n%s\n%s", want.Digest, want.Manifest, got.Digest, got.Manifest)
	}
}
