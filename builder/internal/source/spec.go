// SPDX-License-Identifier: AGPL-3.0-or-later

package source

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Spec says where the workspaces are. It can be printed: credentials are apart.
type Spec struct {
	// dir is set for a directory, url for a Git repository.
	dir string
	url *url.URL
	// ref is a branch, a tag or a full commit hash; empty for the repository's default.
	ref string
	// subdir is the directory of the workspaces, clean and relative; empty for the root.
	subdir string

	username string
	password secret.Value
}

// scp is the notation of ssh without a scheme: user@host:path.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.-]+)@([A-Za-z0-9.-]+):([^/].*)$`)

// Parse reads SOURCE: a directory, or the URL of a Git repository (https, http,
// ssh, file, or user@host:path), which may end in #ref:subdir. User-info is taken
// out of the URL.
func Parse(s string) (Spec, error) {
	if s == "" {
		return Spec{}, errors.New("the source is empty: name a directory or a Git URL")
	}
	location, fragment, _ := strings.Cut(s, "#")
	if m := scp.FindStringSubmatch(location); m != nil {
		location = "ssh://" + m[1] + "@" + m[2] + "/" + m[3]
	}
	if !strings.Contains(location, "://") {
		return Spec{dir: filepath.Clean(s)}, nil
	}
	u, err := url.Parse(location)
	if err != nil {
		return Spec{}, errors.New("the source is not a valid URL") // the reason may quote a password
	}
	spec, err := gitSpec(u)
	if err != nil {
		return Spec{}, err
	}
	ref, subdir, _ := strings.Cut(fragment, ":")
	return spec.With(ref, subdir)
}

func gitSpec(u *url.URL) (Spec, error) {
	clean, username, password := secret.SplitURL(u)
	spec := Spec{url: clean, username: username, password: password}
	switch {
	case !slices.Contains([]string{"https", "http", "ssh", "file"}, u.Scheme):
		return Spec{}, fmt.Errorf("the source has the scheme %q: use https, ssh, http or file", u.Scheme)
	case u.RawQuery != "":
		return Spec{}, fmt.Errorf("the source %s has a query, which Git URLs do not have", clean)
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(u.Path)):
		return Spec{}, errors.New("the source is a file URL without an absolute path: file:///path/of/repository")
	case u.Scheme != "file" && (u.Hostname() == "" || strings.Trim(u.Path, "/") == ""):
		return Spec{}, fmt.Errorf("the source %s names no host or no repository", clean)
	case u.Scheme == "http" && !password.Empty() && !loopback(u.Hostname()):
		return Spec{}, fmt.Errorf("the source %s would send credentials without encryption: use https", clean)
	}
	return spec, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// With adds what the flags --ref and --subdir say. What is said twice must agree.
func (s Spec) With(ref, subdir string) (Spec, error) {
	if ref != "" && s.url == nil {
		return Spec{}, errors.New("--ref needs a Git URL as source: a directory is taken as it is")
	}
	if subdir != "" {
		clean := filepath.ToSlash(filepath.Clean(subdir))
		if !filepath.IsLocal(clean) {
			return Spec{}, fmt.Errorf("subdirectory %q leads out of the source", subdir)
		}
		if clean != "." {
			subdir = clean
		} else {
			subdir = ""
		}
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
