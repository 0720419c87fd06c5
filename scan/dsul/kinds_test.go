// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"strings"
	"testing"
)

const (
	// opaque looks generated; strong looks like a password that a person chose. Both are made
	// up.
	opaque = "Zk8Lq2Vn7Xw4Rt9Bp3Ys6Dm1Qa"
	strong = "Qz7#vLp2!wRt"
)

// inConfig returns a workspace with the lines below config.value.
func inConfig(lines string) string {
	var b strings.Builder
	b.WriteString("name: A\nslug: a\nconfig:\n  value:\n")
	for line := range strings.Lines(lines) {
		b.WriteString("    " + line)
	}
	return b.String() + "\n"
}

// TestFoundKinds tests leaks of each kind by file. Each text is a separate file.
func TestFoundKinds(t *testing.T) {
	inAutomation := func(text string) string { return "slug: a\ndo:\n" + text + "\n" }
	tests := map[string]struct {
		path string
		wrap func(string) string
		text []string
	}{
		"literals in expressions": {"w/index.yml", inConfig, []string{
			`smtpPassword: "{{secret.p | default('Tr0ub4dor-Xy7')}}"`, `DB_PASSWORD: ${DB_PASSWORD-` + strong + `}`, `a: "{{ secret['apiKey'] || '` + opaque + `' }}"`,
			`a: "{{secret.apiKey || '` + opaque + `'}}"`, `password: "{{prefix}}` + strong + `"`, `a: "{{config.token ?? '` + opaque + `'}}"`,
			`smtpPassword: "{% env == 'prod' ? secret.p : 'Tr0ub4dor-Xy7' %}"`, `smtpPassword: "${SMTP_PASSWORD:-` + strong + `}"`,
		}},
		"literals in expressions of automations": {"w/automations/a.yml", inAutomation, []string{
			"- fetch: {headers: {Authorization: \"Bearer {{config.token || '" + opaque + "'}}\"}}",
			"- fetch: {headers: {x-api-key: \"{% '" + opaque + "' %}\"}}",
			"- set: {name: password, value: \"{% env == 'prod' ? secret.p : 'Tr0ub4dor-Xy7' %}\"}",
			"- run: {code: 'const k = process.env.API_KEY || \"" + opaque + "\";'}",
			"- run: {code: 'password = os.environ.get(\"DB_PASSWORD\", \"" + strong + "\")'}",
			"- run: {code: \"k = os.getenv('JINA_KEY','jina_" + opaque + "')\"}",
		}},
		"keys behind a start that is known": {"w/index.yml", inConfig, []string{
			"apiKey: AAAAk3jf9sd:APA91b" + opaque, "apiKey: v1.0-" + opaque, "apiKey: bob:" + opaque, "apiKey: bob@acme.eu:" + opaque,
			"apiKey: '2.1." + opaque + "'", "apiKey: 2026-01-01-" + opaque, "apiKey: sha256-" + opaque, "apiKey: /app/" + opaque,
			"apiKey: '#0f3e4a5b6c7d8e9f0a1b2c3d4e5f6a7b'",
		}},
		"words of placeholders in values": {"w/index.yml", inConfig, []string{
			"smtpPassword: foo-Bar9!x", "smtpPassword: yourMom99!", "smtpPassword: dummy-Pass7", "smtpPassword: enter-Sandman9",
			"smtpPassword: todo-List9!", "smtpPassword: ChangeMe!", "apiKey: foo-" + opaque, "apiKey: your" + opaque, "apiKey: Zk8Lq2Vn7Xw4-change-Rt9Bp3Ys6Dm1",
		}},
		"passwords with spaces": {"w/index.yml", inConfig, []string{"smtpPassword: correct horse battery staple", "smtpPassword: Summer 2026!"}},
		"names of passwords": {"w/index.yml", func(name string) string { return inConfig(name + ": '" + strong + "'") }, strings.Fields(`pw adminPw admin_pw bindPw pswd psw
			passwordEU passwordForUser creds cred pin pinCode codePin keyPass sudo_pass basicAuthPass unlockCode secretWord Geheimnis clave parola hasło
			passord salasana пароль 密码 パスワード resetUrlPassword secretarySecret motDePasseFR contraseña_es senha wachtwoord password_2 dbpasswd
			passwordUtente mdp_smtp kennwortNeu пароль_админа hasłoAdmina adgangskodeNy Schlüsselwort claveAcceso codeAcces smtppw dbpw rootpw wifi_psk
			passwordJP סיסמה κωδικός 暗証番号 密碼 guests_passwort parolă şifre recoveryPhrase requirepass unlockPin`)},
		"names of credentials": {"w/automations/a.yml", func(name string) string { return inAutomation("- x: {" + name + ": " + opaque + "}") }, strings.Fields(`api_key_eu apiKeyFR
			token_fr secret_key_base secretKeyBase sas sasUrl sharedAccessSignature salt hmac signature session authentication openai mistral licence webhook
			clef key_coze razorpay_key clé_api chiaveApi tokenBot apiKeyEast secret_id session_key jetonAcces schluessel apiSchluessel llave_api
			kluczApi nyckel api_nøgle ключ токен 密钥 APIキー トークン 비밀키 mistral_api`)},
		"signs": {"w/index.yml", inConfig, []string{
			"smtpPassword: $uperSecret", "smtpPassword: $ecret", "smtpPassword: <Xy12ab#9>", "smtpPassword: pa$(ss)w0rd9", "smtpPassword: P@${w}ord7",
			"smtpPassword: 'ab{{cd}}ef9!'", "smtpPassword: '{Xy12ab#9}'", "smtpPassword: '#{x}9!Kab'", "smtpPassword: GOOD_MORNING", "smtpPassword: none", "smtpPassword: user@example.org", "smtpPassword: claims.team", "smtpPassword: secret", "smtpPassword: '000000'",
		}},
		"what YAML drops": {"w/index.yml", inConfig, []string{"svcPassword: #8odNXR1yHnGA3", "svcPassword: !nbSIh4MmDJIF0", "svcPassword: &Xo9aB2cD", "password: 1987-06-05"}},
		"YAML in text": {"w/index.yml", inConfig, []string{"k8s: |\n  kind: x\n  password: sunflower",
			"helm: |\n  {{- if x }}\n  password: sunflower\n  {{- end }}", "ini: |\n  [a]\n  password = sunflower"}},
		"settings":                {"w/a.ini", func(s string) string { return s }, []string{"[a]\npassword = sunflower\n", "db.password=sunflower\n"}},
		"settings with spaces":    {"w/redis.conf", func(s string) string { return s }, []string{"requirepass sunflower\n"}},
		"netrc":                   {"w/.netrc", func(s string) string { return s }, []string{"machine a\n  login b\n  password sunflower\n"}},
		"dump":                    {"w/a.sql", func(s string) string { return s }, []string{"INSERT INTO users (name, password) VALUES ('bob', 'it''s'), ('al', 'sunrise77');\n"}},
		"lists of credentials":    {"w/index.yml", inConfig, []string{"passwords: {bob: sunrise}", "credentials: {bob: '" + strong + "'}", "basicAuth: {bob: sunrise77}"}},
		"YAML that is a template": {"w/a.yml", func(s string) string { return s }, []string{"{{- if x }}\npassword: sunflower\n{{- end }}\n"}},
		"keys and data": {"w/index.yml", inConfig, []string{
			"apiKeys: {" + opaque + ": enabled}", "kind: Secret\ndata: {a: WnE3dkxwMndSdDlCcDM=}", "kind: Secret\nstringData: {a: Zq7vLp2wRt9Bp3}",
			"ai21_key: 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
		}},
		"encoded": {"w/index.yml", inConfig, []string{
			"a: data:application/json;base64,eyJwYXNzd29yZCI6IlF6N3ZMcDJ3UnQifQ==", "a: 70617373776f72643d517a3776" + "4c70327752743d78"}},
		"prose and other formats": {"w/README.md", func(s string) string { return "# A\n\n" + s + "\n" }, []string{
			"login: bob / " + strong, "user bob, password " + strong + ".", "A senha é " + strong, "<entry key=\"db.password\">sunrise77</entry>",
			"<input type=\"password\" value=\"sunrise77\">", "docker login -u bob -p sunrise77 r", "mongosh -u bob -p sunrise77", "ldapsearch -D cn=a -w sunrise77",
			"zip -P sunrise77 a.zip b", "keytool -storepass sunrise77 -list", "openssl rsa -passin pass:sunrise77", "echo 'bob:sunrise77' | chpasswd",
			"http -a bob:sunrise77 https://a", "redis-cli -h a --pass sunrise77", "NetworkCredential(\"bob\", \"sunrise77\")", "mysqli_connect('localhost','bob','sunrise77','db')",
			"auth=('bob', 'sunrise77')", "password.equals(\"sunrise77\")", "\"sunrise77\".equals(password)", "strcmp(password, \"sunrise77\")",
			"password = config.get(\"password\") or \"" + strong + "\"", "cmp.Or(os.Getenv(\"API_KEY\"), \"" + opaque + "\")", "ENV.fetch(\"DB_PASSWORD\") { \"" + strong + "\" }",
			"Mot de passe : " + strong, "The password is `" + strong + "`.", "| password | " + strong + " |", "| user | password |\n|---|---|\n| a | " + strong + " |",
			"<password>sunrise77</password>", `<add key="ApiKey" value="` + opaque + `">`, "ENV API_TOKEN " + opaque, "CREATE USER a IDENTIFIED BY 'sunrise77'",
			"ALTER ROLE a WITH PASSWORD 'sunrise77'", `ConvertTo-SecureString "` + strong + `" -AsPlainText`, "sshpass -p " + strong + " ssh a", "mysql -u root -p" + strong,
			`<input type="hidden" name="apiKey" value="` + opaque + `">`, `if ("sunrise77" == password) {`, `new Client("bob", "sunrise77")`, "https://bob:Qz7/vLp2@host/",
			"https://api.telegram.org/bot123456789:AA" + opaque + "xyzw/send", "machine a login b password sunrise77", "define( 'DB_PASSWORD', 'sunrise77' );",
			`curl -u "d2LkV78zLx!t:" https://a`, "curl --user kevin:'pRf7vG2h1L8nQkW9' https://a", "curl --header 'Authorization:  5eb4223e-5008-46e5-be67-c7b8f2732305' https://a",
			"buildConfigField 'String','API_KEY','\"" + opaque + "\"'", "root:$6$LnUhhUi45srUKt9i$4Hp6VRTOB2mxvsYH8mwsCfBryg6hCbm4JJjV26KplN8", "Unseal Key 2: " + opaque,
			"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAABAFzXwPv2jzYQdY1sxTfjE8l4l0Y2xZ3eW5v0Y8bS8vZ9nF2dQw7kXz1mB5cV\n",
			"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMSYCEmQ2P2pRC3FbNyOHTMEJ0TpMOe4Yx2v3sRdYxgf8Q6ZMS\n",
			`k = "-----BEGIN PRIVATE KEY-----" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + "-----END"`,
		}},
		"table":         {"w/a.csv", func(s string) string { return s }, []string{"user,password\nbob,sunrise77\n", "user;token\nbob;" + opaque + "\n"}},
		"password file": {"w/.pgpass", func(s string) string { return s }, []string{"localhost:5432:db:root:sunrise\n"}},
		"file of users": {"w/.htpasswd", func(s string) string { return s }, []string{"joe:rqXexS6ZhobKA\n"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, text := range test.text {
				if file := test.wrap(text); len(found(t, test.path, file)) == 0 {
					t.Errorf("nothing is found in %s:\n%s", test.path, file)
				}
			}
		})
	}
}

