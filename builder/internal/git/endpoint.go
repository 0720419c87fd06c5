// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prismeai/workspaces-release/internal/secret"
)

// Endpoint is the location of a repository. Its URL can be printed, because credentials are
// separate.
type Endpoint struct {
	// URL has the scheme https, http, ssh or file, and no user-info.
	URL *url.URL
	// Relative means that the path of an ssh URL is relative to the user's home directory, as in
	// user@host:path.
	Relative bool
	// Username is a secret because users put tokens there.
	Username, Password secret.Value
}

// scp matches the notation of ssh without a scheme: user@host:path.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.-]+)@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(.+)$`)

// IsURL reports whether location is a URL or user@host:path, which [NewEndpoint] parses.
func IsURL(location string) bool {
	return strings.Contains(location, "://") || scp.MatchString(location)
}

// NewEndpoint parses the URL of a repository (https, http, ssh or file), or user@host:path. It
// removes user-info from the URL. Errors never quote location, because a malformed URL may contain
// a password in place of a host or a path.
func NewEndpoint(location string) (Endpoint, error) {
	if m := scp.FindStringSubmatch(location); m != nil && !strings.Contains(location, "://") {
		path := (&url.URL{Path: strings.TrimPrefix(m[3], "/")}).EscapedPath()
		endpoint, err := parseURL("ssh://" + m[1] + "@" + m[2] + "/" + path)
		if err != nil {
			return Endpoint{}, err
		}
		endpoint.Relative = !strings.HasPrefix(m[3], "/")
		return endpoint, nil
	}
	return parseURL(location)
}

func parseURL(location string) (Endpoint, error) {
	u, err := url.Parse(location)
	if err != nil {
		return Endpoint{}, errors.New("the source is not a valid URL: in a user name or password, " +
			"write / ? # @ and % as %2F %3F %23 %40 and %25")
	}
	clean, username, password := secret.SplitURL(u)
	if err := checkURL(u); err != nil {
		return Endpoint{}, err
	}
	return Endpoint{URL: clean, Username: secret.New(username), Password: password}, nil
}

// FileURL returns the URL of an absolute path; C:\a has file:///C:/a.
func FileURL(dir string) *url.URL {
	dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir
	}
	return &url.URL{Scheme: "file", Path: dir}
}

// LocalPath returns the path in a file URL.
func LocalPath(u *url.URL) string {
	dir := filepath.FromSlash(u.Path)
	if drive := strings.TrimPrefix(dir, string(filepath.Separator)); filepath.VolumeName(drive) != "" {
		return drive
	}
	return dir
}

func checkURL(u *url.URL) error {
	switch {
	case !slices.Contains([]string{"https", "http", "ssh", "file"}, u.Scheme):
		return errors.New("the source has an unknown scheme: use https, ssh, http or file")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("the source has a query, which Git URLs do not have")
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(LocalPath(u))):
		return errors.New("the source is a file URL without an absolute path: file:///path/of/repository")
	case u.Scheme == "file":
		return nil
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		return errors.New("the source is a URL that names no host or no repository")
	case strings.Contains(u.EscapedPath(), "@"):
		// In https://user:12/34@host/path, the part before the slash would be the host.
		return errors.New("the source has an @ after its host: write / in a password as %2F, and @ in a path as %40")
	case u.Scheme == "ssh" && strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "-"):
		return errors.New("the source is an ssh URL whose path starts with a dash: servers read it as an option")
	}
	return nil
}
