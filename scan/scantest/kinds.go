// SPDX-License-Identifier: AGPL-3.0-or-later

package scantest

import (
	"encoding/base64"
	"strings"
)

// Kind is a kind of secret and its notation in a workspace.
type Kind struct {
	// Name is the name of the kind; Key is the name of the value.
	Name, Key string
	// before and after surround the secret. All three are expressions for [Planter.Text].
	before, secret, after string
	// make replaces the expressions if they cannot describe a valid value.
	make func(*Planter) (value, secret string)
}

// Value generates a value and returns the secret that it contains.
func (k Kind) Value(p *Planter) (value, secret string) {
	if k.make != nil {
		return k.make(p)
	}
	secret = p.Text(k.secret)
	return p.Text(k.before) + secret + p.Text(k.after), secret
}

// plainKind returns a kind whose value is the secret.
func plainKind(name, key, secret string) Kind { return Kind{Name: name, Key: key, secret: secret} }

// around returns a kind with text around the secret.
func around(name, key, before, secret, after string) Kind {
	return Kind{Name: name, Key: key, before: before, secret: secret, after: after}
}

// Kinds returns all kinds of secrets to plant.
func Kinds() []Kind {
	return append(append(passwordKinds(), keyKinds()...), append(textKinds(), generatedKinds()...)...)
}

func passwordKinds() []Kind {
	return []Kind{
		plainKind("password", "password", `[A-Z][a-z]{5}[0-9]{3}!`),
		plainKind("password of a mail server", "smtpPassword", `[a-zA-Z]{8}[0-9][a-z]{3}`),
		plainKind("password of a database", "dbPassword", `[a-z]{6}-[a-z]{6}-[0-9]{2}`),
		plainKind("password in capitals", "DB_PASSWORD", `[A-Za-z]{6}#[0-9]{4}`),
		plainKind("passphrase", "sshPassphrase", `[a-z]{5}-[a-z]{6}-[a-z]{5}[0-9]`),
		plainKind("French password", "motDePasse", `[A-Z][a-z]{6}[0-9]{2}`),
		plainKind("French abbreviation", "adminMdp", `[a-z]{7}[0-9]{4}`),
		plainKind("German password", "Kennwort", `[A-Z][a-z]{7}[0-9]{2}`),
		plainKind("password of a directory", "ldapBindPassword", `[A-Za-z0-9]{16}`),
		plainKind("password of a proxy", "proxy_password", `[a-z]{4}[0-9]{4}[a-z]{4}`),
		plainKind("password of a key store", "keystore-password", `[A-Z]{4}[a-z]{4}[0-9]{2}`),
		plainKind("short for password", "pwd", `[a-z]{4}@[0-9]{3}[A-Z]`),
	}
}

func keyKinds() []Kind {
	return []Kind{
		plainKind("client secret", "client_secret", `[A-Za-z0-9]{40}`),
		plainKind("client secret of Azure", "clientSecret", `[a-zA-Z0-9]{3}8Q~[a-zA-Z0-9]{34}`),
		plainKind("API key in hex", "apiKey", `[0-9a-f]{32}`),
		plainKind("API key, a UUID", "api_key", `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}`),
		plainKind("API key of a header", "X-API-Key", `[A-Za-z0-9]{40}`),
		plainKind("access token", "accessToken", `[A-Za-z0-9]{64}`),
		plainKind("refresh token", "refresh_token", `1//[A-Za-z0-9]{40}`),
		plainKind("token", "authToken", `[a-z0-9]{24}`),
		plainKind("token of a session", "sessionToken", `[A-Za-z0-9]{48}`),
		plainKind("secret of a webhook", "webhookSecret", `whsec_[A-Za-z0-9]{32}`),
		plainKind("secret of a signature", "signingSecret", `[0-9a-f]{32}`),
		plainKind("secret of tokens", "jwtSecret", `[A-Za-z0-9]{43}=`),
		plainKind("key of an encryption", "encryptionKey", `[0-9a-f]{64}`),
		plainKind("shared access key", "sharedAccessKey", `[A-Za-z0-9]{43}=`),
		plainKind("key of a storage account", "accountKey", `[A-Za-z0-9]{86}==`),
		plainKind("key of AWS", "aws_secret_access_key", `[A-Za-z0-9]{40}`),
		plainKind("key of a subscription", "Ocp-Apim-Subscription-Key", `[0-9a-f]{32}`),
		plainKind("key of functions", "x-functions-key", `[A-Za-z0-9]{54}==`),
		plainKind("seed of one-time passwords", "totpSecret", `[A-Z2-7]{32}`),
		plainKind("key of a licence", "licenseKey", `[A-Z]{2}[0-9]{3}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{4}7`),
		plainKind("credentials of a directory", "bindCredentials", `[A-Za-z0-9]{20}`),
		plainKind("token of GitHub", "githubToken", `ghp_[a-zA-Z0-9]{36}`),
		plainKind("token of GitLab", "gitlabToken", `glpat-[a-zA-Z0-9]{20}`),
		plainKind("key of OpenAI", "OPENAI_API_KEY", `sk-proj-[a-zA-Z0-9]{48}`),
		plainKind("key of Anthropic", "anthropicKey", `sk-ant-api03-[a-zA-Z0-9]{93}AA`),
		plainKind("key of Stripe", "stripeKey", `sk_live_[a-zA-Z0-9]{30}`),
		plainKind("key of SendGrid", "sendgridApiKey", `SG\.[a-zA-Z0-9]{22}\.[a-zA-Z0-9]{43}`),
		plainKind("key of Mistral", "mistralKey", `[A-Za-z0-9]{32}`),
		plainKind("key of a search service", "search-admin-key", `[A-Za-z0-9]{52}`),
	}
}

