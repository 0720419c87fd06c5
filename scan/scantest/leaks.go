// SPDX-License-Identifier: AGPL-3.0-or-later

package scantest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Leak is a workspace file that contains a secret.
type Leak struct {
	// Kind and Placement identify the case.
	Kind, Placement string
	// Path and Data are the path and content of the file.
	Path string
	Data []byte
	// Secret is the text of which a detector has to find at least a part.
	Secret string
	// Where is the expected YAML path; empty if there is none.
	Where string
}

// placement is a location for a value in a workspace.
type placement struct {
	name, path string
	// where is the YAML path, with KEY in place of the key; text returns the file.
	where string
	text  func(key, value string) string
	// fits reports whether the value is allowed at this location; nil accepts any value.
	fits func(value string) bool
}

// Leaks plants every kind in every placement that it fits. The secrets depend on the seed.
func Leaks(seed uint64) []Leak {
	var all []Leak
	p := NewPlanter(seed)
	for _, k := range Kinds() {
		for i, place := range placements() {
			value, secret := k.Value(p)
			if place.fits != nil && !place.fits(value) {
				continue
			}
			leak := Leak{
				Kind: k.Name, Placement: place.name, Secret: secret,
				Path: fmt.Sprintf("w%02d-%02d/%s", len(all)%97, i, place.path), Data: []byte(place.text(k.Key, value)),
			}
			leak.Where = strings.ReplaceAll(place.where, "KEY", k.Key)
			all = append(all, leak)
		}
	}
	return all
}

// formatFile returns a function that inserts the key for %[1]s and the quoted value for %[2]s.
func formatFile(text string) func(key, value string) string {
	return func(key, value string) string { return fmt.Sprintf(text, key, quoteValue(value)) }
}

// quoteValue quotes a value in a notation that YAML and JSON share.
func quoteValue(value string) string {
	if !strings.Contains(value, "\n") && !strings.Contains(value, "'") {
		return "'" + value + "'"
	}
	return mustMarshal(value)
}

