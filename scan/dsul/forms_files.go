// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "github.com/prismeai/workspaces-release/internal/lazyregexp"

// fileForms are the forms of files, databases and tokens.
var fileForms = []form{
	// .netrc
	{
		words: []string{"login "},
		match: lazyregexp.New(`(?i)\blogin\s+\S+\s+(?:account\s+\S+\s+)?password\s+(\S+)`),
		check: isGiven,
		plain: true,
	},
	// /etc/shadow, .htpasswd and database columns
	{
		words: []string{"$"},
		match: lazyregexp.New(`(\$(?:2[abxy]|apr1|1|5|6|7|8|9|y|argon2i?d?|scrypt|pbkdf2[\w-]*)\$[./A-Za-z0-9$=,+_-]{20,})`),
		rule:  ruleHash,
		check: isHash,
	},
	{
		words: []string{"sha}"},
		match: lazyregexp.New(`(?i)(\{s?sha(?:256|512)?\}[A-Za-z0-9+/=]{20,})`),
		rule:  ruleHash,
		check: isHash,
	},
	// SQL
	{
		words: []string{"identified ", "password"},
		match: lazyregexp.New(
			`(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|with\s+(?:encrypted\s+)?password|set\s+password` +
				`(?:\s+for\s+\S+)?\s*=|\bpassword\s*\(?)\s*(?:password\s+)?N?'([^'\n]{3,256})'`,
		),
		check: isGiven,
	},
	// XML
	{
		words: []string{"</"},
		match: lazyregexp.New(`<(?:[\w.-]+:)?([\w.-]{3,64})(?:\s[^<>]{0,200})?>\s*([^<>\s][^<>\n]{2,255}?)\s*</`),
		named: true,
	},
	{
		words: []string{"value=", "content="},
		match: lazyregexp.New(
			`(?i)\b(?:key|name)=["']([^"'<>]{2,100})["'](?:\s+[\w-]+=["'][^"'\n]*["']){0,3}\s+(?:value|content)=["'](` +
				`[^"'<>\n]{3,256})["']`,
		),
		named: true,
	},
	{
		words: []string{"</"},
		match: lazyregexp.New(`(?i)\b(?:key|name|id)=["']([^"'<>]{2,100})["'][^<>]{0,100}>\s*([^<>\n]{3,256}?)\s*</`),
		named: true,
	},
	{
		words: []string{"type=\"password\"", "type='password'", "type=password"},
		check: isGiven,
		match: lazyregexp.New(
			`(?i)<input\b[^<>]{0,200}\btype=["']?password\b[^<>]{0,200}\bvalue=["']([^"'<>\n]{3,256})["']`,
		),
	},
	// tokens
	{
		words: []string{
			"cio",
			"essu_",
			"packagist_",
			"sbp_",
			"gocspx-",
			"sk-pyx-",
			"aq.ab8r",
			"00d",
			"sk-or-v1-",
			"sk-lf-",
			"fc-",
			"lsv2_",
			"tvly-",
			"jina_",
			"r8_",
			"gsk_",
			"nvapi-",
			"pcsk_",
			"xai-",
			"hf_",
			"key_",
			":aa",
			"configcat-sdk-1",
		},
		long:  35,
		check: isServiceToken,
		rule:  ruleCredential,
		match: serviceToken,
	},
	{
		words: []string{"django-insecure-"},
		check: isGiven,
		rule:  ruleCredential,
		match: lazyregexp.New(`(django-insecure-[^\s"'\x60]{30,80})`),
	},
	// configuration files without operators
	{words: []string{"\""}, match: lazyregexp.New(`(?m)^\s*([\w.-]{2,64})\s+"([^"\n]{3,256})"\s*;?\s*$`), named: true},
	// URLs
	{
		words: []string{"api.telegram.org"},
		match: lazyregexp.New(`api\.telegram\.org/(?:file/)?bot(\d{6,}:[\w-]{30,})`),
		rule:  ruleCredential,
		check: isGiven,
	},
}
