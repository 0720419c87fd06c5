// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"slices"
	"strings"
	"sync"

	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// strength says how much a name reveals about the value next to it.
type strength int

const (
	// unnamed: the name gives no hint.
	unnamed strength = iota
	// hinted: a name such as stripeKey. The value is reported if it looks random.
	hinted
	// credential: a name such as apiKey. The value is reported unless it consists of words.
	credential
	// password: the value is reported unless it is a template or a placeholder.
	password
)

// The names of credentials, in lower case without separators and accents. They match the end of
// a name, and cover the languages that workspace authors use.
var (
	passwordNames = literal.NewVocabulary(`password passwords passwd passw pwd pw pswd psw passphrase passcode
		pass userpass dbpass smtppass adminpass rootpass mailpass ftppass sftppass ldappass mysqlpass redispass
		proxypass sudopass basicauthpass keypass storepass keystorepass truststorepass mlabpass ircpass
		unlockcode pincode secretword mdp motdepasse codepin codesecret motsecret passwort kennwort losungswort
		geheimzahl zugangscode contrasena clave palabraclave codigopin senha palavrapasse palavrachave parola
		parolachiave codicepin wachtwoord paswoord pincodes toegangscode haslo passord losenord adgangskode
		kodeord salasana tunnussana heslo jelszo sifre sifrem lozinka geslo matkhau contrasenya schlusselwort
		phrasedepasse phrasesecrete motdepassesecret paroladiaccesso parolasegreta wachtzin geheimecode
		geheimcode codigosecreto codicesegreto frasesecreta fraseclave codeacces codedacces claveacceso
		clavedeacceso paroladordine secretcode secretphrase secretanswer recoveryphrase securityanswer
		requirepass unlockpin cardpin simpin userpin loginpin puk psk wifipsk presharedkey wpakey wifikey пароль
		гасло лозинка парола κωδικος סיסמה رمزالمرور كلمةالمرور รหัสผ่าน 密码 密碼 口令 パスワード パスコード 暗証番号 비밀번호 암호`)
	credentialNames = literal.NewVocabulary(`secret secrets clientsecret secretkey secretaccesskey token apikey
		apikeys apitoken apisecret accesskey accesstoken authtoken authkey bearer jwt credential credentials
		creds cred authorization auth privatekey signingkey signingsecret encryptionkey cryptokey masterkey
		sharedkey sharedaccesskey sharedsecret accountkey servicekey serviceaccountkey subscriptionkey
		licensekey licencekey appcertificate appkey appsecret consumersecret webhooksecret sastoken
		connectionstring dsn cookie hmackey hmacsecret sshkey deploykey functionkey functionskey storagekey
		adminkey hostkey ocpapimsubscriptionkey jwtsecret totpsecret otpsecret totpseed otpseed seedphrase
		mnemonic pat ingestionkey integrationkey pin sharedaccesssignature sassignature authenticationtoken
		secretkeybase querykey recordkey tokenkey unsealkey recoverykey recoverycode backupcode jeton jetons
		clesecrete cleapi clefapi cleprivee cledacces identifiantssecrets geheimnis geheimschlussel apischlussel
		zugangsschlussel apitokens accesstokens authtokens refreshtoken masterauth secretid serverkey unlockkey
		llaveapi llavesecreta kluczapi apinyckel apinokkel apinogle apiavain apikulcs apianahtari cheieapi
		klicapi apiklic токен ключapi apiключ токендоступа 密钥 秘钥 密鑰 令牌 api密钥 访问令牌 apiキー トークン アクセストークン シークレット 비밀키
		토큰 api키 schlusselapi zugangsdaten zugriffsschlussel privaterschlussel secreto claveapi clavesecreta
		claveprivada credenciales segredo chaveapi chavesecreta credenciais segreto chiaveapi chiavesegreta
		credenziali geheim geheimesleutel apisleutel toegangssleutel toegangstoken`)
	// hintedNames may name credentials: the value has to look random.
	hintedNames = literal.NewVocabulary(`sas sasurl salt hmac signature session sessionid sid authentication
		authn openai anthropic mistral claude gemini groq cohere huggingface perplexity deepseek azureopenai
		licence license licenca licencia licenza webhook webhookurl clef cle schlussel chave llave chiave
		sleutel clavero klucz nyckel nokkel nogle avain kulcs anahtar ключ 키 api sk sessionkey jaas accesscode
		invitecode activationcode encryption seed`)
)

// softNames are hinted names that also occur outside configuration for values that are public
// or useless to an attacker.
var softNames = literal.NewVocabulary(`signature seed salt session sessionid sid`)

