// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"testing"
)

// variant is a text in a file of a workspace.
type variant struct{ path, text string }

const (
	inDo  = "slug: a\nname: A\ndo:\n"
	index = "name: A\nslug: a\nconfig:\n  value:\n"
)

// foundVariants have one secret each.
var foundVariants = map[string]variant{
	"fallback of a nested expression":         {"w/index.yml", index + "    a:\n      b:\n        - token: \"{{config.t || secret.t || 'Wq8rT2yU6iO0pA4sD7fG'}}\"\n"},
	"fallback of a lookup with index":         {"w/automations/a.yml", inDo + "- set: {name: x, value: \"{{ secret['clientSecret'] ?? 'hT9kLm3PqR7sVx2Z' }}\"}\n"},
	"fallback in Ruby":                        {"w/automations/a.yml", inDo + "- run: {code: 'key = ENV[\"API_KEY\"] || \"Wq8rT2yU6iO0pA4sD7fG\"'}\n"},
	"fallback in Java":                        {"w/automations/a.yml", inDo + "- run: {code: 'String p = System.getenv().getOrDefault(\"DB_PASSWORD\", \"Krtek!2031\");'}\n"},
	"fallback in PHP":                         {"w/automations/a.yml", inDo + "- run: {code: '$secret = env(\"CLIENT_SECRET\", \"hT9kLm3PqR7sVx2Z\");'}\n"},
	"default of a shell variable in JSON":     {"w/index.yml", index + "    env: '{\"DB_PASSWORD\": \"${DB_PASSWORD:-Krtek!2031}\"}'\n"},
	"user and token":                          {"w/index.yml", index + "    jira: {apiKey: 'anna.k@firma.de:ATq8rT2yU6iO0pA4sD7fG'}\n"},
	"date and key":                            {"w/index.yml", index + "    apiKey: 2031-12-24-Wq8rT2yU6iO0pA4sD7fG\n"},
	"path and key":                            {"w/index.yml", index + "    apiKey: /srv/Wq8rT2yU6iO0pA4sD7fG\n"},
	"word of a placeholder, German":           {"w/index.yml", index + "    smtpPasswort: beispiel-Katze7!\n"},
	"word of a placeholder in a key":          {"w/index.yml", index + "    apiKey: sample-Wq8rT2yU6iO0pA4sD7fG\n"},
	"four words":                              {"w/index.yml", index + "    imapPassword: lila nashorn tanzt heute\n"},
	"sentence with a number":                  {"w/index.yml", index + "    mot_de_passe: Vive la mer 2031!\n"},
	"password in Polish":                      {"w/index.yml", index + "    hasło_smtp: Krtek!2031\n"},
	"password in Swedish":                     {"w/index.yml", index + "    losenord: Krtek!2031\n"},
	"password in Korean":                      {"w/index.yml", index + "    비밀번호: Krtek!2031\n"},
	"password in Greek":                       {"w/index.yml", index + "    κωδικός: Krtek!2031\n"},
	"password with a region":                  {"w/imports/Mail.yml", "appSlug: Mail\nconfig:\n  password_apac: Krtek!2031\n"},
	"token in Portuguese":                     {"w/automations/a.yml", inDo + "- set: {name: chaveApi, value: Wq8rT2yU6iO0pA4sD7fG}\n"},
	"token in Japanese":                       {"w/automations/a.yml", inDo + "- set: {name: アクセストークン, value: Wq8rT2yU6iO0pA4sD7fG}\n"},
	"variable that is none":                   {"w/index.yml", index + "    dbPassword: $ommer31\n"},
	"shouted words":                           {"w/index.yml", index + "    dbPassword: MOIN_MOIN\n"},
	"weak number":                             {"w/index.yml", index + "    adminPassword: '111111'\n"},
	"comment that is a password":              {"w/index.yml", index + "    ftpPassword: #Kr7ekAmMeer31\n"},
	"anchor that is a password":               {"w/index.yml", index + "    ftpPassword: &Kr7ekAmMeer31\n"},
	"YAML in JSON in YAML":                    {"w/index.yml", index + "    a: '{\"k8s\": \"kind: x\\npassword: moewe\\n\"}'\n"},
	"escape in a key":                         {"w/index.yml", index + "    a: \"p\\u0061ssword=Krtek2031\"\n"},
	"base64 of an assignment":                 {"w/index.yml", index + "    a: cGFzc3dvcmQ9S3J0ZWsyMDMx\n"},
	"Italian prose":                           {"w/README.md", "# A\n\nLa password è `Krtek!2031`.\n"},
	"German prose":                            {"w/README.md", "# A\n\nDas Kennwort lautet Krtek!2031.\n"},
	"table in French":                         {"w/README.md", "| identifiant | mot de passe |\n|---|---|\n| anna | Krtek!2031 |\n"},
	"XML attribute":                           {"w/a.xml", "<setting name=\"SmtpPassword\" value=\"Krtek!2031\"/>\n"},
	"plist":                                   {"w/a.plist", "<key>ApiToken</key>\n<string>Wq8rT2yU6iO0pA4sD7fG</string>\n"},
	"PostgreSQL":                              {"w/a.sql", "CREATE ROLE anna WITH LOGIN PASSWORD 'Krtek!2031';\n"},
	"key of a list of keys":                   {"w/index.yml", index + "    apiKeys:\n      Wq8rT2yU6iO0pA4sD7fG: read\n"},
	"Kubernetes secret in a block":            {"w/index.yml", index + "    k8s: |\n      kind: Secret\n      stringData:\n        blob: Wq8rT2yU6iO0pA4sD7fG\n"},
	"condition with a literal first":          {"w/automations/a.yml", inDo + "- conditions:\n    '\"Krtek2031\" == {{body.password}}':\n      - break: {}\n"},
	"token in a path":                         {"w/automations/a.yml", inDo + "- fetch: {url: 'https://api.telegram.org/bot987654321:AAWq8rT2yU6iO0pA4sD7fGhJ1kL3zX5cV7b/getMe'}\n"},
	"curl with a user in quotes":              {"w/README.md", "    curl --user anna:'Krtek!2031' https://a.firma.de\n"},
	"alphabet and digits in turn":             {"w/index.yml", index + "    apiKey: a1b2c3d4e5f6g7h8i9j0k1l2\n"},
	"alphabet":                                {"w/automations/a.yml", inDo + "- fetch: {headers: {X-Api-Key: abcdef0123456789abcdef0123456789}}\n"},
	"alphabet in a prompt":                    {"w/automations/a.yml", inDo + "- run: {prompt: 'The API key is a1b2c3d4e5f6g7h8i9j0. Be brief.'}\n"},
	"one word as a key":                       {"w/imports/Mail.yml", "appSlug: Mail\nconfig:\n  apiKey: blueheron\n"},
	"word with a sign as a key":               {"w/index.yml", index + "    token: Blaubeere$\n"},
	"words without spaces as a key":           {"w/automations/a.yml", inDo + "- run: {code: 'const apiKey = \"thisisoursecretkey\"; send(apiKey)'}\n"},
	"word as the default of a key":            {"w/automations/a.yml", "slug: a\narguments:\n  apiKey: {type: string, default: blueheron}\ndo: []\n"},
	"random default":                          {"w/automations/a.yml", "slug: a\narguments:\n  item: {type: string, default: kWqzTnybUviOxpAc}\ndo: []\n"},
	"leet beside a neutral name":              {"w/index.yml", index + "    setting: P@55w0rd!9\n"},
	"leet in code":                            {"w/automations/a.yml", inDo + "- run: {code: 'connect(host, \"S3cr3tHouse\")'}\n"},
	"year and sign beside a neutral name":     {"w/imports/Mail.yml", "appSlug: Mail\nconfig:\n  detail: Sommer2031!\n"},
	"year and sign in code":                   {"w/automations/a.yml", inDo + "- run: {code: 'const item = \"Sommer2031!\"'}\n"},
	"password and number":                     {"w/automations/a.yml", inDo + "- set: {name: item, value: password1234}\n"},
	"login in base64 beside a neutral name":   {"w/index.yml", index + "    setting: YW5uYTprcnRlazIwMzE=\n"},
	"login in base64 in code":                 {"w/automations/a.yml", inDo + "- run: {code: 'const item = \"YW5uYTprcnRlazIwMzE=\"'}\n"},
	"20 hexadecimal digits":                   {"w/automations/a.yml", inDo + "- run: {code: 'const item = \"9f3b0c7be81a43d02c5e\"'}\n"},
	"32 hexadecimal digits in a document":     {"w/README.md", "Set `item` to `9f3b0c7be81a43d02c5e6a7d8b1f4c90`.\n"},
	"token of kubeadm":                        {"w/automations/a.yml", inDo + "- run: {code: 'join(\"k3x9qz.7t2mb4v8w1n6r5yd\")'}\n"},
	"key of Django":                           {"w/settings.py", "X = 'django-insecure-9x@w7^k2m(p4q8r1s)t3v5y6z0b$c!d&e*f-g_h=j+n#u'\n"},
	"key of ConfigCat":                        {"w/notes.txt", "configcat-sdk-1/PKq8rT2yU6iO0pA4sD7fG1/hJ3kL5zX7cV9bN1mQ3wE5r\n"},
	"commented setting with sign":             {"w/automations/a.yml", "slug: a\n# apiKey: krtek!2031\ndo: []\n"},
	"policy password in prose":                {"w/README.md", "The password is Krtek2031! and nothing else.\n"},
	"letters of both cases in prose":          {"w/README.md", "The API key is kWqzTnybUviOxpAc.\n"},
	"base64 of a nested assignment in a list": {"w/automations/a.yml", inDo + "- x: [a, 'YXBpS2V5OiBXcThyVDJ5VTZpTzBwQTRzRDdmRw==']\n"},
}

