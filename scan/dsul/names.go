// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// strength says how much a name tells about the value beside it.
type strength int

const (
	// unnamed: the value may be anything.
	unnamed strength = iota
	// hinted: a name such as stripeKey. The value counts if it looks random.
	hinted
	// credential: a name such as apiKey. The value counts if it is not made of words.
	credential
	// password: the value counts unless it is a template or a placeholder.
	password
)

// vocabulary is a set of words.
type vocabulary map[string]bool

func newVocabulary(words string) vocabulary {
	v := vocabulary{}
	for _, w := range strings.Fields(words) {
		v[w] = true
	}
	return v
}

// The names of credentials, in lower case and without separators. A name is one if
// it ends with one.
var (
	passwordNames = newVocabulary(`password passwords passwd pwd passphrase passcode passwort kennwort mdp motdepasse contrasena senha
		wachtwoord userpass dbpass smtppass adminpass rootpass mailpass ftppass sftppass ldappass mysqlpass redispass proxypass`)
	credentialNames = newVocabulary(`secret secrets clientsecret secretkey secretaccesskey token apikey apikeys apitoken apisecret accesskey
		accesstoken authtoken authkey bearer jwt credential credentials authorization auth privatekey signingkey signingsecret
		encryptionkey cryptokey masterkey sharedkey sharedaccesskey sharedsecret accountkey servicekey serviceaccountkey subscriptionkey
		licensekey licencekey appkey appsecret consumersecret webhooksecret sastoken connectionstring dsn cookie hmackey hmacsecret sshkey
		deploykey functionkey functionskey storagekey adminkey hostkey ocpapimsubscriptionkey jwtsecret totpsecret
		otpsecret totpseed otpseed seedphrase mnemonic pat ingestionkey integrationkey jeton clesecrete cleapi`)
)

var (
	// trailing words say nothing about what a name stands for: apiKeyProd, tokenV2.
	trailing = newVocabulary(`value values literal plain env prod production dev development staging stage preprod uat qa test old new
		default current backup primary secondary main raw v`)
	// harmless words before one of the names make it the name of something else:
	// maxTokens, nextPageToken, publicKey, forgotPassword.
	harmless = newVocabulary(`public publishable anon anonymous max min num number total count prompt completion input output used
		next page continuation cursor stop start eos bos pad unk special per price cost remaining limit forgot forget reset show hide
		has is require requires required confirm lost validate check allow enable enabled disable need needs with without no
		missing invalid wrong expired bad csrf xsrf hashed masked ask when if sync push device`)
	// harmlessKeys are words before "key" that make it the key of a data structure.
	harmlessKeys = newVocabulary(`public publishable primary foreign sort partition row object cache group map translation i18n label
		data state routing hot short idempotency field item index search unique list react dict lookup site sitekey anon locale
		message event enter arrow shift escape press parent child root metric dedup deduplication storage session local query tree`)
)

// words splits a name: userApiKey, USER_API_KEY and user-api-key are user, api, key.
func words(name string) []string {
	var list []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			list = append(list, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		switch {
		case !unicode.IsLetter(r):
			flush()
			continue
		case upper && i > 0 && unicode.IsLower(runes[i-1]), upper && i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word.WriteRune(unaccented(r))
	}
	flush()
	return list
}

// unaccented folds the accents that are in names of credentials: clé, contraseña.
func unaccented(r rune) rune {
	switch r {
	case 'é', 'è', 'ê', 'É', 'È':
		return 'e'
	case 'ñ', 'Ñ':
		return 'n'
	}
	return r
}

// maxName bounds what is taken for a name, in bytes.
const maxName = 100

// nameStrength tells what a name says about its value.
func nameStrength(name string) strength {
	if len(name) > maxName {
		return unnamed
	}
	list := words(name)
	for len(list) > 1 && trailing[list[len(list)-1]] {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		return unnamed
	}
	if len(list) == 1 && list[0] == "pass" {
		return password
	}
	for n := min(len(list), 4); n > 0; n-- {
		joined := strings.Join(list[len(list)-n:], "")
		before := list[:len(list)-n]
		switch {
		case !passwordNames[joined] && !credentialNames[joined]:
		case slices.ContainsFunc(before, func(w string) bool { return harmless[w] }):
			return unnamed
		case passwordNames[joined]:
			return password
		default:
			return credential
		}
	}
	return keyStrength(list)
}

// keyStrength is for names that end in key, or in one word with it: stripeKey.
func keyStrength(list []string) strength {
	last := list[len(list)-1]
	if last != "key" && last != "keys" {
		return unnamed
	}
	if slices.ContainsFunc(list[:len(list)-1], func(w string) bool { return harmlessKeys[w] }) {
		return unnamed
	}
	return hinted
}

// maxNames bounds how many names are remembered: far more than workspaces have.
const maxNames = 20_000

// nameCache remembers what names say. It is safe for concurrent use.
type nameCache struct {
	known sync.Map // of strength, by name
	size  atomic.Int64
}

// strength tells what a name says about its value.
func (c *nameCache) strength(name string) strength {
	if known, ok := c.known.Load(name); ok {
		return known.(strength)
	}
	found := nameStrength(name)
	if len(name) <= maxSegment && c.size.Add(1) <= maxNames {
		c.known.Store(name, found)
	}
	return found
}
