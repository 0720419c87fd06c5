// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/platform"
	"github.com/prismeai/workspaces-release/internal/release"
	"github.com/prismeai/workspaces-release/sidecar/internal/importer"
	"github.com/prismeai/workspaces-release/sidecar/internal/state"
)

const canary = "at:canary-30c1e5f8"

// file writes a configuration file with an old modification time.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sidecar.yaml")
	rewrite(t, path, content)
	return path
}

func rewrite(t *testing.T, path, content string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, long, long)); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, args []string, env map[string]string) (*Config, error) {
	t.Helper()
	return NewLoader(args, env).Load(t.Context())
}

func mustLoad(t *testing.T, args []string, env map[string]string) *Config {
	t.Helper()
	c, err := load(t, args, env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, nil, nil)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := Default(host)
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if c.PlatformURL != "http://localhost:80" || c.Listen != ":9400" || c.Gate != (state.GatePolicy{}) ||
		c.Policy.Mode != importer.ModeAuto {
		t.Errorf("the defaults that others script are others: %+v", c)
	}
	if path, required := c.ManifestPath(); path != release.ManifestPath || required {
		t.Errorf("manifest %s, required %t", path, required)
	}
	c.Manifest = "/m"
	if path, required := c.ManifestPath(); path != "/m" || !required {
		t.Errorf("manifest %s, required %t", path, required)
	}
}

// TestPrecedence sets each setting to a different value in each source.
func TestPrecedence(t *testing.T) {
	path := file(t, "repository: file\ngroups: [f1, f2]\npoll: 3s\nforce: always\nmanifest: /file")
	env := map[string]string{"SIDECAR_REPOSITORY": "env", "STARTUP_IMPORT_REPOSITORY": "native",
		"STARTUP_IMPORT_GROUPS": "n1, n2,",
		"SIDECAR_POLL":          "2s", "SIDECAR_CONFIG": path}
	c := mustLoad(t, []string{"--repository", "flag", "-gate=off"}, env)
	got := []any{c.Repository, c.Groups, c.Policy.Poll, c.Policy.Force, c.Manifest, c.Gate.Off, c.Policy.RetryMin}
	want := []any{"flag", []string{"n1", "n2"}, 2 * time.Second, importer.ForceAlways, "/file", true, time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	env["SIDECAR_GROUPS"] = "" // empty, which differs from unset
	delete(env, "SIDECAR_REPOSITORY")
	c = mustLoad(t, nil, env)
	if c.Repository != "native" || c.Groups != nil {
		t.Errorf("repository %q, groups %q", c.Repository, c.Groups)
	}
	env["STARTUP_IMPORT_REPOSITORY"], env["STARTUP_IMPORT_GROUPS"] = "", ""
	delete(env, "SIDECAR_GROUPS")
	c = mustLoad(t, nil, env)
	if c.Repository != "file" || len(c.Groups) != 2 {
		t.Errorf("an empty variable of the service counts: repository %q, groups %q", c.Repository, c.Groups)
	}
}

// TestEverySetting sets each setting in each of the three sources.
func TestEverySetting(t *testing.T) {
	other := map[string]string{
		"repository": "r", "groups": "a,b", "platform-url": "https://x/v2", "gateway-url": "https://y", "identity": "headers",
		"identity-headers": "A=1,B=2", "mode": "observe", "gate": "open-after=1m0s", "force": "never", "reconcile": "repair",
		"services": "", "listen": "127.0.0.1:1", "log-format": "text", "log-level": "debug", "enable-lifecycle": "true",
		"metrics-workspaces": "true", "retry-min": "40s", "drain-delay": "5s", "tolerate": "missing-photo,orphaned-app", "runbook-url": "https://wiki.example.com/runbooks",
	}
	withNeeds := map[string][]string{"gateway-url": {"--token-file", "/t"}, "admin-token-file": {"--enable-lifecycle"}}
	for _, s := range Default("").Settings() {
		if s.Name == "config" || s.Name == "print-config" {
			continue
		}
		value, ok := other[s.Name]
		if !ok {
			value = "7m0s"
			if strings.HasSuffix(s.Name, "file") || s.Name == "manifest" || s.Name == "termination-log" || s.Name == "pod-name" {
				value = "/some/file"
			}
		}
		args := withNeeds[s.Name]
		ways := map[string]*Config{
			"flag":        mustLoad(t, append([]string{"--" + s.Name + "=" + value}, args...), nil),
			"environment": mustLoad(t, args, map[string]string{s.EnvironmentVariable(): value}),
			"file":        mustLoad(t, append([]string{"--config", file(t, yamlOf(t, s.Name, value))}, args...), nil),
		}
		for way, c := range ways {
			i := indexOf(c, s.Name)
			if got := c.Settings()[i].Value(); got != value {
				t.Errorf("%s by %s is %q, not %q", s.Name, way, got, value)
			}
			c.File = ""
		}
		if diff := cmp.Diff(ways["flag"], ways["file"]); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
}

func indexOf(c *Config, name string) int {
	for i, s := range c.Settings() {
		if s.Name == name {
			return i
		}
	}
	return -1
}

// yamlOf returns a file with one setting, as the setting's YAML kind.
func yamlOf(t *testing.T, name, value string) string {
	t.Helper()
	switch name {
	case "groups", "services":
		return name + ": [" + value + "]"
	case "identity-headers":
		return name + ": {" + strings.ReplaceAll(value, "=", ": ") + "}"
	}
	return name + ": " + value
}

// TestPrintedSettingsCanBeLoaded prints the settings and loads the result.
func TestPrintedSettingsCanBeLoaded(t *testing.T) {
	c := mustLoad(t, []string{"--groups=a,b", "--gate=open-after=10m", "--identity-headers=A=1,B=x y", "--token-file=/t",
		"--gateway-url=https://g/v2",
		"--enable-lifecycle", "--services="}, nil)
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, []string{"--config", file(t, out.String())}, nil)
	again.File = ""
	again.Groups = append([]string{}, again.Groups...)
	c.Policy.Services, again.Policy.Services = nil, nil // nil and an empty list are equal
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("%s\n%s", diff, &out)
	}
}

