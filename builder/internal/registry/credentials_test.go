// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dockerDir makes a DOCKER_CONFIG directory.
func dockerDir(t *testing.T, config string) string {
	t.Helper()
	return filepath.Dir(writeFile(t, "config.json", config))
}

// helper puts docker-credential-NAME into PATH. It prints answer for host, and what
// the standard helpers print for others.
func helper(t *testing.T, name, host, answer string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nread h\n[ \"$1\" = get ] && [ \"$h\" = '" + host + "' ] && { echo '" + answer +
		"'; exit; }\necho 'credentials not found in native keychain'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// gitlabJob is what a job has of the registry of its project.
func gitlabJob(host string) []string {
	return []string{"CI_REGISTRY", host, "CI_REGISTRY_USER", "gitlab-ci-token", "CI_REGISTRY_PASSWORD", "job"}
}

func TestCredentials(t *testing.T) {
	helper(t, "fake", "helped.example", `{"ServerURL":"helped.example","Username":"h","Secret":"from-helper"}`)
	helper(t, "tokens", "helped.example", `{"Username":"<token>","Secret":"identity"}`)
	helper(t, "hub", "https://index.docker.io/v1/", `{"Username":"h","Secret":"of-hub"}`)
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".docker"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte(authJSON("r.example", "u", "home")),
		0o600); err != nil {
		t.Fatal(err)
	}
	runtimeDir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(runtimeDir, "containers"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(runtimeDir, "containers", "auth.json"),
		[]byte(authJSON("r.example", "u", "podman")), 0o600); err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, "auth.json", authJSON("r.example", "u", "file"))
	variable := authJSON("r.example", "u", "variable")
	docker := dockerDir(t, authJSON("r.example", "u", "docker"))

	tests := []struct {
		name, host   string
		env          []string
		user, secret string
		source       string
	}{
		{"nothing", "r.example", nil, "", "", ""},
		{"variable first", "r.example", []string{"DOCKER_AUTH_CONFIG", variable, "REGISTRY_AUTH_FILE", file, "DOCKER_CONFIG", docker, "HOME", home}, "u", "variable", "DOCKER_AUTH_CONFIG"},
		{"file second", "r.example", []string{"REGISTRY_AUTH_FILE", file, "DOCKER_CONFIG", docker, "HOME", home}, "u", "file", file},
		{"docker directory third", "r.example", []string{"DOCKER_CONFIG", docker, "HOME", home, "XDG_RUNTIME_DIR", runtimeDir}, "u", "docker", docker + "/config.json"},
		{"home", "r.example", []string{"HOME", home, "XDG_RUNTIME_DIR", runtimeDir}, "u", "home", home + "/.docker/config.json"},
		{"podman last", "r.example", []string{"XDG_RUNTIME_DIR", runtimeDir}, "u", "podman", runtimeDir + "/containers/auth.json"},
		{"the variable has another host", "r.example", []string{"DOCKER_AUTH_CONFIG", authJSON("other.example", "u", "x"), "DOCKER_CONFIG", docker}, "u", "docker", docker + "/config.json"},
		{"other port", "r.example:5000", []string{"DOCKER_CONFIG", docker}, "", "", ""},
		{"suffix", "r.example.evil.test", []string{"DOCKER_CONFIG", docker}, "", "", ""},
		{"older key", "r.example", []string{"DOCKER_AUTH_CONFIG", authJSON("https://r.example/v1/", "u", "old")}, "u", "old", "DOCKER_AUTH_CONFIG"},
		{"plain key wins over older key", "r.example", []string{"DOCKER_AUTH_CONFIG", `{"auths":{"https://r.example/v1/":{"username":"u","password":"old"},"r.example":{"username":"u","password":"new"}}}`}, "u", "new", "DOCKER_AUTH_CONFIG"},
		{"key of a repository", "r.example", []string{"DOCKER_AUTH_CONFIG", authJSON("r.example/team/app", "u", "narrow")}, "", "", ""},
		{"docker hub by API host", "registry-1.docker.io", []string{"DOCKER_AUTH_CONFIG", authJSON("https://index.docker.io/v1/", "u", "hub")}, "u", "hub", "DOCKER_AUTH_CONFIG"},
		{"docker hub by name", "docker.io", []string{"DOCKER_AUTH_CONFIG", authJSON("docker.io", "u", "hub")}, "u", "hub", "DOCKER_AUTH_CONFIG"},
		{"password with colon", "r.example", []string{"DOCKER_AUTH_CONFIG", authJSON("r.example", "u", "a:b")}, "u", "a:b", "DOCKER_AUTH_CONFIG"},
		{"identity token", "r.example", []string{"DOCKER_AUTH_CONFIG", `{"auths":{"r.example":{"auth":"dTpw","identitytoken":"id"}}}`}, "", "id", "DOCKER_AUTH_CONFIG"},
		{"helper of host", "helped.example", []string{"DOCKER_AUTH_CONFIG", `{"credHelpers":{"helped.example":"fake"},"credsStore":"absent"}`}, "h", "from-helper", "DOCKER_AUTH_CONFIG (docker-credential-fake)"},
		{"store", "helped.example", []string{"DOCKER_AUTH_CONFIG", `{"credsStore":"tokens"}`}, "", "identity", "DOCKER_AUTH_CONFIG (docker-credential-tokens)"},
		{"store of docker hub", "docker.io", []string{"DOCKER_AUTH_CONFIG", `{"credsStore":"hub"}`}, "h", "of-hub", "DOCKER_AUTH_CONFIG (docker-credential-hub)"},
		{"job of GitLab", "r.example:5050", gitlabJob("r.example:5050"), "gitlab-ci-token", "job", "CI_REGISTRY_PASSWORD"},
		{"job of GitLab, another registry", "r.example", gitlabJob("r.example:5050"), "", "", ""},
		{"job of GitLab last", "r.example", append(gitlabJob("r.example"), "DOCKER_CONFIG", docker), "u", "docker", docker + "/config.json"},
		{"job of GitLab without a password", "r.example", []string{"CI_REGISTRY", "r.example", "CI_REGISTRY_USER", "u"}, "", "", ""},
		{"the store does not know the host", "r.example", []string{"DOCKER_AUTH_CONFIG", `{"credsStore":"fake","auths":{"r.example":{"username":"u","password":"p"}}}`}, "u", "p", "DOCKER_AUTH_CONFIG"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, Options{Getenv: environment(tt.env...)})
			user, password, err := c.Credentials(t.Context(), tt.host)
			if err != nil {
				t.Fatal(err)
			}
			if user != tt.user || password.Reveal() != tt.secret {
				t.Errorf("got %q %q, want %q %q", user, password.Reveal(), tt.user, tt.secret)
			}
			found, err := c.findCredential(t.Context(), tt.host)
			if err != nil || found.source != tt.source {
				t.Errorf("source %q, %v, want %q", found.source, err, tt.source)
			}
		})
	}
}