func textKinds() []Kind {
	return []Kind{
		around("connection string of a database", "connectionString",
			`Server=tcp:sql\.acme\.internal,1433;User Id=app;Password=`, `[A-Za-z0-9]{14}`, `;Encrypt=True`),
		around("connection string of storage", "storage", `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=`,
			`[A-Za-z0-9]{86}==`, `;EndpointSuffix=core\.windows\.net`),
		around("URL of Postgres", "databaseUrl", `postgres://app:`, `[A-Za-z0-9]{12}`, `@db\.acme\.internal:5432/app`),
		around("URL of MongoDB", "mongo", `mongodb\+srv://app:`, `[A-Za-z0-9]{12}`, `@cluster0\.acme\.internal/app`),
		around("URL of Redis", "cache", `redis://:`, `[A-Za-z0-9]{20}`, `@cache\.acme\.internal:6379/0`),
		around("URL of a message broker", "broker", `amqps://ingest:`, `[a-z]{5}[0-9]{4}`, `@mq\.acme\.internal/prod`),
		around("URL with basic authentication", "endpoint", `https://svc-claims:`, `[A-Za-z0-9]{10}`,
			`@api\.acme\.internal/v1`),
		around("URL of a repository", "repositoryUrl", `https://oauth2:`, `glpat-[A-Za-z0-9]{20}`,
			`@gitlab\.acme\.internal/team/app\.git`),
		around("URL with a token for a user", "source", `https://`, `[a-f0-9]{40}`, `@git\.acme\.internal/team/app\.git`),
		around("parameter of a URL", "url", `https://api\.acme\.internal/v1/items[?]api_key=`, `[A-Za-z0-9]{32}`, `&limit=5`),
		around("signature of a URL", "blob", `https://acme\.blob\.core\.windows\.net/docs/a\.pdf[?]sv=2022-11-02&sr=b&sig=`,
			`[A-Za-z0-9]{43}`, `%3D`),
		around("bearer token", "Authorization", `Bearer `, `[A-Za-z0-9]{40}`, ``),
		around("token in a header", "Authorization", `Token `, `[0-9a-f]{40}`, ``),
		around("API key in a header", "Authorization", `ApiKey `, `[A-Za-z0-9]{40}`, ``),
		around("cookie", "Cookie", `session=`, `[0-9a-f]{32}`, `; theme=dark`),
		around("access token of the platform", "prismeToken", ``, `at:[A-Za-z0-9]{40}`, ``),
		around("access token of the platform in a header", "Authorization", `Bearer `, `at:[A-Za-z0-9]{40}`, ``),
		around("access token of the platform, unnamed", "input", ``, `at:[A-Za-z0-9]{40}`, ``),
		around("key of an organisation", "x-prismeai-api-key", ``,
			`iak_acme_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-b[0-9a-f]{3}-[0-9a-f]{12}`, ``),
		around("webhook of Slack", "notify", ``,
			`https://hooks\.slack\.com/services/T[A-Z0-9]{8}/B[A-Z0-9]{8}/[A-Za-z0-9]{24}`, ``),
		around("webhook of Discord", "alerts", ``, `https://discord\.com/api/webhooks/[1-9][0-9]{17}/[A-Za-z0-9]{68}`, ``),
		around("webhook of Teams", "channelUrl", ``,
			`https://acme\.webhook\.office\.com/webhookb2/[0-9a-f]{8}@[0-9a-f]{8}/IncomingWebhook/[0-9a-f]{32}/[0-9a-f]{8}`, ``),
	}
}

// generatedKinds returns the kinds that expressions cannot describe.
func generatedKinds() []Kind {
	encode := base64.RawURLEncoding.EncodeToString
	token := func(p *Planter) (string, string) {
		t := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(`{"sub":"`+p.Text(`[0-9]{9}`)+`"}`)) + "." +
			p.Text(`[A-Za-z0-9]{43}`)
		return t, t
	}
	key := func(p *Planter) (string, string) {
		pem := p.PrivateKey()
		return pem, strings.Split(pem, "\n")[1]
	}
	return []Kind{
		{Name: "basic authentication", Key: "Authorization", make: func(p *Planter) (string, string) {
			secret := base64.StdEncoding.EncodeToString([]byte(p.Text(`svc-[a-z]{6}:[A-Za-z0-9]{13}`)))
			return "Basic " + secret, secret
		}},
		{Name: "signed token", Key: "idToken", make: token},
		{Name: "signed token, unnamed", Key: "input", make: token},
		{Name: "private key", Key: "privateKey", make: key},
		{Name: "private key, unnamed", Key: "certificate", make: key},
	}
}
