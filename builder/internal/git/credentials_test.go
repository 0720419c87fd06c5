// SPDX-License-Identifier: AGPL-3.0-or-later

package git

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/builder/internal/git/gittest"
	"github.com/prismeai/workspaces-release/internal/secret"
)

// everywhere returns an environment with every supported credential.
func everywhere(t *testing.T, without ...string) func(string) string {
	dir := gittest.WriteFiles(t, map[string]string{"token": "from-token-file\n",
		".netrc": "machine gitlab.example login n password from-netrc"})
	all := map[string]string{
		envToken: "from-env", envTokenFile: filepath.Join(dir, "token"), "HOME": dir,
		"CI_JOB_TOKEN": "from-job", "CI_SERVER_HOST": "gitlab.example", "CI_SERVER_PORT": "443",
	}
	for _, name := range without {
		delete(all, name)
	}
	return func(name string) string { return all[name] }
}

func TestCredentialsInTheirOrder(t *testing.T) {
	const plain = "https://gitlab.example/r"
	token := Auth{Token: secret.New("from-option")}
	named := Auth{Token: secret.New("from-option"), Username: "opt"}
	for _, test := range []struct {
		name, url string
		opts      Auth
		without   []string
		want      string
	}{
		{"URL first", "https://u:p@gitlab.example/r", named, nil, "u:p of the URL"},
		{"password alone", "https://:p@gitlab.example/r", named, nil, "opt:p of the URL"},
		{"user of the URL with another token", "https://u@gitlab.example/r", named, nil, "u:from-option of the token file"},
		{"user alone is a token", "https://u@elsewhere.example/r", Auth{}, []string{envToken, envTokenFile}, "u: of the URL"},
		{"option", plain, token, nil, "git:from-option of the token file"},
		{"option with user", plain, named, nil, "opt:from-option of the token file"},
		{"variable", plain, Auth{}, nil, "git:from-env of BUILDER_GIT_TOKEN"},
		{"file", plain, Auth{}, []string{envToken}, "git:from-token-file of BUILDER_GIT_TOKEN_FILE"},
		{"job", plain, Auth{}, []string{envToken, envTokenFile}, "gitlab-ci-token:from-job of CI_JOB_TOKEN"},
		{"job token has a user of its own", plain, Auth{Username: "opt"}, []string{envToken, envTokenFile}, "gitlab-ci-token:from-job of CI_JOB_TOKEN"},
		{"netrc", plain, Auth{}, []string{envToken, envTokenFile, "CI_JOB_TOKEN"}, "n:from-netrc of netrc"},
		{"netrc of another user", plain, Auth{Username: "x"}, []string{envToken, envTokenFile, "CI_JOB_TOKEN"}, "none"},
		{"none", plain, Auth{}, []string{envToken, envTokenFile, "CI_JOB_TOKEN", "HOME"}, "none"},
		{"none for another host", "https://gitlab.example.com/r", Auth{}, []string{envToken, envTokenFile}, "none"},
		{"none for another port", "https://gitlab.example:8443/r", Auth{}, []string{envToken, envTokenFile, "HOME"}, "none"},
		{"no password for keys", "ssh://u@gitlab.example/r", named, nil, "none, as u"},
		{"no user for keys", "ssh://gitlab.example/r", Auth{}, nil, "none, as git"},
		{"password of the URL over SSH", "ssh://u:p@gitlab.example/r", Auth{}, nil, "u:p of the URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.Getenv = everywhere(t, test.without...)
			cred, err := findCredential(parse(t, test.url), test.opts)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%s:%s of %s", cred.username.Reveal(), cred.password.Reveal(), cred.origin)
			if cred.origin == "" {
				got = "none"
				if strings.HasPrefix(test.url, "ssh") {
					got += ", as " + cred.username.Reveal()
				}
			}
			if got != test.want {
				t.Errorf("credential %s, want %s", got, test.want)
			}
		})
	}
}

func TestUsernameOfTheEnvironment(t *testing.T) {
	env := gittest.Environment(envToken, "t", envUsername, "env")
	for url, want := range map[string]string{"https://h/r": "env", "https://u@h/r": "u", "ssh://h/r": "env"} {
		cred, err := findCredential(parse(t, url), Auth{Getenv: env})
		if err != nil || cred.username.Reveal() != want {
			t.Errorf("%s: user %q, %v", url, cred.username.Reveal(), err)
		}
	}
}