// TestCleanKinds tests texts of each kind that only look like leaks.
func TestCleanKinds(t *testing.T) {
	inAutomation := func(text string) string { return "slug: a\ndo:\n" + text + "\n" }
	tests := map[string]struct {
		path string
		wrap func(string) string
		text []string
	}{
		"placeholders of others": {"w/automations/a.yml", inAutomation, []string{
			"- run: {code: \"curl -H 'Authorization: Bearer {api_key}' https://a\"}", "- description: 'Auth header is Authorization: Bearer {accessToken}'",
			"- x: {password: '$TESTS_E2E_BASE_PASSWORD'}", "- x: {hugging_face_token: $HF_TOKEN}", "- x: {password: '[token]'}", "- x: {token: __TOKEN__}", "- x: {password: '@@X@@'}",
			"- x: {password: '#{x}'}", "- x: {password: '{token}'}", `- x: {a: "url = f\"postgresql://postgres:{password}@{host}:5432\""}`,
			"- x: {x-prismeai-api-key: iak_acme-corp_a1b2c3d4...}", "- x: {Authorization: Bearer eyJhbGciOi...}", "- x: {existingSecret: prismeai-extra-ca}",
			"- run: {code: 'bearerAuth({ token: c.env.TOKEN })'}", "- run: {code: 'const pfxPassword = $input.item.json.pfx'}", "- x: {AdminPassword: !Ref AdminPassword}",
			"- x: {GOOGLE_APPLICATION_CREDENTIALS: gcp-svc-account.json}", "- x: {headers: {Cookie: 'rl_user_id=a1b2c3d4e5f6a7b8c9d0; _posthog=k7jd83hgs72kq'}}",
			"- set: {name: documentId, value: 9c903bb00642f931dbb0c8cf}", "- set: {name: item, value: 9c903bb00642f931dbb0c8cf}", "- set: {name: item, value: 01ARZ3NDEKTSV4RRFFQ69G5FAV}",
			`- x: {a: "{\"Authorization\": \"Bearer {{$item(0).$node[\\\"X\\\"].json[\\\"t\\\"]}}\"}"}`,
		}},
		"names in other languages": {"w/automations/a.yml", inAutomation, []string{
			"- set: {name: texts, value: {ja: {password: パスワード, token: トークン, credentials: 認証情報}, es: {password: Contraseña}, zh: {apiKey: 接口密钥}, ru: {password: Пароль}}}",
		}},
		"scripts": {"w/ci.yml", func(s string) string { return s }, []string{
			"run: |\n  # with random password\n  .\\setup.ps1 -Password $randomPassword\n", "run: deploy --password $secretValue\n",
			"signing_key:sigstore-secrets/sigstore-java-pgp-priv-key\n",
		}},
		"nginx":  {"w/nginx.conf", func(s string) string { return s }, []string{"proxy_pass http://docker-registry;\n", "  proxy_pass tokenserver:5556;\n", "fastcgi_pass upstream9;\n"}},
		"scopes": {"w/openapi.yml", func(s string) string { return s }, []string{"security:\n- bearer_auth:\n  - 'reserved_ip:read'\n  - 'vpc_peering:read'\n"}},
		"references elsewhere": {"w/values.yml", func(s string) string { return s }, []string{
			"password: ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi=,type:str]\n", "password: arn:aws:secretsmanager:eu-west-1:123456789012:secret:a\n",
			"password: vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX\n", "password: '@Microsoft.KeyVault(SecretUri=https://a/secrets/b)'\n",
		}},
		"documents": {"w/README.md", func(s string) string { return s }, []string{
			"[![codecov](https://codecov.io/gh/a/b/badge.svg?token=tsrCZKuSSw)](https://codecov.io)\n", "token := spt.Token\n", "\"password\": \"hunter2\"\n",
			"| Credential | Use |\n|--|--|\n| [DefaultAzureCredential](https://a/b#c) | Simplified authentication |\n", "\"auth\": \"dXNlcm5hbWU6cGFzc3dvcmQK\"\n",
			"export TESTS_KEY=~/directory/your-project-abcd1234.json\n", "Pass it as: gpg-private-key: ${{ secrets.MY_KEY }}\n", "convertor -u user:pass -g sha256:309f99718ff2424f4ae5ebf0e46f7f0ce03058bf47d9\n",
			"docker login -u a -p $REGISTRY_PASSWORD r\n", "The password policy2 of the platform\n", "openssl enc -pass env:GETTOKEN_PW\n", "passwordPolicy: min8-upper\n",
			"Set-Cookie: urlSafeData=Hello%2C%20world%21\n", "The token is required.\n", "A password is a secret.\n", "Le mot de passe est obligatoire.\n",
			"https://abc:xyz@example.com\n", "| password | The password of the user |\n", "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2\n",
			"\"token\": \"eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqbGhhd24iLCJleHAiOjE0MTUzODczMTV9.QhflHPfbd6eVF4lM9bwYpFZIV0PfikbyXuLx959ykRTBpe3CYnzs6YBK8FToVb5R47920PVLrh8zuLzdCr9t3w\"\n",
			"{\"access_token\":\"eyJhbGciOiJFUzI1NiIsInR5\"}\n", "grant_type=password&username=johndoe&password=A3ddj3w\n", "Sets `Authorization: Basic <base64(user:password)>`.\n",
			"dsn: \"your-public-dsn\"\n", "GOSEC_AI_API_KEY=your_ai_api_key\n", "--api-key 'MlVtVjBZ...ZSYlduYnF1djh3NG5FQQ=='\n", "--service-token ‘AAEWVaWM...Rva2VuaSDZ’\n",
			"docker build --secret id=aws_key_id,env=AWS_ACCESS_KEY_ID .\n", "<blockquote>onto which a token is granted.</blockquote></dd>\n", "the value for key: `8e9e05c52164694d`\n",
			"token: '[^A-Za-z0-9+\\/]{0,1}([A-Za-z0-9+\\/]{40})'\n", "\"auth\": \"QXp1cmVEaWFtb25kOmh1bnRlcjI=\"\n", "bearer_token: \"ghp_xxxxxxxxxxxxxxxxxxxx\"\n",
			"use key::ecdsa-sha2-nistp256\n", "accountkey: base64encodedaccountkey\n", "\"signature\": \"idbECxA8ZhQbU0ddZmzdRZxQmHjwvw77lT2bwqGgNMo\"\n",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, text := range test.text {
				if file := test.wrap(text); len(found(t, test.path, file)) > 0 {
					t.Errorf("%v in %s:\n%s", found(t, test.path, file), test.path, file)
				}
			}
		})
	}
}

// TestUnresolvedReference: ciphertext has a separate rule where the platform would send it
// verbatim.
func TestUnresolvedReference(t *testing.T) {
	list := matches(t, "w/index.yml", inConfig("smtpPassword: ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi=,type:str]"))
	if len(list) != 1 || list[0].Rule != ruleReference || list[0].Help != helpReference {
		t.Errorf("findings %+v", list)
	}
}

// TestAdviceKeepsDigits: two secrets do not get the same proposed name.
func TestAdviceKeepsDigits(t *testing.T) {
	for name, want := range map[string]string{"svc0Password": "svc0Password", "svc4_password": "svc4Password", "X-API-Key2": "apiKey2"} {
		if got := secretName(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}
