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

// Endpoint is where a repository is. It can be printed: credentials are apart.
type Endpoint struct {
	// URL has the scheme https, http, ssh or file, and no user-info.
	URL *url.URL
	// Relative says that the path of an ssh URL starts at the user's home, as it does
	// in user@host:path.
	Relative bool
	// Username is a secret because people put tokens there.
	Username, Password secret.Value
}

// scp is the notation of ssh without a scheme: user@host:path.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.-]+)@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(.+)$`)

// IsURL reports whether a text is for [NewEndpoint]: a URL, or user@host:path.
func IsURL(location string) bool {
	return strings.Contains(location, "://") || scp.MatchString(location)
}

// NewEndpoint reads the URL of a repository (https, http, ssh or file), or user@host:path.
// User-info is taken out of the URL. No error quotes the text: in a URL with a mistake, a
// password may be where a host or a path belongs.
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

func checkURL(u *url.URL) error {
	switch {
	case !slices.Contains([]string{"https", "http", "ssh", "file"}, u.Scheme):
		return errors.New("the source has an unknown scheme: use https, ssh, http or file")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("the source has a query, which Git URLs do not have")
	case u.Scheme == "file" && (u.Host != "" || !filepath.IsAbs(u.Path)):
		return errors.New("the source is a file URL without an absolute path: file:///path/of/repository")
	case u.Scheme == "file":
		return nil
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		return errors.New("the source is a URL that names no host or no repository")
	case strings.Contains(u.EscapedPath(), "@"):
		// In https://user:12/34@host/path, what is before the slash would be the host.
		return errors.New("the source has an @ behind its host: write / in a password as %2F, and @ in a path as %40")
	case u.Scheme == "ssh" && strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "-"):
		return errors.New("the source is an ssh URL whose path starts with a dash: servers take that for an option")
	}
	return nil
}
