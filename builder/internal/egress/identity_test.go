// SPDX-License-Identifier: AGPL-3.0-or-later

package egress

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/egress/tlstest"
)

func TestLoadIdentity(t *testing.T) {
	files := tlstest.New(t)
	other := tlstest.New(t)
	dir := t.TempDir()
	both := filepath.Join(dir, "both.pem")
	write(t, both, string(readFile(t, files.ClientKey))+string(readFile(t, files.ClientCert)))
	huge := filepath.Join(dir, "huge.pem")
	write(t, huge, strings.Repeat("x", maxPEM+1))
	for _, test := range []struct{ name, cert, key, want string }{
		{name: "none"},
		{name: "two files", cert: files.ClientCert, key: files.ClientKey},
		{name: "one file", cert: both},
		{name: "key alone", key: files.ClientKey, want: "has no certificate"},
		{name: "no key", cert: files.ClientCert, want: "with key " + files.ClientCert},
		{name: "key of another", cert: files.ClientCert, key: other.ClientKey, want: "does not match public key"},
		{name: "absent", cert: dir + "/absent", want: "absent"},
		{name: "absent key", cert: files.ClientCert, key: dir + "/absent", want: "read key of client certificate"},
		{name: "huge", cert: huge, want: "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadIdentity(test.cert, test.key)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			} else if strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
