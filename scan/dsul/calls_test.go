// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/scan/scantest"
)

// TestServiceTokens: a token with the prefix of a service is found without a name and a place, and
// its prefix alone is not.
func TestServiceTokens(t *testing.T) {
	p := scantest.NewPlanter(seed())
	for _, form := range []string{
		`cio[A-Za-z0-9]{32}`, `key_[0-9a-f]{64}`, `essu_[A-Za-z0-9]{88}==`, `packagist_ack_[0-9a-f]{28}`, `packagist_org_[0-9a-f]{68}`,
		`sbp_[0-9a-f]{40}`, `GOCSPX-[A-Za-z0-9]{28}`, `sk-pyx-[A-Za-z0-9]{48}`, `AQ\.Ab8R[A-Za-z0-9]{44}`, `00DE0000000BV7z![A-Za-z0-9._]{90}`,
		`sk-or-v1-[0-9a-f]{64}`, `[1-9][0-9]{9}:AA[A-Za-z0-9]{33}`,
		`sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, `fc-[0-9a-f]{32}`, `lsv2_pt_[0-9a-f]{32}_[0-9a-f]{10}`,
		`tvly-[A-Za-z0-9]{32}`, `jina_[A-Za-z0-9]{60}`, `r8_[A-Za-z0-9]{37}`, `gsk_[A-Za-z0-9]{52}`, `nvapi-[A-Za-z0-9]{64}`,
		`pcsk_[A-Za-z0-9]{60}`, `xai-[A-Za-z0-9]{80}`,
	} {
		token := p.Text(form)
		for path, text := range map[string]string{
			"w/example.txt":       token + "\n",
			"w/README.md":         "# A\n\nSet `item` to `" + token + "`.\n",
			"w/automations/a.yml": "slug: a\narguments: {item: {type: string, default: \"" + token + "\"}}\n",
			"w/automations/b.yml": "slug: b\ndo:\n- run: {code: 'const item = \"" + token + "\"'}\n",
		} {
			if list := found(t, path, text); len(list) == 0 {
				t.Errorf("nothing is found in %s:\n%s", path, text)
			}
			checkPrefilter(t, path, []byte(text))
		}
		prefix, _, _ := strings.Cut(form, "[")
		if text := "Set `item` to `" + prefix + "...`.\n"; len(found(t, "w/README.md", text)) > 0 {
			t.Errorf("findings %v in %s", found(t, "w/README.md", text), text)
		}
	}
}
