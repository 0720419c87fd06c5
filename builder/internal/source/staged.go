// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"bytes"
	"context"
	"crypto/sha1" // the format of Git's index
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitindex "github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// maxStaged bounds the index of a work tree, in bytes.
const maxStaged = 1 << 30

// Staged calls fn for every staged file that HEAD lacks or has with another content. Without a
// commit, all files are new.
func (c *Changes) Staged(ctx context.Context, fn func(Version) error) error {
	list, err := c.listIndex()
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	head, err := c.headFiles()
	if err != nil {
		return err
	}
	staged := snapshot{}
	for _, e := range list {
		staged[e.Name] = e.Hash
	}
	for _, e := range list {
		name, below := c.relativePath(e.Name)
		if !below || head[e.Name] == e.Hash {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := c.readBlob(e.Hash)
		if err != nil {
			return fmt.Errorf("staged file %s: %w", printableName(e.Name), err)
		}
		if err := fn(Version{
			Path:   name,
			Within: inWorkspace(e.Name, staged.isWorkspace),
			Size:   int64(len(data)),
			Data:   data,
		}); err != nil {
			return err
		}
	}
	return nil
}

// listIndex lists the files in the index, excluding links, submodules and files added with git add
// --intent-to-add.
func (c *Changes) listIndex() ([]*gitindex.Entry, error) {
	data, err := c.readIndex()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing is staged in a new repository
	} else if err != nil {
		return nil, err
	}
	var decoded gitindex.Index
	if err := gitindex.NewDecoder(bytes.NewReader(withChecksum(data))).Decode(&decoded); err != nil {
		return nil, fmt.Errorf("%w; split and sparse indexes cannot be scanned: see git update-index "+
			"--no-split-index", err)
	}
	list := slices.DeleteFunc(decoded.Entries, func(e *gitindex.Entry) bool { return e.IntentToAdd || !isFile(e.Mode) })
	slices.SortStableFunc(list, func(a, b *gitindex.Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// readIndex reads the index that Git names to a hook, which for git commit FILE is not that of the
// work tree.
func (c *Changes) readIndex() ([]byte, error) {
	name := filepath.Join(c.dir, "index")
	if named := c.opts.Getenv(envIndexFile); named != "" {
		name = c.resolveHookPath(named)
	}
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(filepath.Base(name))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxStaged {
		return nil, fmt.Errorf("it has more than %d bytes", maxStaged)
	}
	return root.ReadFile(filepath.Base(name))
}

// withChecksum adds the checksum that an index lacks with the setting index.skipHash; the decoder
// requires it.
func withChecksum(data []byte) []byte {
	body := len(data) - sha1.Size
	if body < 0 || bytes.Trim(data[body:], "\x00") != nil {
		return data
	}
	sum := sha1.Sum(data[:body]) // the format of Git's index
	return append(slices.Clip(data[:body]), sum[:]...)
}

func isFile(mode filemode.FileMode) bool {
	return mode == filemode.Regular || mode == filemode.Executable || mode == filemode.Deprecated
}

// snapshot holds the hashes of files by path in the repository.
type snapshot map[string]plumbing.Hash

// isWorkspace reports whether a directory is a workspace.
func (s snapshot) isWorkspace(dir string) bool {
	_, ok := s[path.Join(dir, workspaceMark)]
	return ok
}

// headFiles returns the files of HEAD, or none without a commit.
func (c *Changes) headFiles() (snapshot, error) {
	head, err := storer.ResolveReference(c.storage, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return snapshot{}, nil
	} else if err != nil {
		return nil, fmt.Errorf("read HEAD: %w", err)
	}
	return c.commitFiles(head.Hash())
}

// commitFiles returns the files of a commit.
func (c *Changes) commitFiles(hash plumbing.Hash) (snapshot, error) {
	commit, err := object.GetCommit(c.objects, hash)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", hash, err)
	}
	files := snapshot{}
	if err := c.addFiles(files, commit.TreeHash, "", 0); err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	return files, nil
}

func (c *Changes) addFiles(files snapshot, hash plumbing.Hash, dir string, depth int) error {
	if depth > maxHistoryDepth {
		return errors.New("directories are nested too deeply")
	}
	tree, err := object.GetTree(c.objects, hash)
	if err != nil {
		return fmt.Errorf("read directory %s: %w", printableName(dir), err)
	}
	for _, e := range tree.Entries {
		name := joinPath(dir, e.Name)
		switch {
		case isFile(e.Mode):
			files[name] = e.Hash
		case e.Mode == filemode.Dir:
			if err := c.addFiles(files, e.Hash, name, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
