// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"
	"testing"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

func TestNameStrength(t *testing.T) {
	tests := map[strength]string{
		password: `password Password PASSWORD passwords user_password smtpPassword DB_PASSWORD db-password password2 passwordProd
			adminPasswd pwd passphrase pass dbPass mdp motDePasse mot-de-passe kennwort contraseña senha newPassword`,
		credential: `token apiKey APIKey apikey API_KEY api-key x-api-key X-API-KEY x-prismeai-api-key apiKeys apiKeyV2 apiKeyValue
			accessToken access_token refreshToken authToken bearerToken idToken githubToken token.value secret secrets clientSecret
			client_secret secretKey aws_secret_access_key privateKey private_key signingKey webhookSecret encryptionKey connectionString
			authorization Authorization proxy-authorization auth credentials cookie Set-Cookie jwtSecret
			Ocp-Apim-Subscription-Key x-functions-key sshKey licenseKey serviceAccountKey jeton cléSecrète`,
		hinted: `key stripeKey OPENAI_KEY mistral-key x-goog-key keys accountingKey`,
		unnamed: `name value title user login email url max_tokens maxTokens promptTokens tokens tokenCount token_type tokenUrl
			nextPageToken page_token continuationToken csrfToken publicKey public_key publishableKey primaryKey cacheKey sortKey
			idempotencyKey keyId accessKeyId secretName secretPath passwordField forgotPassword showPassword hasToken isSecret
			passwordPolicy passwordless tokenization author authority monkey keyboard turkey compass bypass passport secretary
			apiKeyHeader authorizationUrl authType pubkey1 anonKey ` + "\x00 é - _ 123 " + strings.Repeat("password", 20),
	}
	for want, names := range tests {
		for name := range strings.FieldsSeq(names) {
			if got := nameStrength(name); got != want {
				t.Errorf("strength of %q is %d, want %d", name, got, want)
			}
		}
	}
	if nameStrength("") != unnamed {
		t.Error("no name is a name")
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"userApiKey": "user api key", "USER_API_KEY": "user api key", "user-api-key": "user api key", "APIKey": "api key",
		"userID": "user id", "X-API-Key": "x api key", "sha256Sum": "sha sum", "cléSecrète": "cle secrete", "...": "", "a": "a",
	} {
		if got := strings.Join(literal.Words(name), " "); got != want {
			t.Errorf("words of %s are %q, want %q", name, got, want)
		}
	}
}

func TestSecretName(t *testing.T) {
	for name, want := range map[string]string{
		"smtpPassword": "smtpPassword", "X-API-Key": "apiKey", "DB_PASSWORD": "dbPassword", "x": "x", "": "name", "...": "name",
		"пароль": "name", "Authorization": "authorization", strings.Repeat("long", 20): "name",
	} {
		if got := secretName(name); got != want {
			t.Errorf("secret for %s is %s, want %s", name, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for want, keys := range map[string][]string{
		"do":                                  {"do"},
		"config.value.apiKey":                 {"config", "value", "apiKey"},
		`do["Custom Code.run"].x-api-key`:     {"do", "Custom Code.run", "x-api-key"},
		`conditions["…"]`:                     {"conditions", `{{token}} == "hunter2"`},
		`a["…"].b`:                            {"a", "k7Jd83hGs72kLmQ0aa", "b"},
		`a["…"]["…"]["…"]`:                    {"a", "a\nb", "https://user:pass@host", strings.Repeat("k", 49)},
		`a["1st"]`:                            {"a", "1st"},
		"clé.$http":                           {"clé", "$http"},
		strings.Repeat("x.", 200) + "x" + ".": nil,
	} {
		path := ""
		for _, key := range keys {
			path = joinPath(path, key)
		}
		if keys != nil && path != want {
			t.Errorf("path %s, want %s", path, want)
		}
	}
	path := ""
	for range 10_000 {
		path = joinPath(path, "key")
	}
	if len(path) > maxPath+maxSegment {
		t.Errorf("a path has %d bytes", len(path))
	}
}
