// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Spec says where the workspaces are. It can be printed: credentials are apart.
type Spec struct {
	// dir is set for a directory, url for a Git repository.
	dir string
	url *url.URL
	// relative says that the path of an ssh URL starts at the user's home, as it does
	// in user@host:path.
	relative bool
	// ref is a branch, a tag or a full commit hash; empty for the repository's default.
	ref string
	// subdir is the directory of the workspaces, clean and relative; empty for the root.
	subdir string
	// exact says that the subdirectory was named, be it the root: none is looked for.
	exact bool

	// username is a secret because people put tokens there.
	username, password secret.Value
}

// scp is the notation of ssh without a scheme: user@host:path.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.-]+)@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(.+)$`)

// Parse reads SOURCE: a directory, or the URL of a Git repository (https, http, ssh,
// file, or user@host:path), which may end in #ref:subdir. User-info is taken out of
// the URL. What has a colon before its first slash is no directory, as for git and
// scp: ./a:b is one. The path of a bare repository, and that of any repository with
// #ref:subdir behind it, stand for the file URL of the repository.
//
// No error quotes the source, whatever it is: in a URL with a mistake, a password may
// be where a host or a path belongs.
func Parse(s string) (Spec, error) {
	location, fragment, _ := strings.Cut(s, "#")
	head, _, _ := strings.Cut(location, "/")
	repository, local := localRepository(s, location)
	var spec Spec
	var err error
	switch {
	case local:
		spec.url = repository
	case s == "":
		return Spec{}, errors.New("the source is empty: name a directory or a Git URL")
	case strings.Contains(location, "://"):
		spec, err = parseURL(location)
	case scp.MatchString(location):
		spec, err = parseSCP(location)
	case strings.Contains(head, ":"):
		return Spec{}, errors.New("the source is no Git URL (https://…, ssh://…, file:///… or user@host:path): a directory with a colon in its name is written ./a:b")
	default:
		return Spec{dir: filepath.Clean(s)}, nil
	}
	if err != nil {
		return Spec{}, err
	}
	ref, subdir, _ := strings.Cut(fragment, ":")
	return spec.With(ref, subdir)
}

// localRepository returns the URL of a repository that SOURCE names by its path: a bare
// one, or a location with a #fragment behind it. A directory of that name comes first.
func localRepository(s, location string) (*url.URL, bool) {
	dir, err := filepath.Abs(location)
	if err != nil || location == "" || strings.Contains(location, "://") {
		return nil, false
	}
	if _, err := os.Lstat(s); s != location && err == nil {
		return nil, false
	}
	kept, err := gitDir(dir)
	if err != nil || s == location && kept != dir {
		return nil, false
	}
	return &url.URL{Scheme: "file", Path: dir}, true
}

func parseSCP(location string) (Spec, error) {
	m := scp.FindStringSubmatch(location)
	spec, err := parseURL("ssh://" + m[1] + "@" + m[2] + "/" + (&url.URL{Path: strings.TrimPrefix(m[3], "/")}).EscapedPath())
	spec.relative = !strings.HasPrefix(m[3], "/")
	return spec, err
}

func parseURL(location string) (Spec, error) {
	u, err := url.Parse(location)
	if err != nil {
		return Spec{}, errors.New("the source is not a valid URL: in a user name or password, write / ? # @ and % as %2F %3F %23 %40 and %25")
	}
	clean, username, password := secret.SplitURL(u)
	spec := Spec{url: clean, username: secret.New(username), password: password}
	switch {
	case !slices.Contains([]string{"https", "http", "ssh", "file"}, u.Scheme):
		return Spec{}, errors.New("the source has an unknown scheme: use https, ssh, http or file")
	case u.RawQuery != "" || u.ForceQuery:
		return Spec{}, errors.New("the source has a query, which Git URLs do not have")
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(u.Path)):
		return Spec{}, errors.New("the source is a file URL without an absolute path: file:///path/of/repository")
	case u.Scheme == "file":
		return spec, nil
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		return Spec{}, errors.New("the source is a URL that names no host or no repository")
	case strings.Contains(u.EscapedPath(), "@"):
		// In https://user:12/34@host/path, what is before the slash would be the host.
		return Spec{}, errors.New("the source has an @ behind its host: write / in a password as %2F, and @ in a path as %40")
	case u.Scheme == "ssh" && strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "-"):
		return Spec{}, errors.New("the source is an ssh URL whose path starts with a dash: servers take that for an option")
	}
	return spec, nil
}

// IsRemote reports whether the source is a repository on a server, which is fetched.
func (s Spec) IsRemote() bool { return s.url != nil && s.url.Scheme != "file" }

// With adds what the flags --ref and --subdir say. What is said twice must agree.
func (s Spec) With(ref, subdir string) (Spec, error) {
	if ref != "" && s.url == nil {
		return Spec{}, errors.New("--ref needs a Git URL as source: a directory is taken as it is; PATH#REF is that of a repository on this machine")
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
		return Spec{}, fmt.Errorf("the source says %q and the flags say %q: say it once", s.ref+":"+s.subdir, ref+":"+subdir)
	}
	if ref != "" {
		s.ref = ref
	}
	if subdir != "" {
		s.subdir = subdir
	}
	return s, nil
}

// base is the last name of the source, without .git.
func (s Spec) base() string {
	switch {
	case s.subdir != "":
		return path.Base(s.subdir)
	case s.url != nil:
		return strings.TrimSuffix(path.Base(s.url.Path), ".git")
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
	if s.url != nil {
		where = s.url.String()
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
