// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prismeai/workspaces-release/internal/release"
)

// TestRequirements validates a file beside an index that declares some values.
func TestRequirements(t *testing.T) {
	const index = `
secrets:
  schema:
    needed: {required: true}
    optional: {}
config:
  value: {url: 'https://api.example', empty: '', nothing: null}
  schema:
    limit: {default: 0}
    mode: {default: null}
    page: {}
`
	for text, want := range map[string]release.Requirements{
		``:                                  {},
		`{{secret.optional}}`:               {Secrets: []string{"optional"}},
		`{{secret.needed}}`:                 {},
		`{{ secret.b }}`:                    {Secrets: []string{"b"}},
		`{{secret.b-c_1.d}}`:                {Secrets: []string{"b-c_1"}},
		`{{secret['b']}} {{secret["c"]}}`:   {Secrets: []string{"b", "c"}},
		`{{secret[\"b\"]}}`:                 {Secrets: []string{"b"}},
		`{{secret[''b'']}}`:                 {Secrets: []string{"b"}},
		`{{f(secret.b,secret.c)}}`:          {Secrets: []string{"b", "c"}},
		"{{\n  secret.b\n}}":                {Secrets: []string{"b"}},
		`{% {{config.b}} > {{secret.c}} %}`: {Secrets: []string{"c"}, Config: []string{"b"}},
		`{{x[{{config.b}}]}}`:               {Config: []string{"b"}},
		`{{config.url}}{{config.limit}}`:    {},
		`{{config.empty}}`:                  {},
		`{{config.nothing}}{{config.mode}}{{config.page}}`: {Config: []string{"mode", "nothing", "page"}},
		`{{config.z}}{{config.a.b[0]}}`:                    {Config: []string{"a", "z"}},
		// Similar text without references.
		`secret.b {secret.b} {{x}} secret.c`:          {},
		`{{event.secret.b}} {{mysecret.b}}`:           {},
		`{{x]secret.b}} {{$secret.b}} {{a-secret.b}}`: {},
		`{{secrets.b}} {{secret}} {{secret.}}`:        {},
		`{{config[{{key}}]}} {{config[key]}}`:         {},
		`{{secret.b`:                                  {},
	} {
		t.Run(text, func(t *testing.T) {
			fs := pair()
			fs["alpha/index.yml"] += index
			fs["alpha/pages/x.json"] = text
			repo, _, _ := collect(Options{}, fs)
			want.Secrets = append(want.Secrets, "needed")
			slices.Sort(want.Secrets)
			if diff := cmp.Diff(want, repo.Workspaces[0].Requires); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestRequirementsOfTheExamples checks that the examples require exactly the documented values.
func TestRequirementsOfTheExamples(t *testing.T) {
	repo, _, _ := collect(Options{}, readTree(t, examples))
	secrets := 0
	for _, w := range repo.Workspaces {
		secrets += len(w.Requires.Secrets)
		if len(w.Requires.Config) > 0 {
			t.Errorf("%s needs config: %v", w.Slug, w.Requires.Config)
		}
	}
	if secrets < 8 {
		t.Errorf("the examples need %d secrets", secrets)
	}
}

// TestReferencesAreFoundInLinearTime would not end in quadratic time.
func TestReferencesAreFoundInLinearTime(t *testing.T) {
	for _, text := range []string{"{{", "{{}}", "{{secret.", "{{secret.a}}", "secret.{{"} {
		findNames([]byte(strings.Repeat(text, 2<<20/len(text))))
	}
}
