// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/builder/internal/git"
)

// Spec is the location of the workspaces. It contains no credentials and can be printed.
type Spec struct {
	// dir is set for a directory, remote for a Git repository.
	dir    string
	remote git.Endpoint
	// ref is a branch, a tag or a full commit hash; empty for the default branch.
	ref string
	// subdir is the directory of the workspaces, clean and relative; empty for the root.
	subdir string
	// exact is set if the user named the subdirectory, even the root: it is not searched for then.
	exact bool
}

// Parse parses SOURCE: a directory, or the URL of a Git repository (https, http, ssh, file, or
// user@host:path), optionally followed by #ref:subdir. It removes user-info from the URL. As for
// git and scp, a text with a colon before its first slash is not a directory; ./a:b is one, and on
// Windows C:\b. The path of a bare repository, or of any repository with #ref:subdir, stands for its file URL.
func Parse(s string) (Spec, error) {
	location, fragment, _ := strings.Cut(s, "#")
	head, _, _ := strings.Cut(location[len(filepath.VolumeName(location)):], "/")
	repository, local := localRepository(s, location)
	var spec Spec
	var err error
	switch {
	case local:
		spec.remote.URL = repository
	case s == "":
		return Spec{}, errors.New("the source is empty: name a directory or a Git URL")
	case git.IsURL(location):
		spec.remote, err = git.NewEndpoint(location)
	case strings.Contains(head, ":"):
		return Spec{}, errors.New("the source is not a Git URL (https://…, ssh://…, file:///… or " +
			"user@host:path): a directory with a colon in its name is written ./a:b")
	default:
		return Spec{dir: filepath.Clean(s)}, nil
	}
	if err != nil {
		return Spec{}, err
	}
	ref, subdir, _ := strings.Cut(fragment, ":")
	return spec.With(ref, subdir)
}

// localRepository returns the file URL if SOURCE is the path of a bare repository, or of a
// repository with a #fragment. A directory of that name takes precedence.
func localRepository(s, location string) (*url.URL, bool) {
	dir, err := filepath.Abs(location)
	if err != nil || location == "" || strings.Contains(location, "://") {
		return nil, false
	}
	if _, err := os.Lstat(s); s != location && err == nil {
		return nil, false
	}
	found, err := git.FindGitDir(dir)
	if errors.Is(err, git.ErrRepositoryNotExists) || s == location && (err != nil || found != dir) {
		return nil, false
	}
	return git.FileURL(dir), true
}

// IsRemote reports whether the source is a repository on a server.
func (s Spec) IsRemote() bool { return s.remote.URL != nil && s.remote.URL.Scheme != "file" }

// With adds the flags --ref and --subdir. They must not contradict SOURCE.
func (s Spec) With(ref, subdir string) (Spec, error) {
	if ref != "" && s.remote.URL == nil {
		return Spec{}, errors.New("--ref needs a Git URL as source: a directory is read as it is, and PATH#REF reads a " +
			"ref of a repository on this machine")
	}
	if strings.ContainsFunc(ref+subdir, unicode.IsControl) {
		return Spec{}, fmt.Errorf("the ref %q or the subdirectory %q has a control character", ref, subdir)
	}
	if subdir != "" {
		subdir = filepath.ToSlash(filepath.Clean(subdir))
		if !filepath.IsLocal(subdir) {
			return Spec{}, fmt.Errorf("subdirectory %q leads out of the source", subdir)
		}
	}
	s.exact = s.exact || subdir != ""
	if subdir == "." {
		subdir = ""
	}
	if ref != "" && s.ref != "" && ref != s.ref || subdir != "" && s.subdir != "" && subdir != s.subdir {
		return Spec{}, fmt.Errorf("SOURCE has %q and the flags have %q: set only one of them",
			s.ref+":"+s.subdir, ref+":"+subdir)
	}
	if ref != "" {
		s.ref = ref
	}
	if subdir != "" {
		s.subdir = subdir
	}
	return s, nil
}

// baseName returns the last element of the source without .git.
func (s Spec) baseName() string {
	switch {
	case s.subdir != "":
		return path.Base(s.subdir)
	case s.remote.URL != nil:
		return strings.TrimSuffix(path.Base(s.remote.URL.Path), ".git")
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return ""
	}
	return filepath.Base(dir)
}

// String returns the source without credentials.
func (s Spec) String() string {
	where := s.dir
	if s.remote.URL != nil {
		where = s.remote.URL.String()
	}
	switch {
	case s.ref == "" && s.subdir == "":
		return where
	case s.subdir == "":
		return where + "#" + s.ref
	default:
		return where + "#" + s.ref + ":" + s.subdir
	}
}
