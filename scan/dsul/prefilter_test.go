// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"os"
	"testing"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// TestQuiet tests texts that need not be parsed, and similar ones that have to be.
func TestQuiet(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"", true},
		{"slug: claims\nname: Claims\n", true},
		{"apiKey: '{{secret.apiKey}}'\n", true},
		{"apiKey: sunrise\n", false},
		{"apiKey: *x\n", false},
		{"apiKey:\n  sunrise\n", false},
		{"Authorization: Bearer {{secret.token}}\n", true},
		{"Authorization: Bearer sunrise\n", false},
		{"Authorization: '{{scheme}} sunrise'\n", false},
		{"x: Basic knowledge\n", true},
		{"x: Basic c3ZjOnN1bnJpc2U=\n", false},
		{"prompt: Ask for a password, then for a token.\n", true},
		{"prompt: 'password: sunrise77'\n", false},
		{"'{{body.password}} == \"sunrise\"': []\n", false},
		{"- {name: password, value: sunrise}\n", false},
		{"name: password\nvalue: sunrise\n", false},
		{"name:\n  password\nvalue: sunrise\n", false},
		{"fields: [password, token]\n", true},
		{"required:\n- password\n", true},
		{"secrets:\n  schema:\n    x: {type: string}\nlabels: []\n", true},
		{"secrets:\n  schema:\n    x: {type: string}\n  value: sunrise\n", false},
		{"secrets:\n- sunrise77x\n", false},
		{"url: https://host/path\nmail: a@b\n", true},
		{"url: https://svc:sunrise@host\n", false},
		{"format: x\nat: y\n", true},
		{"x: at:sunrise\n", false},
		{"x: k7Jd83hGs72kLmQ0\n", false},
		{"slug: workspace-00012-copy\n", true},
		{"id: 123e4567-e89b-12d3-a456-426614174000\n", true},
		{"cookies: sid=k7jd83hgs72k\n", false},
		{"x: onSubmitButtonClickedTwice\n", true},
		{"x: cGFzc3dvcmQ9c3VucmlzZTc3\n", false},
		{`x: "p\x61ssword=sunrise"`, false},
		{"x: connection string: sunrise77\n", false},
		{"apiKey Prod: sunrise77\n", false},
		{"tokenQA: sunrise77x\n", false},
		{"tokenV2: sunrise77x\n", false},
		{"cléSecrète: sunrise77x\n", false},
		{"contraseña: sunrise\n", false},
		{"x: psql --password sunrise77\n", false},
		{"x: \xff\n", false},
		{"USER: bob:Sunrise77\n", false},
		{"ACCOUNT: bob:Sunrise77\n", false},
		{"logins: bob:Sunrise77\n", false},
		{"label: bob:Sunrise77\n", true},
		{"user: bob\nopen: 12:30\n", true},
		{"label: bob:Sunrise77\nuser: bob:Sunrise77\n", false},
		{"user: bob:ab\nlabel: bob:Sunrise77\n", false},
		{"link: http://host/a http://host/b\nmail: a@b\n", true},
		{"link: http://host/a?http://bob@host\n", false},
		{"user_name: bob:Sunrise77\n", false},
		{"user:\n  bob:Sunrise77\n", false},
		{"user:\n- bob:Sunrise77\n", false},
		{"user: >-\n  bob:Sunrise77\n", false},
		{"- {name: account, value: 'bob:Sunrise77'}\n", false},
		{"name: account\nvalue: bob:Sunrise77\n", false},
		{"item: \"------------aB3dE5gH7jK9lM1nP2qR4sT6\"\n", false},
		{"item: aB3dE5gH7jK9lM1nP2qR4sT6........\n", false},
	}
	for _, test := range tests {
		if got := newScan(t, "w/automations/a.yml", []byte(test.text)).isSurelyClean(); got != test.want {
			t.Errorf("surely clean %v, want %v:\n%s", got, test.want, test.text)
		}
		checkPrefilter(t, "w/automations/a.yml", []byte(test.text))
	}
}

// TestWorkspacesAreMostlyQuiet: otherwise the check is not worth its time.
func TestWorkspacesAreMostlyQuiet(t *testing.T) {
	files := map[string][]byte{}
	scantest.AddTree(files, os.DirFS("../scantest/testdata/samples"))
	quiet, all := 0, 0
	for path, data := range files {
		all += len(data)
		if newScan(t, path, data).isSurelyClean() {
			quiet += len(data)
		}
	}
	if quiet*100 < all*90 {
		t.Errorf("%d of %d bytes are in files that are clean at a glance, want 90 %%", quiet, all)
	}
}

// TestNoLeakIsQuiet tests leaks with various secrets.
func TestNoLeakIsQuiet(t *testing.T) {
	for seed := range uint64(5) {
		for _, leak := range scantest.Leaks(seed) {
			if newScan(t, leak.Path, leak.Data).isSurelyClean() {
				t.Errorf("%s, %s", leak.Kind, leak.Placement)
			}
		}
	}
}