// A job token is for the server that issued it: scheme, host and port must match.
func TestJobTokens(t *testing.T) {
	gitlab := []string{"CI_JOB_TOKEN", "t", "CI_SERVER_HOST", "GitLab.example"}
	gitlabOnPort := append(gitlab[:4:4], "CI_SERVER_PORT", "8443")
	github := []string{"GITHUB_TOKEN", "t", "GITHUB_SERVER_URL", "https://github.example"}
	for _, test := range []struct {
		env  []string
		url  string
		want string
	}{
		{gitlab, "https://gitlab.example/r", "CI_JOB_TOKEN"},
		{gitlab, "https://GITLAB.example:443/r", "CI_JOB_TOKEN"},
		{gitlab, "https://gitlab.example:8443/r", ""},
		{gitlab, "http://gitlab.example/r", ""},
		{gitlab, "https://gitlab.example.evil/r", ""},
		{gitlab, "https://evil/gitlab.example", ""},
		{gitlab, "https://xgitlab.example/r", ""},
		{gitlabOnPort, "https://gitlab.example:8443/r", "CI_JOB_TOKEN"},
		{gitlabOnPort, "https://gitlab.example/r", ""},
		{[]string{"CI_JOB_TOKEN", "t"}, "https://gitlab.example/r", ""},
		{[]string{"CI_JOB_TOKEN", "t", "CI_SERVER_PORT", "443"}, "https://gitlab.example/r", ""},
		{[]string{"CI_SERVER_HOST", "gitlab.example"}, "https://gitlab.example/r", ""},
		{github, "https://github.example/r", "GITHUB_TOKEN"},
		{github, "https://api.github.example/r", ""},
		{github, "http://github.example/r", ""},
		{[]string{"GITHUB_TOKEN", "t"}, "https://github.example/r", ""},
		{[]string{"GITHUB_TOKEN", "t", "GITHUB_SERVER_URL", "://"}, "https://github.example/r", ""},
		{[]string{"GITHUB_TOKEN", "t", "GITHUB_SERVER_URL", "https://"}, "https://github.example/r", ""},
		{[]string{"GITHUB_SERVER_URL", "https://github.example"}, "https://github.example/r", ""},
	} {
		cred := findJobToken(parse(t, test.url).URL, gittest.Environment(test.env...))
		if cred.origin != test.want {
			t.Errorf("%s with %v: %q, want %q", test.url, test.env, cred.origin, test.want)
		}
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for _, test := range []struct {
		name, url string
		opts      Auth
		want      []string
	}{
		{"URL without encryption", "http://u:canary@host/r", Auth{Getenv: gittest.Environment()}, []string{"the credentials of the URL", "without encryption", "https"}},
		{"token without encryption", "http://host/r", Auth{Getenv: gittest.Environment(envToken, "canary")}, []string{envToken, "without encryption"}},
		{"token file", "https://host/r", Auth{Getenv: gittest.Environment(envTokenFile, absent)}, []string{envTokenFile, absent}},
		{"netrc", "https://host/r", Auth{Getenv: gittest.Environment("NETRC", absent)}, []string{"netrc", absent}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := fetchError(t, test.url, test.opts, test.want...)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the credential is in %q", err)
			}
		})
	}
	for _, url := range []string{"http://u:p@localhost/r", "http://u:p@127.0.0.9:3000/r", "http://u:p@[::1]/r"} {
		if _, err := findCredential(parse(t, url), Auth{Getenv: gittest.Environment()}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// clear masks a credential in every encoding that requests use.
func TestClear(t *testing.T) {
	cred := credential{username: secret.New("t0ken user"), password: secret.New("p@ss/w?rd +ü"), origin: "the URL"}
	for _, text := range []string{
		"t0ken user", "t0ken%20user", "t0ken+user", "p@ss/w?rd +ü", "p%40ss%2Fw%3Frd%20%2B%C3%BC", "p%40ss%2Fw%3Frd+%2B%C3%BC",
		"https://t0ken%20user:p%40ss%2Fw%3Frd%20+%C3%BC@host", "Basic dDBrZW4gdXNlcjpwQHNzL3c/cmQgK8O8",
	} {
		got := cred.maskIn("<" + text + ">")
		if strings.Contains(got, "t0ken") || strings.Contains(got, "ss") || strings.Contains(got, "dDBr") ||
			!strings.HasPrefix(got, "<") || !strings.Contains(got, secret.Mask) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	for _, cred := range []credential{{}, {username: secret.New(defaultUsername)},
		{username: secret.New("ci"), password: secret.New("one"), origin: "netrc"}} {
		if got := cred.maskIn("git clone in CI: done"); got != "git clone in CI: done" {
			t.Errorf("%+v: %q", cred, got)
		}
	}
}

func TestEnvNames(t *testing.T) {
	for _, name := range EnvNames() {
		if !strings.HasPrefix(name, "BUILDER_GIT_") || os.Getenv(name) != "" {
			t.Errorf("variable %s, which is set to %q", name, os.Getenv(name))
		}
	}
}
