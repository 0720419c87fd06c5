// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/prismeai/workspaces-release/scan"
	"github.com/prismeai/workspaces-release/scan/scantest"
)

// found scans an automation and returns "rule at path: secret" for each finding.
func found(t *testing.T, path, text string) []string {
	t.Helper()
	var list []string
	for _, m := range matches(t, path, text) {
		list = append(list, fmt.Sprintf("%s at %s: %s", strings.TrimPrefix(m.Rule, "dsul-"), m.Where, m.Secret.Reveal()))
	}
	return list
}

// TestRules tests both sides of every rule: text that is found, and similar text that is not.
// The values are made up, or too short to be real secrets.
func TestRules(t *testing.T) {
	const automation = "w/automations/a.yml"
	key := strings.Repeat("k7Jd83hG", 4)
	basicAuth := base64.StdEncoding.EncodeToString([]byte("svc:" + key[:12]))
	tests := []struct {
		name, path, text string
		want             []string
	}{
		{"bearer", automation, "do:\n- fetch:\n    headers: {Authorization: Bearer " + key + "}\n", []string{"authorization at do[0].fetch.headers.Authorization: " + key}},
		{"bearer, short", automation, "do:\n- fetch:\n    headers: {Authorization: Bearer abc123}\n", []string{"authorization at do[0].fetch.headers.Authorization: abc123"}},
		{"bearer in a sentence", automation, "description: Bearer bonds, Bearer authentication\n", nil},
		{"bearer with a template", automation, "do:\n- fetch:\n    headers: {Authorization: 'Bearer {{token}}'}\n", nil},
		{"basic", automation, "x: Basic " + basicAuth + "\n", []string{"authorization at x: " + basicAuth}},
		{"basic of a placeholder", automation, "x: Basic " + base64.StdEncoding.EncodeToString([]byte("user:password")) + "\n", nil},
		{"basic in a sentence", automation, "x: Basic knowledge is required\n", nil},
		{"URL", automation, "url: https://svc:" + key + "@host/path\n", []string{"url-user-info at url: " + key}},
		{"URL with a template", automation, "url: https://svc:{{secret.p}}@host/path\n", nil},
		{"URL with a placeholder", automation, "url: https://user:password@host\n", nil},
		{"URL with a port and an at sign", automation, "url: https://host:8080/@scope/x\n", nil},
		{"URL with a user only", automation, "url: ssh://deploy-user-for-git@host\n", nil},
		{"URL of a local test", automation, "url: amqp://guest:guest@localhost\n", nil},
		{"signed URL", automation, "url: https://h/c?sv=1&sig=" + key + "\n", []string{"credential at url: " + key}},
		{"signature of something else", automation, "sig: " + key + "\n", nil},
		{"connection string", automation, "x: Server=db;User Id=sa;Password=sunrise;Encrypt=True\n", []string{"password at x: sunrise"}},
		{"connection string with a template", automation, "x: Server=db;Password={{secret.p}};\n", nil},
		{"comparison", automation, "do:\n- conditions:\n    '{{body.password}} == \"sunrise\"': []\n", []string{"password at do[0].conditions[\"…\"]: sunrise"}},
		{"comparison with a reference", automation, "do:\n- conditions:\n    '{{body.password}} == {{secret.p}}': []\n", nil},
		{"cookie", automation, "do:\n- fetch:\n    headers: {Cookie: 'theme=dark; sid=" + key + "'}\n", []string{"cookie at do[0].fetch.headers.Cookie: " + key}},
		{"harmless cookie", automation, "do:\n- fetch:\n    headers: {Cookie: 'theme=dark; lang=fr-FR'}\n", nil},
		{"command line", automation, "x: curl -u svc:sunrise7 https://host\n", []string{"password at x: sunrise7"}},
		{"command line with a variable", automation, "x: curl -u \"$USER:$PASS\" https://host\n", nil},
		{"option", automation, "x: psql --password sunrise77\n", []string{"password at x: sunrise77"}},
		{"option without its value", automation, "x: docker login --password-stdin --tlskey string\n", nil},
		{"organisation key", automation, "x: iak_acme_" + "3f2504e0-4f89-41d3-9a0c-0305e82c3301\n", []string{"platform-organisation-key at x: iak_acme_3f2504e0-4f89-41d3-9a0c-0305e82c3301"}},
		{"organisation key of zeros", automation, "x: iak_acme_00000000-0000-0000-0000-000000000000\n", nil},
		{"access token", automation, "x: at:" + key + "\n", []string{"platform-access-token at x: at:" + key}},
		{"text that starts like one", automation, "x: 'look at:somewhere-over-the-rainbow'\n", nil},
		{"list of keys", automation, "apiKeys: [" + key + "1, " + key + "2]\n", []string{"credential at apiKeys[0]: " + key + "1", "credential at apiKeys[1]: " + key + "2"}},
		{"value below its name", automation, "apiKey: {value: " + key + "}\n", []string{"credential at apiKey.value: " + key}},
		{"name beside its value", automation, "env:\n- {name: API_KEY, value: " + key + "}\n", []string{"credential at env[0].value: " + key}},
		{"name beside a reference", automation, "env:\n- {name: API_KEY, value: '{{secret.k}}'}\n", nil},
		{"words as a password", automation, "do:\n- fetch:\n    body: {password: sunrise}\n", []string{"password at do[0].fetch.body.password: sunrise"}},
		{"words as a password on a page", "w/pages/a.yml", "labels: {password: sunrise}\n", nil},
		{"words as a secret where secrets are configured", "w/imports/a.yml", "config: {clientSecret: sunrise-over-paris}\n", []string{"credential at config.clientSecret: sunrise-over-paris"}},
		{"words as a secret elsewhere", automation, "clientSecret: sunrise-over-paris\n", nil},
		{"passphrase of words", "w/imports/a.yml", "config: {passphrase: sunrise over paris}\n", []string{"password at config.passphrase: sunrise over paris"}},
		{"number as a password", automation, "password: 48151623\n", []string{"password at password: 48151623"}},
		{"unnamed key in a configuration", "w/imports/a.yml", "config: {licence: " + key + "}\n", []string{"credential at config.licence: " + key}},
		{"unnamed key in a variable", automation, "do:\n- set: {name: item, value: " + key + "}\n", []string{"opaque-value at do[0].set.value: " + key}},
		{"unnamed key in a configuration", "w/imports/a.yml", "config: {region: " + key + "}\n", []string{"opaque-value at config.region: " + key}},
		{"unnamed key elsewhere", automation, "region: " + key + "\n", []string{"unnamed-key at region: " + key}},
		{"identifier in a configuration", "w/imports/a.yml", "config: {projectId: " + key + "}\n", nil},
		{"default of an argument", automation, "arguments: {token: {type: string, default: " + key + "}}\n", []string{"credential at arguments.token.default: " + key}},
		{"example of an argument", automation, "arguments: {token: {type: string, example: " + key + "}}\n", nil},
		{"part of a template", automation, "apiKey: '{{prefix}}" + key + "'\n", []string{"credential at apiKey: " + key}},
		{"comment", automation, "# apiKey: " + key + "\na: b\n", []string{"credential at : " + key}},
		{"comment behind a value", automation, "a: b # apiKey=" + key + "\n", []string{"credential at : " + key}},
		{"comment without one", automation, "a: b # apiKey: see the vault\n", nil},
		{"JSON in JSON in a string", automation, `a: '{"b": "{\"c\": {\"apiKey\": \"` + key + `\"}}"}'`, []string{"credential at a.b.c.apiKey: " + key}},
		{"JSON file", "w/pages/src/a.json", `{"a": {"apiKey": "` + key + `"}}`, []string{"credential at a.apiKey: " + key}},
		{"code", "w/pages/src/a.ts", "const apiKey = '" + key + "';\n", []string{"credential at : " + key}},
		{"code that asks", "w/pages/src/a.ts", "const apiKey = getKey('claims');\n", nil},
		{"lines of a private key", automation, "key:\n- -----BEGIN PRIVATE KEY-----\n- " + key + "\n- -----END PRIVATE KEY-----\n", []string{"private-key at key: -----BEGIN PRIVATE KEY-----\n" + key + "\n-----END PRIVATE KEY-----"}},
		{"frame of a private key", automation, "key: |\n  -----BEGIN PRIVATE KEY-----\n  {{secret.key}}\n  -----END PRIVATE KEY-----\n", nil},
		{"several documents", automation, "a: b\n---\napiKey: " + key + "\n", []string{"credential at apiKey: " + key}},
		{"merge key", automation, "x: &x {apiKey: " + key + "}\ny: {<<: *x}\n", []string{"credential at x.apiKey: " + key}},
		{"alias below a name", automation, "x: &x " + key + "\napiKey: *x\n", []string{"credential at apiKey: " + key}},
		{"binary", automation, "apiKey: !!binary " + key + "\n", []string{"credential at apiKey: " + key}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := slices.Clone(test.want)
			for i := range want {
				want[i] = strings.TrimSpace(want[i])
			}
			if diff := cmp.Diff(want, found(t, test.path, test.text)); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, test.text)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	key := strings.Repeat("k7Jd83hG", 4)
	tests := map[string]struct {
		text         string
		line, column int
	}{
		"plain":            {"a: b\napiKey: " + key + "\n", 2, 9},
		"quoted":           {"a: b\napiKey: '" + key + "'\n", 2, 10},
		"windows":          {"a: b\r\napiKey: " + key + "\r\n", 2, 9},
		"after characters": {"{é: à, apiKey: " + key + "}", 1, 18},
		"in a block":       {"a: |\n  x\n  apiKey=" + key + "\n", 3, 10},
		"on the next line": {"apiKey:\n  " + key + "\n", 2, 3},
		"in JSON":          {"a: '{\"apiKey\": \"" + key + "\"}'", 1, 17},
		"encoded":          {"a:\n  b: " + base64.StdEncoding.EncodeToString([]byte("apiKey="+key)) + "\n", 2, 0},
		"alias":            {"x: &x " + key + "\napiKey: *x\n", 1, 7},
		"comment":          {"a: b\n# apiKey: " + key + "\n", 2, 11},
		"in text":          {"{\n\napiKey: " + key + "\n", 3, 9},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list := matches(t, "w/index.yml", test.text)
			if len(list) != 1 {
				t.Fatalf("%d findings, want one", len(list))
			}
			if m := list[0]; m.Line != test.line || m.Column != test.column {
				t.Errorf("found at %d:%d, want %d:%d", m.Line, m.Column, test.line, test.column)
			}
		})
	}
}