// The error of a broken source names the source and contains nothing of its content.
func TestBrokenSources(t *testing.T) {
	const canary = "canary-s3cret"
	tests := []struct{ name, content, want string }{
		{"no JSON", canary, "not valid JSON at byte 1"},
		{"cut off", `{"auths":{"r":{"password":"` + canary, "the JSON is incomplete"},
		{"two values", `{}{"auths":"` + canary + `"}`, "more than one JSON value"},
		{"wrong type", `{"auths":{"r":{"auth":["` + canary + `"]}}}`, "wrong type"},
		{"no base64", `{"auths":{"https://u:` + canary + `@r/v1/":{"auth":"` + canary + `!"},"r":{"auth":"` + canary + `!"}}}`, "credentials for r: auth is not base64"},
		{"no colon", `{"auths":{"r":{"auth":"Y2FuYXJ5LXMzY3JldA=="}}}`, "USER:PASSWORD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := dockerDir(t, tt.content)
			file := filepath.Join(dir, "config.json")
			for name, env := range map[string]func(string) string{
				"DOCKER_AUTH_CONFIG": environment("DOCKER_AUTH_CONFIG", tt.content),
				file:                 environment("DOCKER_CONFIG", dir),
			} {
				_, err := New(Options{Getenv: env})
				wantError(t, err, Credentials, name, tt.want)
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the content is in the error %q", err)
				}
			}
		})
	}
}

func TestUnreadableSources(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.json")
	_, err := New(Options{Getenv: environment("REGISTRY_AUTH_FILE", absent)})
	wantError(t, err, Credentials, absent)

	large := writeFile(t, "auth.json", strings.Repeat(" ", maxAuthFile+1))
	_, err = New(Options{Getenv: environment("REGISTRY_AUTH_FILE", large)})
	wantError(t, err, Credentials, "larger than")

	_, err = New(Options{Getenv: environment("DOCKER_CONFIG", t.TempDir(), "HOME", t.TempDir())})
	if err != nil {
		t.Errorf("a directory without config.json: %v", err)
	}
}

// Errors never contain the output of a helper.
func TestHelperFails(t *testing.T) {
	const canary = "canary-s3cret"
	helper(t, "garbled", "r.example", canary)
	helper(t, "verbose", "r.example", strings.Repeat(canary, maxHelperAnswer))
	tests := []struct{ helper, want string }{
		{"garbled", "answer of docker-credential-garbled"},
		{"verbose", "run docker-credential-verbose"},
		{"absent", "docker-credential-absent"},
		{"../evil", "not a name"},
	}
	for _, tt := range tests {
		t.Run(tt.helper, func(t *testing.T) {
			c := newClient(t, Options{Getenv: environment("DOCKER_AUTH_CONFIG", `{"credsStore":"`+tt.helper+`"}`)})
			_, _, err := c.Credentials(t.Context(), "r.example")
			wantError(t, err, Credentials, "DOCKER_AUTH_CONFIG", tt.want)
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the answer is in the error %q", err)
			}
		})
	}
}

func FuzzParseSource(f *testing.F) {
	f.Add([]byte(authJSON("r.example", "u", "p")))
	f.Add([]byte(`{"auths":{"https://index.docker.io/v1/":{"identitytoken":"t"}},"credsStore":"s",` +
		`"credHelpers":{"a":"b"}}`))
	f.Add([]byte(`{"auths":{"r":{"auth":"!"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSource("file", data)
		if err != nil {
			return
		}
		for host := range s.auths {
			if host == "" || strings.ContainsAny(host, "/@") {
				t.Errorf("credentials are kept for %q, which is no host", host)
			}
		}
	})
}

func TestAdviceOnAuthFiles(t *testing.T) {
	for _, cause := range []error{fs.ErrPermission, fs.ErrInvalid} {
		err := adviseAuthFile(&fs.PathError{Op: "open", Path: "/root/.docker/config.json", Err: cause})
		advised := strings.Contains(err.Error(), "set HOME or DOCKER_CONFIG")
		if !errors.Is(err, cause) || advised != (cause == fs.ErrPermission) {
			t.Errorf("%v: %v", cause, err)
		}
	}
}
