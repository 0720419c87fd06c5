// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"strings"
)

// place is a position of a workspace that a secret can stand in.
type place struct {
	name, file string
	// text is the file, with NAME, and the value as QUOTED or as VALUE.
	text string
	// value is the value, with SECRET and possibly NAME.
	value            string
	telling, neutral string
	// plain excludes secrets with quotes, braces and line breaks, which would end the value.
	plain bool
}

const fetch = "slug: a\nname: A\ndo:\n  - fetch:\n      url: https://api.acme.internal/v1\n      method: post\n"

func listPlaces() []place {
	const set = "slug: a\nname: A\ndo:\n  - set: {name: NAME, value: QUOTED}\n"
	return []place{
		{"configuration of the workspace", "index.yml", "name: Claims\nslug: claims\nconfig:\n  value:\n    region: eu\n" +
			"    NAME: QUOTED\n", "SECRET", "apiKey", "setting", false},
		{"configuration of an app", "imports/Mail.yml", "appSlug: Mail\nslug: Mail\nconfig:\n  NAME: QUOTED\n",
			"SECRET", "apiKey", "setting", false},
		{"headers of a request", "automations/a.yml", fetch + "      headers:\n        NAME: QUOTED\n",
			"SECRET", "X-Api-Key", "X-Info", false},
		{"body of a request", "automations/a.yml", fetch + "      body:\n        NAME: QUOTED\n",
			"SECRET", "apiKey", "detail", false},
		{"authentication of a repository", "index.yml", "name: Claims\nslug: claims\nrepositories:\n  main:\n" +
			"    type: git\n    config:\n      url: https://git.acme.internal/a.git\n      auth:\n        NAME: QUOTED\n",
			"SECRET", "token", "detail", false},
		{"instruction `set`", "automations/a.yml", set, "SECRET", "apiToken", "item", false},
		{"default of an argument", "automations/a.yml", "slug: a\nname: A\narguments:\n  NAME:\n    type: string\n" +
			"    default: QUOTED\ndo: []\n", "SECRET", "apiKey", "item", false},
		{"expression", "automations/a.yml", set, "{{config.NAME || 'SECRET'}}", "apiKey", "item", true},
		{"condition", "automations/a.yml", "slug: a\nname: A\ndo:\n  - conditions:\n      QUOTED:\n        - break: {}\n",
			"{{body.NAME}} == 'SECRET'", "apiKey", "item", true},
		{"code", "automations/a.yml", "slug: a\nname: A\ndo:\n  - Custom Code.run function:\n      code: QUOTED\n",
			"const NAME = \"SECRET\";\nreturn send(NAME)", "apiKey", "item", true},
		{"prompt", "automations/a.yml", fetch + "      body:\n        messages:\n          - role: system\n" +
			"            content: QUOTED\n", "You are an assistant.\nThe NAME is SECRET\nBe brief.", "API key", "reference", false},
		{"property of a page", "pages/home.yml", "slug: home\nname: Home\nblocks:\n  - slug: Form\n    NAME: QUOTED\n",
			"SECRET", "apiKey", "detail", false},
		{"comment", "automations/a.yml", "slug: a\nname: A\n# NAME: VALUE\ndo: []\n", "SECRET", "apiKey", "item", true},
		{"read-me", "README.md", "# Claims\n\nSet `NAME` to `VALUE`.\n", "SECRET", "apiKey", "item", true},
	}
}

// fits reports whether the secret can stand in the place.
func (p place) fits(secret string) bool {
	return !p.plain || !strings.ContainsAny(secret, "'\"`\\{}\r\n")
}

// write returns the file with the secret beside a name.
func (p place) write(name, secret string) []byte {
	value := strings.NewReplacer("NAME", name, "SECRET", secret).Replace(p.value)
	quoted, _ := json.Marshal(value) // a string has no error
	text := strings.NewReplacer("NAME", name, "QUOTED", string(quoted), "VALUE", value).Replace(p.text)
	return []byte(text)
}