// TestMatchesTellWhatToDo: a match explains the fix without revealing the secret.
func TestMatchesTellWhatToDo(t *testing.T) {
	key := strings.Repeat("k7Jd83hG", 4)
	list := matches(t, "w/imports/Mail.yml", "config:\n  X-API-Key: "+key+"\n")
	if len(list) != 1 {
		t.Fatalf("%d findings, want one", len(list))
	}
	want := scan.Match{
		Rule: ruleCredential, Line: 2, Column: 14, Verification: scan.NotChecked, Where: "config.X-API-Key",
		Reason: "token, key or secret in plain text",
		Help:   "revoke it, declare a workspace secret apiKey and reference it as {{secret.apiKey}}",
	}
	got := list[0]
	got.Secret = want.Secret
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b scan.Match) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSelectionOfRules(t *testing.T) {
	text := "password: sunrise77\nurl: https://svc:sunrise88@host\n"
	tests := map[string]struct {
		opts Options
		want int
	}{
		"all":      {Options{}, 2},
		"by name":  {Options{Include: []string{"dsul"}}, 2},
		"one":      {Options{Include: []string{"dsul-password"}}, 1},
		"but one":  {Options{Exclude: []string{"dsul-password"}}, 1},
		"both":     {Options{Include: []string{"dsul"}, Exclude: []string{"dsul-url-user-info"}}, 1},
		"neither":  {Options{Exclude: []string{"dsul-password", "dsul-url-user-info"}}, 0},
		"no other": {Options{Include: []string{"dsul-jwt"}}, 0},
	}
	for name, test := range tests {
		d, err := New(test.opts)
		if err != nil {
			t.Fatal(err)
		}
		result, err := d.Scan(t.Context(), scan.File{Path: "w/automations/a.yml", Data: []byte(text)})
		if err != nil || len(result.Matches) != test.want {
			t.Errorf("%s: %d findings and error %v, want %d", name, len(result.Matches), err, test.want)
		}
	}
	for _, opts := range []Options{{Include: []string{"dsul-x"}}, {Exclude: []string{"github"}}, {Exclude: []string{"dsul"}}} {
		if _, err := New(opts); err == nil {
			t.Errorf("%v is accepted", opts)
		}
	}
}

