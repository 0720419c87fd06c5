// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExternalApps checks that apps of the platform can be used with and without a declaration.
func TestExternalApps(t *testing.T) {
	workspaces := files{
		"mail/index.yml":            "name: Mail\nslug: mail\n",
		"mail/.import.yml":          "groups: [base1]\nversion: {name: v1}\ndependsOn: [app/Crawler]\n",
		"mail/imports/Storage.yml":  "appSlug: Storage\nslug: Storage\n",
		"mail/imports/Crawler2.yml": "appSlug: Crawler2\nslug: Crawler2\n",
	}
	const (
		undeclared  = "warning import-undeclared mail/imports/Storage.yml:1:10"
		undeclared2 = "warning import-undeclared mail/imports/Crawler2.yml:1:10"
		unknown     = "warning dependency-unknown mail/.import.yml:3:13"
	)
	for name, test := range map[string]struct {
		apps []string
		want []string
	}{
		"none":     {nil, []string{undeclared2, undeclared, unknown}},
		"one":      {[]string{"Crawler"}, []string{undeclared2, undeclared}},
		"all":      {[]string{"Crawler", "Storage", "Crawler2"}, nil},
		"by case":  {[]string{"crawler"}, []string{undeclared2, undeclared, unknown}},
		"not used": {[]string{"Other"}, []string{undeclared2, undeclared, unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			_, plan, ds := collect(Options{ExternalApps: test.apps}, workspaces)
			if diff := cmp.Diff(test.want, brief(ds)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(plan.External) != 1 {
				t.Errorf("the plan has %d external dependencies", len(plan.External))
			}
		})
	}
}
