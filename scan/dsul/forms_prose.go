// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import "github.com/prismeai/workspaces-release/internal/lazyregexp"

// proseForms are the forms of texts for people.
var proseForms = []form{
	{
		words: []string{" is ", " est ", " ist ", " lautet ", " es ", " is:", "è ", "é ", " to ", " was "},
		check: isSpoken,
		match: lazyregexp.New(
			`(?i)(?:pass\s?word|passcode|passphrase|passwort|kennwort|mot de passe|contraseña|senha|palavra-passe|parola` +
				`(?:\s+d'ordine)?|wachtwoord|api[ -]key|clé api|secret|token)[ \t]+(?:is|est|ist|lautet|es|é|è|to|` +
				`was)[ \t]*:?[ \t]*["'\x60«*]*([^\s"'\x60»*<]{6,256})`,
		),
	},
	{
		words: []string{" / "},
		check: isSpoken,
		match: lazyregexp.New(
			`(?i)\b(?:logins?|credentials?|identifiants?|zugangsdaten|credenciales|credenziali|accounts?|comptes?|users?|` +
				`accès|access)\s*:\s*["'\x60]?[^\s/"'\x60]{1,100}["'\x60]?\s/\s["'\x60]?([^\s"'\x60<]{6,256})`,
		),
	},
	{
		words: []string{"password ", "passwort ", "mot de passe ", "mdp ", "contraseña ", "senha "},
		check: isSpoken,
		match: lazyregexp.New(
			`(?i)\b(?:password|passwort|mot de passe|mdp|contraseña|senha)[ \t]+["'\x60«]?(` +
				`[^\s"'\x60»<>(){}\[\]|=:]{8,256})["'\x60»]?(?:[.,;]?\s|[.,;]?$)`,
		),
	},
	{
		words: []string{
			"` to `",
			"` auf `",
			"` à `",
			"` su `",
			"` op `",
			"` en `",
			"` a `",
			"' to '",
			"\" to \"",
			"' auf '",
			"' à '",
		},
		named: true,
		match: lazyregexp.New("[`\"']([\\w.-]{3,64})[`\"']\\s(?:to|auf|à|su|op|en|a)\\s[`\"']([^`\"'\\s]{6,256})[`\"']"),
	},
	{
		words: withDash(
			"password",
			"passphrase",
			"passwort",
			"kennwort",
			"mot de passe",
			"mdp",
			"contraseña",
			"senha",
			"wachtwoord",
		),
		check: isSpoken,
		match: lazyregexp.New(
			`(?i)\b(?:password|passphrase|passwort|kennwort|mot de passe|mdp|contraseña|senha|wachtwoord)[ \t]+[-–—]` +
				`[ \t]+["'\x60«]?([^\s"'\x60»<>(){}\[\]|=]{8,256})["'\x60»]?(?:[.,;]?\s|[.,;]?$)`,
		),
	},
	{
		words: withDash("key", "token", "secret", "jeton", "api"),
		check: isKeyText,
		rule:  ruleCredential,
		long:  16,
		match: lazyregexp.New(
			"(?i)\\b(?:api[ -]?key|token|secret|jeton|clé d['’]api|clé api)[ \\t]+[-–—][ \\t]+[`\"'«]?(" +
				"[\\w.~+/-]{16,256}=*)[`\"'»]?(?:[.,;]?\\s|[.,;]?$)",
		),
	},
	{
		words: []string{"token ", "key ", "jeton ", "secret "},
		check: isKeyText,
		rule:  ruleCredential,
		long:  20,
		match: lazyregexp.New(
			"(?i)\\b(?:api[ -]?key|(?:access |auth |api )?token|secret(?: key)?|jeton|clé d['’]api)[ \\t]+[`\"'«]?(" +
				"[\\w.~+/-]{20,256}=*)[`\"'»]?(?:[.,;]?\\s|[.,;]?$)",
		),
	},
	{
		words: []string{"secret '", "password '", "token '"},
		named: true,
		match: lazyregexp.New(`(?i)\b(secret|key_secret|password|token)\s+'([^'\n]{6,256})'`),
	},
}

// withDash returns the names with a dash behind them.
func withDash(names ...string) []string {
	var list []string
	for _, name := range names {
		list = append(list, name+" - ", name+" – ", name+" — ")
	}
	return list
}