func TestTheExampleIsValid(t *testing.T) {
	c := mustLoad(t, []string{"--config", "../../../examples/sidecar.yaml"}, nil)
	if c.Gate.OpenAfter != 15*time.Minute || c.Policy.GroupTimeout != 45*time.Minute {
		t.Errorf("%+v", c)
	}
}

func TestServiceLinksAreNotSettings(t *testing.T) {
	mustLoad(t, nil, map[string]string{"SIDECAR_SERVICE_HOST": "10.0.0.1", "SIDECAR_SERVICE_PORT": "80",
		"SIDECAR_SERVICE_PORT_HTTP_API": "80",
		"SIDECAR_PORT":                  "tcp://10.0.0.1:80", "SIDECAR_PORT_80_TCP": "tcp://10.0.0.1:80", "SIDECAR_PORT_80_TCP_ADDR": "10.0.0.1",
		"SIDECAR_METRICS_PORT_9400_TCP_PROTO": "tcp", "SIDECAR": "x", "OTHER_POLL": "x"})
}

func TestHelp(t *testing.T) {
	if _, err := load(t, []string{"--help"}, nil); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}

// TestRefusals lists invalid settings and their errors. No error repeats a secret that was set in
// the wrong place.
func TestRefusals(t *testing.T) {
	yaml := func(content string) []string { return []string{"--config", file(t, content)} }
	for want, c := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"not defined: -token":                         {args: []string{"--token", canary}},
		"unexpected argument":                         {args: []string{"--poll", "1s", "x"}},
		"unknown environment variable SIDECAR_TOKEN:": {env: map[string]string{"SIDECAR_TOKEN": canary}},
		"SIDECAR_POLL: want a duration":               {env: map[string]string{"SIDECAR_POLL": ""}},
		"-retry-min: want a duration":                 {args: []string{"--retry-min", "-1s"}},
		"-mode: want one of":                          {args: []string{"--mode", "native"}},
		"-gate: gate \"open\"":                        {args: []string{"--gate", "open"}},
		"-enable-lifecycle: want true":                {args: []string{"--enable-lifecycle=x"}},
		"--platform-url: invalid platform URL":        {args: []string{"--platform-url", "127.0.0.1:80"}},
		"carries credentials":                         {args: []string{"--gateway-url", "https://admin:" + canary + "@host", "--token-file", "/t"}},
		"has a query":                                 {args: []string{"--platform-url", "https://host?token=" + canary}},
		"--gateway-url requires":                      {args: []string{"--gateway-url", "https://host"}},
		"--identity token requires":                   {args: []string{"--identity", "token"}},
		"--admin-token-file requires":                 {args: []string{"--admin-token-file", "/t"}},
		"want name=value":                             {args: []string{"--identity-headers", canary}},
		"holds a secret":                              {args: []string{"--identity-headers", "Authorization=Bearer " + canary}},
		"that are invalid in a header":                {args: []string{"--identity-headers", "a b=" + canary}},
		"--listen: want":                              {args: []string{"--listen", "9400"}},
		"duplicate name":                              {args: []string{"--groups", "a,b,a"}},
		"--poll: want more than 0":                    {args: []string{"--poll", "0"}},
		"--retry-max is shorter":                      {args: []string{"--retry-max", "1ms"}},
		"line 2: unknown key \"tokn\"":                {args: yaml("poll: 1s\ntokn: " + canary)},
		"line 2: duplicate key poll":                  {args: yaml("poll: 1s\npoll: 2s")},
		"line 1: poll: want a single":                 {args: yaml("poll: [" + canary + "]")},
		"line 1: groups: want a list":                 {args: yaml("groups: {a: b}")},
		"line 1: identity-headers: want a mapping":    {args: yaml("identity-headers: " + canary)},
		"plain values without commas":                 {args: yaml("groups: ['a,b']")},
		"line 1: manifest: missing value":             {args: yaml("manifest:")},
		"line 1: poll: want a duration":               {args: yaml("poll: soon")},
		"config can only be set on the command line":  {args: yaml("config: /x")},
		"invalid YAML at line 2":                      {args: yaml("poll: 1s\n\t" + canary)},
		"more than one YAML document":                 {args: yaml("poll: 1s\n---\npoll: 2s")},
		"want a mapping":                              {args: yaml("- " + canary)},
		"is larger than 1048576 bytes":                {args: yaml(strings.Repeat("#", maxFileSize+1))},
		"no such file":                                {args: []string{"--config", "/none"}},
	} {
		_, err := load(t, c.args, c.env)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v %v: %v, want %q", c.args, c.env, err, want)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("a secret is repeated: %v", err)
		}
	}
}