func TestDescription(t *testing.T) {
	all := newDetector(t).Describe()
	if all.Name != "dsul" || all.Version != rulesVersion || all.Detectors != len(Rules()) {
		t.Errorf("description %+v", all)
	}
	fewer, err := New(Options{Exclude: []string{"dsul-jwt"}})
	if err != nil {
		t.Fatal(err)
	}
	if fewer.Describe().Rules == all.Rules {
		t.Error("fewer rules have the same digest")
	}
}

func TestInterruption(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	text := strings.Repeat("- a\n", 5000)
	for _, path := range []string{"w/index.yml", "w/README.md"} {
		if _, err := newDetector(t).Scan(ctx, scan.File{Path: path, Data: []byte(text)}); !errors.Is(err, cause) {
			t.Errorf("%s: error %v, want the cause", path, err)
		}
	}
}

// TestConcurrentScans: concurrent scans share only the name cache.
func TestConcurrentScans(t *testing.T) {
	d, leaks := newDetector(t), scantest.Leaks(1)[:200]
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			for _, leak := range leaks {
				result, err := d.Scan(t.Context(), scan.File{Path: leak.Path, Data: leak.Data})
				if err != nil || len(result.Matches) == 0 {
					return fmt.Errorf("%s, %s: %d findings, error %w", leak.Kind, leak.Placement, len(result.Matches), err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// TestHostileFiles: the scan of any file ends, and finds the secret or fails. With quadratic
// time it would not end.
func TestHostileFiles(t *testing.T) {
	key := strings.Repeat("k7Jd83hG", 4)
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	tests := map[string]struct {
		text string
		want error
	}{
		"one long line":             {"a: " + strings.Repeat("text and more text, ", 1<<16) + " apiKey=" + key, nil},
		"a line of 20 MB":           {"a: " + strings.Repeat("text and more text, ", 1<<20) + " apiKey=" + key, nil},
		"one long word":             {"apiKey: " + key + "\na: " + strings.Repeat("x", maxYAML/4), nil},
		"many nodes":                {"apiKey: " + key + "\na: [" + strings.Repeat("1,", maxNodes) + "]", nil},
		"deep flow":                 {"apiKey: " + key + "\na: " + strings.Repeat("[", 20_000), nil},
		"deep mappings":             {"apiKey: " + key + "\na: " + strings.Repeat("{a: ", 2000) + strings.Repeat("}", 2000), nil},
		"aliases without a name":    {"apiKey: " + key + "\n" + bomb, nil},
		"aliases below a name":      {bomb + "secrets: *a9\n", errAliases},
		"alias within its anchor":   {"apiKey: " + key + "\nsecrets: &a [*a]\n", errDepth},
		"deep JSON in a string":     {"apiKey: " + key + "\na: '" + strings.Repeat(`{"a":`, 3000) + "1" + strings.Repeat("}", 3000) + "'", nil},
		"JSON in JSON, many times":  {"apiKey: " + key + "\na: " + fmt.Sprintf("%q", fmt.Sprintf("%q", fmt.Sprintf("[%q]", `{"a":"[1]"}`))), nil},
		"brackets without an end":   {"apiKey: " + key + "\na: '" + strings.Repeat("{", 1<<17) + "'", nil},
		"many signs of assignments": {"apiKey: " + key + "\na: '" + strings.Repeat("=:", 1<<17) + "'", nil},
		"assignments in a value":    {"apiKey: " + key + "\na: '" + strings.Repeat("token=", 1<<16) + "'", nil},
		"a long name":               {"apiKey: " + key + "\na: '" + strings.Repeat("password", 1<<14) + "=x'", nil},
		"many comments":             {"apiKey: " + key + "\n" + strings.Repeat("# # # # # #\n", 1<<14), nil},
		"not UTF-8":                 {"apiKey: " + key + "\n\xff\xfe\x00", nil},
		"UTF-16":                    {"\xff\xfea\x00:\x00 \x00b\x00\n\x00", nil},
		"control characters":        {"apiKey: " + key + "\n\x01\x02", nil},
		"tabs":                      {"apiKey: " + key + "\n\ta: b", nil},
		"line feeds only":           {strings.Repeat("\n", 1<<17), nil},
		"nothing":                   {"", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && len(test.text) > 10<<20 {
				t.Skip("it is long under the race detector")
			}
			result, err := newDetector(t).Scan(t.Context(), scan.File{Path: "w/automations/a.yml", Data: []byte(test.text)})
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if strings.Contains(test.text, key) && err == nil && len(result.Matches) != 1 {
				t.Errorf("%d findings, want one", len(result.Matches))
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Error("the error shows content")
			}
		})
	}
}
