// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "github.com/prismeai/workspaces-release/internal/lazyregexp"

// codeForms are the forms of programming languages.
var codeForms = []form{
	{
		words: []string{
			"login(",
			"signin(",
			"authenticate(",
			"auth(",
			"credentials(",
			"credential(",
			"client(",
			"credential]::new(",
		},
		check: isGiven,
		match: lazyregexp.New(
			`(?i)(?:\.(?:login|sign_?in|authenticate)|new\s+\w*(?:client|credentials?)|\b(?:http)?basic_?auth|(?:(?:ps|` +
				`network)credentials?))(?:\]::new)?\(\s*["'\x60][^"'\x60\n]{1,100}["'\x60]\s*,\s*["'\x60](` +
				`[^"'\x60\s]{3,256})["'\x60]`,
		),
	},
	{
		words: []string{"connect(", "pdo(", "mysqli(", "connection(", "directoryentry("},
		check: isChosen,
		match: lazyregexp.New(
			`(?i)(?:connect(?:ion)?|directoryentry|new\s+(?:pdo|mysqli))\s*\(\s*[^,()\n]{1,160},\s*(?:\d{2,5}\s*,\s*)?` +
				`["'][^"'\n]{0,64}["']\s*,\s*["']([^"'\s]{3,256})["']`,
		),
	},
	{
		words: []string{"unwrap_or", "orelse(", "or_else(", "value_or("},
		named: true,
		match: lazyregexp.New(
			`(?i)([\w-]{2,100})["']?\)?\.(?:unwrap_or(?:_else)?|or_?else|get_?or_?else|value_or)\(\s*(?:(?:\|\w*\||` +
				`\(\)\s*[-=]>)\s*)?["']([^"'\n]{3,256})["']`,
		),
	},
	{
		words: []string{"jwt.", "hmac"},
		check: isKeyText,
		rule:  ruleCredential,
		match: lazyregexp.New(
			`(?i)\b(?:jwt\.(?:sign|verify|encode|decode)|create_?hmac|hmac\.new)\(\s*[^,()\n]{1,160},\s*b?["'](` +
				`[^"'\n]{8,256})["']`,
		),
	},
	{
		words: []string{"hmac.new(b", "hmac.new(\"", "hmac.new('"},
		check: isKeyText,
		rule:  ruleCredential,
		match: lazyregexp.New(`\bhmac\.new\(\s*b?["']([^"'\n]{8,256})["']`),
	},
	{words: []string{".auth("}, check: isChosen, match: lazyregexp.New(`\.auth\(\s*["']([^"'\s]{3,256})["']\s*\)`)},
	{
		words: []string{"env", "get(", "fetch(", "var("},
		named: true,
		match: lazyregexp.New(
			`(?i)\b(?:get_?env(?:ironmentvariable)?|environ\.get|config\.get|env\.fetch|env::var|env|lookup_?env)\(\s*` +
				`["']([\w.-]{2,100})["']\s*\)\s*(?:,|\bor\b|\.(?:unwrap_or|orelse|or_else|getorelse)\(|\{|\?:|\?\?|` +
				`\|\|)\s*["']([^"'\n]{3,256})["']`,
		),
	},
	{
		words: []string{"@tcp(", "@unix("},
		check: isGiven,
		match: lazyregexp.New(`[\w.-]+:([^\s"'\x60]{1,256})@(?:tcp|unix)\(`),
	},
	{words: []string{"${"}, named: true, match: lazyregexp.New(`\$\{(\w{2,64})[-+]([^{}\n]{3,256})\}`)},
	{
		words: []string{
			"auth=(",
			"auth = (",
			"auth= (",
			"auth: [",
			"auth:[",
			"auth': [",
			"auth\": [",
			"auth':[",
			"auth\":[",
		},
		check: isChosen,
		match: lazyregexp.New(`\bauth["']?\s*[=:]\s*[(\[]\s*["'][^"'\n]{1,100}["']\s*,\s*["']([^"'\n]{3,256})["']\s*[)\]]`),
	},
	{
		words: []string{"equals", "strcmp", "compare("},
		named: true,
		match: lazyregexp.New(
			`(?i)\b(?:str(?:case)?cmp\(\s*)?(\w+)(?:\.(?:equals(?:ignorecase)?|compareto)\(|\s*,)\s*["']([^"'\n]{3,256})` +
				`["']\s*\)`,
		),
	},
	{
		words:   []string{".equals"},
		named:   true,
		swapped: true,
		match:   lazyregexp.New(`(?i)["']([^"'\n]{3,256})["']\.equals(?:ignorecase)?\(\s*((?:\w+\.)*\w+)\s*\)`),
	},
	{
		words:   []string{"=="},
		swapped: true,
		match:   lazyregexp.New(`["']([^"'\n]{3,256})["']\s*={2,3}\s*(?:\{\{)?\s*((?:\w+\.)*\w+)`),
		named:   true,
	},
	{
		words: []string{"env", "define", "fetch", "config", "field", "get("},
		named: true,
		match: lazyregexp.New(
			`(?i)\b(?:get_?env|environ\.get|environ\.setdefault|env|get_?or_?default|define|fetch|config|put_?env|` +
				`set_?env(?:ironment_?variable)?|build_?config_?field|get)\b\s*\(?\s*(?:["']\w+["']\s*,\s*)?["':](` +
				`[\w.-]{3,100})["']?\s*,\s*(?:"\\?["']?([^"\n\\]{3,512})|'\\?"?([^'\n\\"]{3,512}|[^'\n]{3,512}))`,
		),
	},
	{
		words: []string{"crypt", "argon2", "passlib", "pbkdf2", "password(", "password_hash(", "password_verify("},
		check: isHashed,
		match: hashing,
	},
}