func TestEmptyFilesSetNothing(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "null", "{}"} {
		if c := mustLoad(t, []string{"--config", file(t, content)}, nil); c.Listen != ":9400" {
			t.Errorf("%q: %+v", content, c)
		}
	}
}

func TestSettingsAreWellDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Default("").Settings() {
		placeholder, usage := s.SplitUsage()
		_, isSwitch := s.value.(boolean)
		if seen[s.Name] || s.Section == "" || usage == "" || strings.Contains(usage, "`") || isSwitch != (placeholder == "") {
			t.Errorf("%s: %q %q", s.Name, placeholder, usage)
		}
		if serviceLink.MatchString(s.EnvironmentVariable()) {
			t.Errorf("%s looks like a variable that Kubernetes makes", s.EnvironmentVariable())
		}
		seen[s.Name] = true
	}
	for _, name := range []string{"platform-url", "gateway-url", "token-file", "repository", "groups", "manifest",
		"listen", "mode", "config"} {
		if !seen[name] {
			t.Errorf("--%s, which others script, is gone", name)
		}
	}
}

func TestNoDefaultIsShared(t *testing.T) {
	Default("").IdentityHeaders[platform.HeaderRole] = "nobody"
	if got := Default("").IdentityHeaders[platform.HeaderRole]; got != "superadmin" {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"poll: 1s\ngroups: [a]\nidentity-headers: {A: b}", "a: &x [*x]", "<<: {poll: 1s}",
		"? {a: b}\n: c", "- a", "poll: !!binary x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		settings := Default("").Settings()
		found, err := decodeSettings(data, settings)
		if err != nil && found != nil {
			t.Error("settings beside an error")
		}
		for _, e := range found {
			if e.setting.NotInFile || e.line < 1 {
				t.Errorf("%+v", e)
			}
			_ = e.setting.value.Set(e.text) // it may fail, but not panic
		}
	})
}
