// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/registry/registrytest"
)

// fakeHelper is the name of the credential helper that the test binary implements.
const fakeHelper = "docker-credential-fake"

// helpWithCredentials implements a credential helper: it reads a host from standard input and
// writes to standard output. Variables configure its credentials.
func helpWithCredentials(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	host, err := io.ReadAll(stdin)
	switch {
	case err != nil:
		return 1
	case getenv("FAKE_BROKEN") != "":
		fmt.Fprintf(stdout, "no keyring for %s\n", getenv("FAKE_SECRET"))
		fmt.Fprintf(stderr, "no keyring for %s\n", getenv("FAKE_SECRET"))
		return 1
	case strings.TrimSpace(string(host)) != getenv("FAKE_HOST"):
		fmt.Fprintln(stdout, "credentials not found in native keychain")
		return 1
	}
	json.NewEncoder(stdout).Encode(map[string]string{
		"ServerURL": string(host),
		"Username":  "ci",
		"Secret":    getenv("FAKE_SECRET"),
	})
	return 0
}

func TestCredentialHelpers(t *testing.T) {
	password := "canary" + rand.Text()
	reg := registrytest.New(t, registrytest.Options{Username: "ci", Password: password})
	base, src := pushBase(t, reg), workspaces(t)
	path := filepath.Dir(link(t, fakeHelper))
	tests := []struct {
		name, config string
		env          map[string]string
		code         int
		says         string
	}{
		{name: "helper of the host", config: `{"credHelpers":{%q:"fake"}}`},
		{name: "store of all hosts", config: `{"auths":{%q:{}},"credsStore":"fake"}`},
		{
			name:   "unknown host",
			config: `{"credHelpers":{%q:"fake"}}`,
			env:    map[string]string{"FAKE_HOST": "other.example.com"},
			code:   7,
			says:   "not authorized",
		},
		{
			name:   "broken helper",
			config: `{"credHelpers":{%q:"fake"}}`,
			env:    map[string]string{"FAKE_BROKEN": "1"},
			code:   7,
			says:   "run docker-credential-fake for " + reg.Host(),
		},
		{name: "missing helper", config: `{"credHelpers":{%q:"absent"}}`, code: 7, says: "docker-credential-absent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "config.json"), fmt.Appendf(nil, tt.config, reg.Host()),
				0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{
				"PATH":          path,
				"DOCKER_CONFIG": dir,
				"FAKE_HOST":     reg.Host(),
				"FAKE_SECRET":   password,
			}
			for key, value := range tt.env {
				env[key] = value
			}
			p := builder(t, env, "build", src, "--base", base, "-t", reg.Ref("out:v1"), "--push", "--progress", "plain")
			p.run(t, tt.code)
			p.says(t, tt.says)
			if strings.Contains(p.stdout.String()+p.stderr.String(), password) {
				t.Errorf("the password was printed:\n%s\n%s", p.stdout.String(), p.stderr.String())
			}
		})
	}
}