func mustMarshal(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

var oneWord = regexp.MustCompile(`^[\w.~-]+$`)

func isSingleLine(value string) bool { return !strings.ContainsAny(value, "\n\"") }

// placements returns the placements in the order of the comparison table.
func placements() []placement {
	return append(structurePlacements(), stringPlacements()...)
}

func structurePlacements() []placement {
	return []placement{
		{"configuration of the workspace", "index.yml", "config.value.KEY", formatFile("name: Claims\nslug: claims\nconfig:\n  schema:\n    region:\n      type: string\n  value:\n    region: eu\n    %[1]s: %[2]s\nlabels:\n  - base1\n"), nil},
		{"configuration of an app", "imports/SendMail.yml", "config.KEY", formatFile("appSlug: SendMail\nslug: SendMail\nconfig:\n  from: claims@acme.example\n  %[1]s: %[2]s\n"), nil},
		{"authentication of a repository", "index.yml", "repositories.main.config.auth.KEY", formatFile("name: Claims\nrepositories:\n  main:\n    name: main\n    type: git\n    config:\n      url: git@git.acme.internal:team/app.git\n      auth:\n        user: ci\n        %[1]s: %[2]s\n"), nil},
		{"headers of a request", "automations/call.yml", "do[1].fetch.headers.KEY", formatFile("slug: call\nname: Call\ndo:\n  - set:\n      name: done\n      value: false\n  - fetch:\n      url: https://api.acme.internal/v1\n      method: post\n      headers:\n        Accept: application/json\n        %[1]s: %[2]s\n      output: answer\noutput: '{{answer}}'\n"), nil},
		{"body of a request", "automations/post.yml", "do[0].fetch.body.login.KEY", formatFile("slug: post\nname: Post\ndo:\n  - fetch:\n      url: '{{config.url}}'\n      method: post\n      body:\n        login:\n          user: claims\n          %[1]s: %[2]s\n"), nil},
		{"variable", "automations/set.yml", "do[0].set.value", formatFile("slug: set\nname: Set\ndo:\n  - set:\n      name: %[1]s\n      value: %[2]s\n"), nil},
		{"default of an argument", "automations/v1/ask.yml", "arguments.KEY.default", formatFile("slug: v1/ask\nname: Ask\narguments:\n  %[1]s:\n    type: string\n    default: %[2]s\ndo: []\n"), nil},
		{"property of a page", "pages/index.yml", "blocks[0].KEY", formatFile("slug: index\nname:\n  fr: Accueil\n  en: Home\nblocks:\n  - slug: Custom\n    title: Claims\n    %[1]s: %[2]s\n"), nil},
		{"anchor and alias", "automations/alias.yml", "", formatFile("slug: alias\nx-common: &it %[2]s\ndo:\n  - fetch:\n      url: https://api.acme.internal\n      headers:\n        %[1]s: *it\n"), nil},
		{"value on the next line", "imports/Crm.yml", "config.KEY", func(key, value string) string {
			return "appSlug: Crm\nconfig:\n  " + key + ":\n    >-\n    " + strings.ReplaceAll(strings.TrimSpace(value), "\n",
				"\n\n    ") + "\n"
		}, nil},
		{"escapes", "automations/escapes.yml", "do[0].fetch.headers.KEY", func(key, value string) string {
			var b strings.Builder
			for _, r := range value {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
			return "slug: escapes\ndo:\n  - fetch:\n      url: https://api.acme.internal\n      headers:\n        " + key +
				": \"" + b.String() + "\"\n"
		}, nil},
	}
}

func stringPlacements() []placement {
	return []placement{
		{"JSON in a string", "automations/json.yml", "do[0].fetch.body.auth.KEY", func(key, value string) string {
			inner := mustMarshal(map[string]any{"grant": "x", "auth": map[string]string{key: value}})
			return "slug: json\ndo:\n  - fetch:\n      url: https://api.acme.internal\n      method: post\n      body: " +
				mustMarshal(inner) + "\n"
		}, nil},
		{"base64 of JSON", "automations/base64.yml", "", func(key, value string) string {
			return "slug: base64\ndo:\n  - set:\n      name: settings\n      value: " +
				base64.StdEncoding.EncodeToString([]byte(mustMarshal(map[string]string{key: value}))) + "\n"
		}, nil},
		{"code", "automations/code.yml", "do[0][\"Custom Code.run function\"].code", func(key, value string) string {
			line := "const settings = { user: 'claims', \"" + key + "\": " + mustMarshal(value) + " };\n"
			return "slug: code\ndo:\n  - Custom Code.run function:\n      function: call\n      code: |\n        // call the " +
				"back office\n        " + line + "        return post(settings);\n"
		}, nil},
		{"environment file", "automations/env.yml", "do[0].set.value", func(key, value string) string {
			return "slug: env\ndo:\n  - set:\n      name: dotenv\n      value: |\n        REGION=eu\n        " +
				environmentName(key) + "=" + value + "\n        DEBUG=false\n"
		}, isSingleLine},
		{"query string", "automations/query.yml", "do[0].fetch.url", func(key, value string) string {
			return "slug: query\ndo:\n  - fetch:\n      url: https://api.acme.internal/v1/items?limit=5&" + key + "=" + value +
				"\n"
		}, oneWord.MatchString},
		{"condition", "automations/if.yml", "", func(key, value string) string {
			return "slug: if\ndo:\n  - conditions:\n      '{{body." + key + "}} == \"" + value +
				"\"':\n        - set:\n            name: ok\n            value: true\n"
		}, func(value string) bool { return isSingleLine(value) && !strings.ContainsAny(value, " '") }},
		{"comment", "automations/comment.yml", "", func(key, value string) string {
			return "slug: comment\n# For tests:\n#   " + key + ": " + strings.ReplaceAll(value, "\n", `\n`) + "\ndo: []\n"
		}, nil},
		{"file that is not valid YAML", "automations/broken.yml", "", func(key, value string) string {
			return "slug: broken\ndo:\n  - fetch:\n      headers: [\n      " + key + ": " + quoteValue(value) + "\n  ]: }\n"
		}, nil},
		{"read-me", "README.md", "", func(key, value string) string {
			return "# Claims\n\nCall the back office with these:\n\n```\n" + key + ": " + strings.ReplaceAll(value, "\n", `\n`) +
				"\n```\n"
		}, nil},
	}
}

// environmentName converts a key to the name of an environment variable.
func environmentName(key string) string {
	var b strings.Builder
	for i, r := range key {
		if i > 0 && r >= 'A' && r <= 'Z' && key[i-1] >= 'a' && key[i-1] <= 'z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(strings.ReplaceAll(b.String(), "-", "_"))
}
