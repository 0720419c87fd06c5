// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"path/filepath"
	"testing"
)

func TestFileURL(t *testing.T) {
	dir := t.TempDir() // on Windows, it is on a drive
	u := FileURL(dir)
	if got := LocalPath(u); got != dir {
		t.Errorf("%s became %s, which is %s", dir, u, got)
	}
	endpoint, err := NewEndpoint(u.String())
	if err != nil || LocalPath(endpoint.URL) != dir {
		t.Errorf("%s: %v, %v", u, endpoint.URL, err)
	}
	if u.Scheme != "file" || filepath.ToSlash(dir) != u.Path && "/"+filepath.ToSlash(dir) != u.Path {
		t.Errorf("URL %s of %s", u, dir)
	}
}
