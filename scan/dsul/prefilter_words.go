// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"sync"

	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
)

// suspiciousWords matches fragments of forms, tags and command lines.
var suspiciousWords = sync.OnceValue(func() *ahocorasick.Automaton {
	return ahocorasick.New(pemBegin, "eyJ", "iak_", "!!binary", "curl", "wget", "hooks.slack.com", "discord", "webhook.office", "outlook.office",
		"chat.googleapis", "hooks.zapier", "make.com", "ifttt", "azurewebsites", "telegram.org", "private-lines", "agea", "ibadan", "ibaak", "&#", ";base64,",
		"$2a$", "$2b$", "$2x$", "$2y$", "$apr1$", "$1$", "$5$", "$6$", "$7$", "$8$", "$9$", "$y$", "$argon2", "$scrypt", "$pbkdf2", "sha}", "sha256}", "sha512}", "kind: secret",
		"identified by", "identified with", "sshpass", "redis-cli", "mysql", "mariadb", "securestring", "login(", "authenticate(", "signin(", "sign_in(", "basic_auth", "basicauth",
		"client(", "credential(", "credentials(", "getenv", "environ", "putenv", "setenv", "define(", "ordefault", "or_default", "configfield", "config_field", "config('", "config(\"",
		"env('", "env(\"", "fetch('", "fetch(\"", "get('", "get(\"",
		"passwordfor", "password_for", "passwordof", "passwortfur", "motdepassepour", "tokenfor", "token_for", "keyfor", "key_for", "secretfor", "secret_for",
		"mot de ", "palabra ", "palavra ", "parola ", "assword is", "asswort ist", "passe est", "a es ", "@tcp(", "@unix(", "unwrap_or", "orelse(", "or_else(", "value_or(", "connect(", "connection(", "pdo(", "directoryentry(", "snmp-server", "pac key", "radius-server", "tacacs-server", "psexec", "mysqli(", "jwt.sign", "jwt.verify", "jwt.encode", "jwt.decode",
		"hmac", ".auth(", "::new(", ".fetch(:", "configure set", "config set", "vault login", "alias set", "with-token", "plink", "pscp", "psftp", "twine", "snowsql", "net user",
		"useradd", "usermod", "sqlplus", "jdbc:oracle", "@//", "pwd={", "password={", "<<<", "%3a", "%3d", "token is", "secret is", "key is",
		"bcrypt", "argon2", "passlib", "pbkdf2", "scrypt", "password(", "password_hash", "password_verify")
})