var (
	// trailing words do not change the meaning of a name: apiKeyProd, tokenV2, password_eu.
	trailing = literal.NewVocabulary(`value values literal plain env prod production dev development staging
		stage preprod uat qa test old new default current backup primary secondary main raw v base tmp temp
		admin service bdd bd db database datenbank banco base smtp ldap ftp sftp utente usuario benutzer
		gebruiker utilisateur user client cliente eu fr de es it pt nl be ch at lu uk us na emea apac latam int
		ext europe france east west north south central global`)
	// connecting words precede the purpose of a credential: passwordForUser.
	connecting = literal.NewVocabulary(`for of pour fur von para per voor`)
	// passwordTraits after a password name an attribute of it, or an operation on it:
	// passwordPolicy, passwordLength.
	passwordTraits = literal.NewVocabulary(`policy policies length min max size expiry expires expired
		expiration ttl lifetime age date time at updated changed created count limit enabled disabled required
		requirements valid validation strength score rule rules error errors attempts attempt endpoint provider
		issuer scope scopes strategy method mode algorithm encoding field fields input store manager status
		state reset change recovery page form screen view button link login grant flow rotation history
		complexity reminder forgotten confirmation confirm match mismatch visible hidden visibility toggle
		selector locator header headers column table attribute property option options env var variable`)
	// harmless words directly before a credential name change its meaning: maxTokens,
	// nextPageToken, publicKey, forgotPassword.
	harmless = literal.NewVocabulary(`public publishable anon anonymous max min num number total count prompt
		completion input output used next page continuation cursor stop start eos bos pad unk special per price
		cost remaining limit forgot forget reset show hide has is require requires required confirm lost
		validate check allow enable enabled disable need needs with without no missing invalid wrong expired bad
		csrf xsrf hashed masked ask when if sync push device existing external for use save valid imagepull pull
		change forgotten delete remove revoke generate regenerate copy enter version`)
	// between words may separate a harmless word from the name: resetUserPassword.
	between = literal.NewVocabulary(`user users my the your new old current account admin auth api page valid my a`)
	// harmlessKeys are words before "key" for keys of data structures.
	harmlessKeys = literal.NewVocabulary(`public pub topology publishable primary foreign sort partition row
		object cache group map translation i18n label data state routing hot short idempotency field item index
		search unique list react dict lookup site sitekey anon locale encrypted wrapped message event enter
		sealed arrow shift escape press parent child root metric dedup deduplication storage session local query tree
		natural business composite surrogate registry gpg pgp config setting settings feature flag sorting
		grouping aggregate`)
)

// maxName is the maximum length of a name, in bytes.
const maxName = 100

// nameStrength classifies a name.
func nameStrength(name string) strength {
	end := endStrength(name)
	if end >= credential || len(name) > maxName || strings.Contains(name, " ") { // a phrase, or a sentence
		return end
	}
	return max(end, startStrength(nameWords(name)))
}

// nameWords splits a name into words and removes the purpose of the credential.
func nameWords(name string) []string {
	list := literal.Words(name)
	if i := slices.IndexFunc(list, func(w string) bool { return connecting[w] }); i > 0 {
		list = list[:i]
	}
	return list
}

// endStrength classifies a name by its last words.
func endStrength(name string) strength {
	if len(name) > maxName {
		return unnamed
	}
	list := nameWords(name)
	for len(list) > 1 && (trailing[list[len(list)-1]] || len(list[len(list)-1]) == 1) {
		if s := wordsStrength(list); s > unnamed {
			return s
		}
		list = list[:len(list)-1]
	}
	return wordsStrength(list)
}

// startStrength classifies a name by its first words if the last one is unknown:
// passwordUtente, mdp_smtp, tokenBot. It returns a weaker strength than endStrength does for
// the same word.
func startStrength(list []string) strength {
	for n := len(list) - 1; n > 0; n-- {
		last := list[len(list)-1]
		if publicNames[last] || textNames[last] || harmlessKeys[last] || passwordTraits[last] || passwordTraits[list[n]] {
			return unnamed
		}
		switch wordsStrength(list[:n]) {
		case password:
			return credential
		case credential:
			return hinted
		}
	}
	return unnamed
}

// maxNameWords is the maximum number of words at the end of a name to join for a lookup.
const maxNameWords = 4

