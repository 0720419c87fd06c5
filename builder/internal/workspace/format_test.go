// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Only outdated files are written, and formatting is idempotent.
func TestFormat(t *testing.T) {
	sum := hex128("appSlug: Mail")
	for _, c := range []struct{ name, text, want string }{
		{"up to date", "dependsOn:   [app/Mail]\nchecksums: {imports: {Mail:  " + sum + "}}\n", ""},
		{
			"order, with comments", "checksums: {imports: {Mail: " + sum +
				"}} # sums\nx: 1\ndependsOn: [app/Mail]\n# id\nworkspaceId: a\n",
			"# id\nworkspaceId: a\ndependsOn: [app/Mail]\nx: 1\nchecksums: {imports: {Mail: " + sum + "}} # sums\n",
		},
		{
			"an app that is not declared", "dependsOn: [app/Other] # ours\nchecksums: {imports: {Mail: " + sum + "}}\n",
			"dependsOn: [app/Other, app/Mail] # ours\nchecksums: {imports: {Mail: " + sum + "}}\n",
		},
		{
			"everything", "app: {slug: Crm}\n",
			"dependsOn:\n  - app/Mail\napp: {slug: Crm}\nchecksums:\n  imports:\n    Mail: " + sum + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			format := func(text string) []Formatted {
				f := NewFormatter(Limits{})
				f.Add("crm", ".import.yml", []byte(text))
				f.Add("crm", "imports/Mail.yml", []byte("appSlug: Mail"))
				f.Add("mail", ".import.yml", []byte("app: {slug: Mail}\n"))
				list, err := f.Finish()
				if err != nil {
					t.Fatal(err)
				}
				return list
			}
			var want []Formatted
			if c.want != "" {
				want = []Formatted{{"crm/.import.yml", []byte(c.want)}}
				if again := format(c.want); len(again) > 0 {
					t.Errorf("formatted again: %s", again[0].Data)
				}
			}
			if diff := cmp.Diff(want, format(c.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
