// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "github.com/prismeai/workspaces-release/internal/lazyregexp"

// commandForms are the forms of command lines, scripts and network devices.
var commandForms = []form{
	// Dockerfiles and shell scripts
	{
		words: []string{"env ", "arg ", "set ", "setx ", "setenv "},
		match: lazyregexp.New(`(?im)^\s*(?:ENV|ARG|SET|SETX|setenv)\s+([\w.-]+)\s+["']?([^\s"'=][^\s"']{2,255})`),
		named: true,
	},
	{
		words: []string{"convertto-securestring"},
		match: lazyregexp.New(`(?i)convertto-securestring\s+(?:-string\s+)?["']([^"'\n]{3,256})["']`),
		check: isGiven,
	},
	{words: []string{"sshpass"}, match: lazyregexp.New(`\bsshpass\s+-p\s*["']?([^\s"']{3,256})`), check: isGiven},
	{
		words: []string{"mysql", "mariadb"},
		match: lazyregexp.New(`\b(?:mysql|mariadb)(?:dump|admin|import)?\b[^\n|;]{0,200}?\s-p["']?([^\s"'-][^\s"']{2,255})`),
		check: isGiven,
	},
	{
		words: []string{"redis-cli"},
		match: lazyregexp.New(`\bredis-cli\b[^\n|;]{0,200}?\s(?:-a|--pass)\s+["']?([^\s"']{3,256})`),
		check: isGiven,
	},
	{
		words: []string{" login "},
		match: lazyregexp.New(
			`\b(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|regctl|helm|az|oc|cf|argocd|vault)\s+(?:registry\s+|` +
				`auth\s+)?login\b[^\n|;]{0,200}?\s-p[ =]?["']?([^\s"'-][^\s"']{2,255})`,
		),
		check: isGiven,
	},
	{
		words: []string{"mongo", "sqlcmd", "cqlsh", "mosquitto", "ldap", "bcp "},
		match: lazyregexp.New(
			`\b(?:mongo\w*|sqlcmd|bcp|cqlsh|mosquitto_[ps]ub|ldap\w+)\b[^\n|;]{0,200}?\s-[pPw][ =]?["']?([^\s"'-]` +
				`[^\s"']{2,255})`,
		),
		check: isGiven,
	},
	{
		words: []string{"zip ", "7z", "htpasswd"},
		match: lazyregexp.New(
			`\b(?:(?:un)?zip\b[^\n|;]{0,100}?\s-P\s*|7za?\b[^\n|;]{0,100}?\s-p|htpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+)["']?(` +
				`[^\s"'-][^\s"']{2,255})`,
		),
		check: isGiven,
	},
	{
		words: []string{"keytool", "openssl", "jarsigner"},
		match: lazyregexp.New(
			`\b(?:(?:keytool|jarsigner)\b[^\n|;]{0,200}?-(?:store|key|src|dest|new)\w*pass\s+|openssl\b[^\n|;]{0,200}?\s` +
				`(?:-k\s+|-pass(?:in|out)?\s+pass:))["']?([^\s"':-][^\s"':]{2,255})`,
		),
		check: isGiven,
	},
	{
		words: []string{"vault login", "configure set", "config set", "--from-literal", "set-item"},
		named: true,
		match: lazyregexp.New(
			`(?i)\b(?:aws\s+configure\s+set|(?:npm|yarn|pnpm|gcloud|git)\s+config\s+set|set-item(?:\s+-path)?)\s+(?:\S*` +
				`[:/])?([\w.-]{3,100})[ =]["']?([^\s"']{6,256})`,
		),
	},
	{
		words: []string{"vault login", "alias set", "auth login", "with-token"},
		check: isKeyText,
		rule:  ruleCredential,
		match: lazyregexp.New(
			`\b(?:vault\s+login\s+|mc\s+alias\s+set\s+\S+\s+\S+\s+\S+\s+|--with-token\s+<<<\s*)["']?([^\s"'-][^\s"']{7,255})`,
		),
	},
	{
		words: []string{
			"plink",
			"pscp",
			"psftp",
			"putty",
			"twine",
			"snowsql",
			"net user",
			"useradd",
			"usermod",
			"net use",
			"curl",
		},
		check: isChosen,
		match: lazyregexp.New(
			`(?i)(?:\b(?:plink|pscp|psftp|putty)\b[^\n|;]{0,200}?\s-pw\s+|\b(?:twine|snowsql)\b[^\n|;]{0,200}?\s-p\s+|` +
				`\bnet\s+user\s+\S+\s+|\bnet\s+use\s+\S+\s+\S+\s+|\buser(?:add|mod)\b[^\n|;]{0,200}?\s-p\s+|` +
				`\bcurl\b[^\n|;]{0,200}?\s--(?:proxy-)?pass\s+)["']?([^\s"'/-][^\s"']{2,255})`,
		),
	},
	// network devices
	{
		words: []string{"enable ", "snmp-server ", "pac key ", "radius-server ", "tacacs-server ", "username "},
		check: isChosen,
		match: lazyregexp.New(
			`(?im)^[ \t]*(?:enable\s+(?:password|secret)|snmp-server\s+community|(?:pac|radius-server|tacacs-server)\s+key|` +
				`username\s+\S+\s+(?:privilege\s+\d+\s+)?(?:password|secret))\s+(?:level\s+\d+\s+)?(?:\d\s+)?([^\s$]\S{3,127})`,
		),
	},
	{
		words: []string{"psexec"},
		check: isGiven,
		match: lazyregexp.New(`(?i)\bpsexec\b[^\n|;]{0,200}?\s-p\s+["']?([^\s"'%-][^\s"']{2,127})`),
	},
	{
		words: []string{"sqlplus", "jdbc:oracle", "@//"},
		check: isChosen,
		match: lazyregexp.New(
			`(?:\bsqlplus\s+(?:-\w+\s+)*["']?|jdbc:oracle:\w+:|(?:^|[\s"'=]))[\w.$]{1,64}/["']?([^\s@/"']{3,128})["']?@` +
				`(?://)?[\w.-]+(?:[:/]|\b)`,
		),
	},
	{
		words: []string{"--cookie", "-b "},
		check: isKeyText,
		rule:  ruleCookie,
		match: lazyregexp.New(`\bcurl\b[^\n|;]{0,300}?\s(?:-b|--cookie)[ =]\s*["']?[\w.-]{2,64}=([^\s"';]{12,512})`),
	},
	{
		words: []string{"pwd={", "password={"},
		check: isChosen,
		match: lazyregexp.New(`(?i)\b(?:pwd|password)=\{([^{}\n]{3,256})\}`),
	},
	{
		words: []string{"<<<"},
		named: true,
		match: lazyregexp.New(`\bread\s+(?:-\w+\s+)*(\w{3,64})\s*<<<\s*["']([^"'\n]{3,256})["']`),
	},
	{
		words: []string{"convertto-securestring"},
		check: isChosen,
		match: lazyregexp.New(`(?i)["']([^"'\n]{3,256})["']\s*\|\s*convertto-securestring`),
	},
	{
		words: []string{"smbclient", "net use", "http -a", "https -a", "xh -a", "http --auth", "https --auth"},
		check: isGiven,
		match: lazyregexp.New(
			`(?:\bsmbclient\b[^\n|;]{0,100}?-U\s*["']?\w+%|\bnet use\b[^\n|;]{0,100}?/user:\S+\s+|\b(?:https?|xh)\s+` +
				`(?:-a|--auth)[ =]["']?[\w.@-]+:)["']?([^\s"'|]{3,256})`,
		),
	},
	{
		words: []string{"chpasswd", "password-stdin"},
		check: isGiven,
		match: lazyregexp.New(
			`\becho\s+(?:-n\s+)?["']?(?:[\w.-]+:)?([^\s"'|:]{3,256})["']?\s*\|\s*(?:sudo\s+)?(?:chpasswd|` +
				`[^\n|]{0,200}--password-stdin)`,
		),
	},
}