// cleanVariants only look like secrets.
var cleanVariants = map[string]variant{
	"path parameter":                    {"w/automations/a.yml", inDo + "- description: 'Authorization: Bearer {access_token} is required'\n"},
	"f-string":                          {"w/automations/a.yml", inDo + "- run: {code: 'dsn = f\"mysql://{user}:{pw}@{host}/db\"'}\n"},
	"variable with digits":              {"w/automations/a.yml", inDo + "- x: {S3_SECRET_KEY: $S3_V2_SECRET}\n"},
	"placeholder in brackets":           {"w/automations/a.yml", inDo + "- x: {password: '[votre mot de passe]'}\n"},
	"placeholder with underscores":      {"w/automations/a.yml", inDo + "- x: {apiKey: __API_KEY_V2__}\n"},
	"scope":                             {"w/openapi.yml", "security:\n- oauth2_auth:\n  - 'vm_snapshot:create'\n"},
	"cookie of statistics":              {"w/automations/a.yml", inDo + "- x: {headers: {Cookie: '_ga=GA1.2.1234567890.1700000000; _hjid=a1b2c3d4e5f6'}}\n"},
	"labels in Polish":                  {"w/automations/a.yml", inDo + "- set: {name: texts, value: {pl: {password: Hasło, token: Żeton}}}\n"},
	"labels in a file of translations":  {"w/locales/pl.json", "{\"delete_token\": \"Usuń\", \"password\": \"Hasło\"}\n"},
	"code that reads the environment":   {"w/automations/a.yml", inDo + "- run: {code: 'init({ apiKey: import.meta.env.VITE_KEY })'}\n"},
	"name of a Kubernetes secret":       {"w/values.yml", "existingSecret: registry-credentials-v2\n"},
	"ObjectId":                          {"w/automations/a.yml", inDo + "- set: {name: item, value: 65f0c3a19b7e4d2f8a6c1e05}\n"},
	"ciphertext":                        {"w/values.yml", "password: ENC[AES256_GCM,data:x8Q=,iv:q1w2,tag:e3r4,type:str]\n"},
	"reference to Vault":                {"w/values.yml", "password: vault:secret/data/mail#password\n"},
	"entity tag":                        {"w/automations/a.yml", inDo + "- x: {eTag: 9fe7a344ef4227d3e53751e9d88ce41e}\n"},
	"entity tag in code":                {"w/automations/a.yml", inDo + "- run: {code: 'const x = {\"eTag\": \"9fe7a344ef4227d3e53751e9d88ce41e\"}'}\n"},
	"checksum value":                    {"w/automations/a.yml", inDo + "- x: {checksumValue: 99894c0b834a3f5955e6e5d5f0d804943f05ff52}\n"},
	"commit of a package":               {"w/automations/a.json", "{\"gitHead\": \"81c3b47cc8debb7f22cef971910ed368cfcada36\", \"shasum\": \"47d75b727b51b4eb84c1dadafe3f8240313833b1\"}\n"},
	"version with a commit":             {"w/automations/a.json", "{\"engine\": \"7.10.0-4.0edf323efd1d98336f3f0a68684b56f689b900d3\"}\n"},
	"comparison of a digest":            {"w/automations/a.yml", inDo + "- run: {code: 'echo c653f741c87e0764e1ede0e3bc711c412f727aa42ab0a205ba189589e40349bc | sha256sum -c'}\n"},
	"revision in an address":            {"w/automations/a.yml", inDo + "- x: {a: 'git.firma.de/a.git;a=blob;hb=47c2415c1df81556eeb39be6cad458ef87c534a2'}\n"},
	"identifier of Okta":                {"w/README.md", "    idp: '0oa62b57p7c8PaGpU0h7'\n"},
	"identifier of a job":               {"w/README.md", "Started job `E24HH4nNMcgY5taynaPfxu` today.\n"},
	"made-up UUID":                      {"w/README.md", "For example \"502b409c-4da1-419f-a16e-eif453b3i49f\".\n"},
	"UUID in base64":                    {"w/README.md", "\"DDir\": \"X3pDAFu8Rjyft7QD6t7W5g==\"\n"},
	"name of an algorithm in base64":    {"w/README.md", "\"algorithm\": \"REFSRXYyLUhNQUMtU0hBMjU2\"\n"},
	"scope of a signed request":         {"w/README.md", "Authorization: AWS4-HMAC-SHA256 Credential=minio/20220507/us-east-1/s3/aws4_request, SignedHeaders=host\n"},
	"sealed key":                        {"w/README.md", "\"X-Sealed-Key\": \"SUFBZkFPeUo5ZHVVSEkxYXFLU0NSRkJTTnM0QkVJ\"\n"},
	"claims of an old token":            {"w/README.md", "\"t\": \"eyJhbGciOiJIUzI1NiJ9.eyJhY2Nlc3NLZXkiOiI2TjJCQUxYN0VMTzgyN0RYUzNHSyIsImV4cCI6MTU2OTkxMDU1Mn0.cVv3xYz9Qw1e\"\n"},
	"function in code":                  {"w/README.md", "Use `forge.pkcs12.toPkcs12Asn1`, then forge.pkcs12.pkcs12FromAsn1(x).\n"},
	"name of a resource":                {"w/README.md", "\"FunctionArn\": \"arn:aws:lambda:us-east-1:123456789012:function:MyStack-fn5FF616E3-G632ITHSP5HK\"\n"},
	"sentence in a table":               {"w/README.md", "| smtp_password | Updates the domain's SMTP credentials with the given string |\n"},
	"digest in the output of a program": {"w/README.md", "// output: 9e107d9d372bb6826bd81d3542a419d6\n"},
	"type":                              {"w/README.md", "`authenticate(creds: Uint8Array): Authenticator`\n"},
	"badge with a token":                {"w/README.md", "<img src=\"https://circleci.com/gh/a/b.svg?style=shield&circle-token=5f0a78473b0f440afb218bf2b82323cc6b3cb43f\">\n"},
	"identifier of an entry":            {"w/README.md", ".getEntry('5PeGS2SoZGSa4GuiQsigQu')\n"},
	"token of a version":                {"w/README.md", "\"version_token\": \"FfQhQJf9r3VSQIgyWBk1oqhIwiznLwVwJbVVA0bdyEv6o\"\n"},
	"alphabet in a document":            {"w/README.md", "export API_KEY=abcdef0123456789abcdef0123456789\n"},
	"alphabet in a template":            {"w/config.env.example", "API_KEY=a1b2c3d4e5f6g7h8i9j0\n"},
	"alphabet beside a neutral name":    {"w/automations/a.yml", inDo + "- set: {name: item, value: abcdef0123456789abcdef0123456789}\n"},
	"placeholder in a document":         {"w/README.md", "Set `apiKey` to `your-api-key`, then `password` to `changeme`.\n"},
	"label beside a key":                {"w/index.yml", index + "    labels: {apiKey: Schluessel}\n"},
	"capitalized label":                 {"w/index.yml", index + "    delete_token: Supprimer\n"},
	"environment as a key":              {"w/index.yml", index + "    token: production\n"},
	"range of a spreadsheet":            {"w/index.yml", index + "    setting: Sheet1!A1\n"},
	"package with version":              {"w/automations/a.yml", inDo + "- run: {code: 'import x from \"React@18.2\"; f(\"Users1!A:B\")'}\n"},
	"object number in base64":           {"w/automations/a.yml", inDo + "- set: {name: item, value: UmVwb3NpdG9yeToxMjM0NTY3}\n"},
	"form with two passwords":           {"w/automations/a.yml", inDo + "- run: {code: 'if (form[\"password1\"] !== form[\"password2\"]) return \"secret2\"'}\n"},
	"mail address":                      {"w/automations/a.yml", inDo + "- set: {name: item, value: ftp@ssl.firma.de}\n"},
	"trace and nonce":                   {"w/automations/a.yml", inDo + "- x: {traceId: 4bf92f3577b34da6a3ce929d0e0e4736, nonce: 9f3b0c7be81a43d02c5e6a7d8b1f4c90, revision: 1eabc9a41ca088515cab83f1cce49eb43e84b67f}\n"},
	"identifiers of agents":             {"w/automations/a.yml", inDo + "- x: {agentId: 66c2f5e8d1b34a0012ef9a7b, projectId: kQ3xZ9mB7vC5nL1pR8tW, etag: 'W/\"5d8c72a5edda8d6a\"'}\n"},
	"name of a class in code":           {"w/automations/a.yml", inDo + "- run: {code: 'load(\"VectorStoreRetrieverFactory\", \"getUserByEmailAddressV2\")'}\n"},
	"assets of a page":                  {"w/pages/home.yml", "slug: home\nblocks:\n- slug: Image\n  src: https://cdn.firma.de/assets/main-9f3b0c7be81a43d0.js\n"},
	"variable of a Postman collection":  {"w/a.json", "{\"info\": {\"_postman_id\": \"2f1b6b0e-7c55-4a55-9c0e-0d9d8a4f0f11\"}, \"auth\": {\"type\": \"bearer\", \"bearer\": [{\"key\": \"token\", \"value\": \"{{token}}\", \"type\": \"string\"}]}}\n"},
	"credential reference of n8n":       {"w/automations/a.json", "{\"credentials\": {\"openAiApi\": {\"id\": \"Kx9QzM2Lw7Rt4YbN\", \"name\": \"OpenAi account 2\"}}, \"meta\": {\"instanceId\": \"9f3b0c7be81a43d02c5e6a7d8b1f4c909f3b0c7be81a43d02c5e6a7d8b1f4c90\"}}\n"},
	"dependency of Dify":                {"w/automations/a.yml", "dependencies:\n- type: marketplace\n  value:\n    marketplace_plugin_unique_identifier: langgenius/openai:0.0.9@8e8b6f0a4f0e1d4c5b3a29187766554433221100ffeeddccbbaa998877665544\n"},
	"secret of Kestra":                  {"w/automations/a.yml", "tasks:\n- id: q\n  password: \"{{ secret('DB_PASSWORD') }}\"\n  accessKeyId: \"{{ secret('AWS_ACCESS_KEY_ID') }}\"\n"},
	"security scheme of OpenAPI":        {"w/automations/a.yml", "components:\n  securitySchemes:\n    apiKey: {type: apiKey, name: X-API-Key, in: header}\n"},
}

// TestFoundVariants: each text has a finding.
func TestFoundVariants(t *testing.T) {
	for name, v := range foundVariants {
		t.Run(name, func(t *testing.T) {
			if len(found(t, v.path, v.text)) == 0 {
				t.Errorf("nothing is found in %s:\n%s", v.path, v.text)
			}
			checkPrefilter(t, v.path, []byte(v.text))
		})
	}
}

// TestCleanVariants: no text has a finding.
func TestCleanVariants(t *testing.T) {
	for name, v := range cleanVariants {
		t.Run(name, func(t *testing.T) {
			if list := found(t, v.path, v.text); len(list) > 0 {
				t.Errorf("%v in %s:\n%s", list, v.path, v.text)
			}
		})
	}
}