// wordsStrength classifies a name by its last words, ignoring trailing words.
func wordsStrength(list []string) strength {
	for n := min(len(list), maxNameWords); n > 0; n-- {
		joined := lookUpName(strings.Join(list[len(list)-n:], ""))
		before := list[:len(list)-n]
		switch {
		case joined == "":
		case isHarmless(before) || joined == "pin" && len(before) > 0:
			return unnamed
		case passwordNames[joined] && (joined != "pass" || len(before) == 0 || services[before[len(before)-1]]):
			return password
		default:
			return credential
		}
	}
	return keyStrength(list)
}

// umlauts maps two-letter transcriptions of umlauts to the plain vowel.
var umlauts = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u")

// lookUpName returns the credential name that matches the joined words, or "" if none does.
func lookUpName(joined string) string {
	if passwordNames[joined] || credentialNames[joined] {
		return joined
	}
	if plain := umlauts.Replace(joined); passwordNames[plain] || credentialNames[plain] {
		return plain
	}
	return ""
}

// isHarmless reports whether the words before a credential name change its meaning.
func isHarmless(before []string) bool {
	for len(before) > 1 && between[before[len(before)-1]] {
		before = before[:len(before)-1]
	}
	return len(before) > 0 && harmless[before[len(before)-1]]
}

// keyStrength classifies names that end in key, as in stripeKey, or in a compound of it, and
// other names that hint at a credential.
func keyStrength(list []string) strength {
	if len(list) == 0 {
		return unnamed
	}
	last := list[len(list)-1]
	if s := suffixStrength(last); s > unnamed {
		return s
	}
	if hintedNames[last] || hintedNames[umlauts.Replace(last)] || len(list) > 1 && hintedNames[list[len(list)-2]+last] {
		if isHarmless(list[:len(list)-1]) {
			return unnamed
		}
		return hinted
	}
	if last != "key" && last != "keys" && (len(list) != 2 || list[0] != "key") {
		return unnamed
	}
	if slices.ContainsFunc(list, func(w string) bool { return harmlessKeys[w] || w == "id" || w == "name" }) {
		return unnamed
	}
	return hinted
}

// suffixes end names that are a single word: dbpassword.
var suffixes = []struct {
	text string
	strength
}{
	{
		"password",
		password,
	},
	{"passwd", password},
	{"passwort", password},
	{"passphrase", password},
	{"wachtwoord", password},
	{"kennwort", password},
	{
		"apikey",
		credential,
	},
	{"secretkey", credential},
	{"accesskey", credential},
	{"accesstoken", credential},
	{"authtoken", credential},
}

// services are the first part of single-word password names: smtppw, dbpass.
var services = literal.NewVocabulary(`db sql mysql mssql pg postgres oracle mongo redis rabbit mq smtp mail imap
	pop ftp sftp ssh ldap ad root admin user usr proxy vpn wifi wlan sudo key store master bind http web api app
	login my srv svc host server cert pfx p require become bind svc`)

// shortNames are the last part of such names.
var shortNames = strings.Fields("pw pwd psw pass mdp")

func suffixStrength(word string) strength {
	for _, end := range shortNames {
		if before, ok := strings.CutSuffix(word, end); ok && services[before] {
			return password
		}
	}
	for _, s := range suffixes {
		if before, ok := strings.CutSuffix(word, s.text); ok && len(before) > 0 && !harmless[before] {
			return s.strength
		}
	}
	return unnamed
}

// maxNames limits the number of cached names. It is far above the number in real workspaces.
const maxNames = 20_000

// nameCache caches the classification of names and words. It is safe for concurrent use: each
// file scan takes a memory for exclusive use.
type nameCache struct{ pool sync.Pool }

// memory caches the strength of names and the ending of words.
type memory struct {
	names map[string]strength
	words map[string]ending
}

// take returns a memory. The caller returns it with give.
func (c *nameCache) take() *memory {
	if known, ok := c.pool.Get().(*memory); ok {
		return known
	}
	return &memory{names: map[string]strength{}, words: map[string]ending{}}
}

func (c *nameCache) give(m *memory) {
	if len(m.names)+len(m.words) < maxNames {
		c.pool.Put(m)
	}
}

// strengthOf returns the cached result of nameStrength.
func (m *memory) strengthOf(name string) strength {
	if known, ok := m.names[name]; ok {
		return known
	}
	found := nameStrength(name)
	if len(name) <= maxSegment && len(m.names) < maxNames {
		m.names[strings.Clone(name)] = found
	}
	return found
}

// endingOf returns the cached classification of the last word of a name.
func (m *memory) endingOf(word []byte) ending {
	if known, ok := m.words[string(word)]; ok {
		return known
	}
	found := m.findEnding(string(word))
	if len(word) <= maxSegment && len(m.words) < maxNames {
		m.words[string(word)] = found
	}
	return found
}
