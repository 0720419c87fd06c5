// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := strings.TrimSpace(ts.ReadFile(file))
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				ts.Fatalf("%s: not JSON: %q", file, line)
			}
		}
		if text == "" {
			ts.Fatalf("%s is empty", file)
		}
	}
}

// readImage writes what describes an image. Of several platforms, it takes amd64.
func readImage(ts *testscript.TestScript, _ bool, args []string) {
	ref, err := name.ParseReference(args[1])
	ts.Check(err)
	image, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	ts.Check(err)
	config, err := image.ConfigFile()
	ts.Check(err)
	manifest, err := image.Manifest()
	ts.Check(err)
	data, err := json.Marshal(map[string]any{"config": config, "manifest": manifest})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// login sets a variable if its target is the name of one, and writes a file otherwise.
func login(ts *testscript.TestScript, _ bool, args []string) {
	to, host, password := args[0], args[1], args[2]
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("ci:"+password)))
	if to == strings.ToUpper(to) {
		ts.Setenv(to, text)
		return
	}
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(to)), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(to), []byte(text), 0o600))
}

// fill does what people do with an editor.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, pair := range args[1:] {
		key, value, _ := strings.Cut(pair, "=")
		line := regexp.MustCompile(`(?m)^( +` + key + `:).*$`)
		if !line.MatchString(text) {
			ts.Fatalf("%s has no key %s", args[0], key)
		}
		text = line.ReplaceAllString(text, "${1} "+value)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// hostile makes a file of a kind that the file formats of stories cannot hold.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	kind, file := args[0], ts.MkAbs(args[1])
	var err error
	switch kind {
	case "pipe":
		err = makePipe(file)
	case "socket":
		l, failed := net.ListenUnix("unix", &net.UnixAddr{Name: file})
		ts.Check(failed)
		ts.Defer(func() { l.Close() })
	case "hard-link":
		err = os.Link(filepath.Join(filepath.Dir(file), "index.yml"), file)
	case "latin-1":
		err = os.WriteFile(file+"\xe9.yml", []byte("a: 1\n"), 0o644)
	case "control":
		err = os.WriteFile(file+"\x1b[2J.yml", []byte("a: 1\n"), 0o644)
	case "damaged-archive":
		err = os.WriteFile(file, append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, bytes.Repeat([]byte{0xfe, 0x01}, 300)...),
			0o644)
	case "large":
		const size = 100 << 20
		err = errors.Join(os.WriteFile(file, nil, 0o644), os.Truncate(file, size))
	default:
		ts.Fatalf("unknown kind %s", kind)
	}
	ts.Check(err)
}

// convertLineEnds does what Git does in a checkout with core.autocrlf.
func convertLineEnds(ts *testscript.TestScript, _ bool, args []string) {
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), 0o644)
	})
	ts.Check(err)
}

// commit commits all of a directory. Every commit of a repository is a day after the one before.
func commit(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	repository, err := git.PlainInit(dir, false)
	if errors.Is(err, git.ErrRepositoryAlreadyExists) {
		repository, err = git.PlainOpen(dir)
	}
	ts.Check(err)
	when := time.Unix(1_700_000_000, 0)
	if head, err := repository.Head(); err == nil {
		last, err := repository.CommitObject(head.Hash())
		ts.Check(err)
		when = last.Committer.When.AddDate(0, 0, 1)
	}
	tree, err := repository.Worktree()
	ts.Check(err)
	ts.Check(tree.AddWithOptions(&git.AddOptions{All: true}))
	hash, err := tree.Commit("workspaces", &git.CommitOptions{Author: &object.Signature{Name: "Ada",
		Email: "ada@example.com", When: when}})
	ts.Check(err)
	ts.Setenv("COMMIT", hash.String())
}

// forge pushes one platform of a release whose variable leads somewhere else.
func forge(ts *testscript.TestScript, _ bool, args []string) {
	to, err := name.ParseReference(args[0])
	ts.Check(err)
	from, err := name.ParseReference(args[1])
	ts.Check(err)
	image, err := remote.Image(from, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	ts.Check(err)
	config, err := image.ConfigFile()
	ts.Check(err)
	config = config.DeepCopy()
	for i, entry := range config.Config.Env {
		config.Config.Env[i] = strings.Replace(entry, "_DIRPATH=/www/workspaces", "_DIRPATH=/srv/forged", 1)
	}
	forged, err := mutate.ConfigFile(image, config)
	ts.Check(err)
	ts.Check(remote.Write(to, forged))
}

// tamper changes a byte of the largest layer, which is the one with the workspaces.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "blobs/sha256/*"))
	ts.Check(err)
	var largest string
	var data []byte
	for _, file := range files {
		blob, err := os.ReadFile(file)
		ts.Check(err)
		if bytes.HasPrefix(blob, []byte{0x1f, 0x8b}) && len(blob) > len(data) {
			largest, data = file, blob
		}
	}
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(largest, 0o644))
	ts.Check(os.WriteFile(largest, data, 0o644))
}
