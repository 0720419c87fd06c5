// SPDX-License-Identifier: AGPL-3.0-or-later

package dsul

import (
	"context"
	"strings"
	"sync"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
	"github.com/prismeai/workspaces-release/scan/internal/ahocorasick"
	"github.com/prismeai/workspaces-release/scan/internal/literal"
)

// form is a syntax in which another program stores secrets. The expression runs only on texts
// that contain one of the words, which are in lower case.
type form struct {
	words []string
	match *lazyregexp.Regexp
	// named: the first group is the name for the value in the second group. Otherwise the last
	// group is a password.
	named bool
	// swapped: the second group is the name instead.
	swapped bool
	rule    string
	// check filters the passwords.
	check func(value string) bool
	// plain: a password of letters only counts in documents, too.
	plain bool
	// long is the length of the longest word that a text has at least, in bytes.
	long int
}

// formSet finds the forms whose words occur in a text.
type formSet struct {
	forms []form
	words *ahocorasick.Automaton
	// users lists the forms of each word.
	users [][]int
}

func newFormSet(forms []form) *formSet {
	set := &formSet{forms: forms}
	numbers := map[string]int{}
	var words []string
	for i, f := range forms {
		for _, word := range f.words {
			n, known := numbers[word]
			if !known {
				n = len(words)
				numbers[word] = n
				words = append(words, word)
				set.users = append(set.users, nil)
			}
			set.users[n] = append(set.users[n], i)
		}
	}
	set.words = ahocorasick.New(words...)
	return set
}

// in returns the forms that may match a text.
func (set *formSet) in(text string) []*form {
	var list []*form
	found := make([]bool, len(set.forms))
	for word := range set.words.All([]byte(text)) {
		for _, i := range set.users[word] {
			found[i] = true
		}
	}
	for i, ok := range found {
		if f := &set.forms[i]; ok && (f.long == 0 || hasLongWord(text, f.long)) {
			list = append(list, f)
		}
	}
	return list
}

// hasLongWord reports whether a text contains a word of at least n bytes.
func hasLongWord(text string, n int) bool {
	length := 0
	for i := range len(text) {
		if length++; text[i] == ' ' || text[i] == '\n' {
			length = 0
		}
		if length == n {
			return true
		}
	}
	return false
}

// formsOfPrograms compiles the expressions on first use.
var formsOfPrograms = sync.OnceValue(func() *formSet {
	return newFormSet([]form{
		// .netrc
		{words: []string{"login "}, match: lazyregexp.New(`(?i)\blogin\s+\S+\s+(?:account\s+\S+\s+)?password\s+(\S+)`), check: isGiven, plain: true},
		// /etc/shadow, .htpasswd and database columns
		{words: []string{"$"}, match: lazyregexp.New(`(\$(?:2[abxy]|apr1|1|5|6|7|8|9|y|argon2i?d?|scrypt|pbkdf2[\w-]*)\$[./A-Za-z0-9$=,+_-]{20,})`), rule: ruleHash, check: isHash},
		{words: []string{"sha}"}, match: lazyregexp.New(`(?i)(\{s?sha(?:256|512)?\}[A-Za-z0-9+/=]{20,})`), rule: ruleHash, check: isHash},
		// SQL
		{words: []string{"identified ", "password"}, match: lazyregexp.New(`(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|with\s+(?:encrypted\s+)?password|set\s+password(?:\s+for\s+\S+)?\s*=|\bpassword\s*\(?)\s*(?:password\s+)?N?'([^'\n]{3,256})'`), check: isGiven},
		// XML
		{words: []string{"</"}, match: lazyregexp.New(`<(?:[\w.-]+:)?([\w.-]{3,64})(?:\s[^<>]{0,200})?>\s*([^<>\s][^<>\n]{2,255}?)\s*</`), named: true},
		{words: []string{"value=", "content="}, match: lazyregexp.New(`(?i)\b(?:key|name)=["']([^"'<>]{2,100})["'](?:\s+[\w-]+=["'][^"'\n]*["']){0,3}\s+(?:value|content)=["']([^"'<>\n]{3,256})["']`), named: true},
		{words: []string{"</"}, match: lazyregexp.New(`(?i)\b(?:key|name|id)=["']([^"'<>]{2,100})["'][^<>]{0,100}>\s*([^<>\n]{3,256}?)\s*</`), named: true},
		{words: []string{"type=\"password\"", "type='password'", "type=password"}, check: isGiven, match: lazyregexp.New(`(?i)<input\b[^<>]{0,200}\btype=["']?password\b[^<>]{0,200}\bvalue=["']([^"'<>\n]{3,256})["']`)},
		// prose
		{words: []string{" is ", " est ", " ist ", " lautet ", " es ", " is:", "è ", "é ", " to ", " was "}, check: isSpoken,
			match: lazyregexp.New(`(?i)(?:pass\s?word|passcode|passphrase|passwort|kennwort|mot de passe|contraseña|senha|palavra-passe|parola(?:\s+d'ordine)?|wachtwoord|api[ -]key|clé api|secret|token)[ \t]+(?:is|est|ist|lautet|es|é|è|to|was)[ \t]*:?[ \t]*["'\x60«*]*([^\s"'\x60»*<]{6,256})`)},
		{words: []string{" / "}, check: isSpoken, match: lazyregexp.New(`(?i)\b(?:logins?|credentials?|identifiants?|zugangsdaten|credenciales|credenziali|accounts?|comptes?|users?|accès|access)\s*:\s*["'\x60]?[^\s/"'\x60]{1,100}["'\x60]?\s/\s["'\x60]?([^\s"'\x60<]{6,256})`)},
		{words: []string{"password ", "passwort ", "mot de passe ", "mdp ", "contraseña ", "senha "}, check: isSpoken,
			match: lazyregexp.New(`(?i)\b(?:password|passwort|mot de passe|mdp|contraseña|senha)[ \t]+["'\x60«]?([^\s"'\x60»<>(){}\[\]|=:]{8,256})["'\x60»]?(?:[.,;]?\s|[.,;]?$)`)},
		{words: []string{"` to `", "` auf `", "` à `", "` su `", "` op `", "` en `", "` a `", "' to '", "\" to \"", "' auf '", "' à '"}, named: true, match: lazyregexp.New("[`\"']([\\w.-]{3,64})[`\"']\\s(?:to|auf|à|su|op|en|a)\\s[`\"']([^`\"'\\s]{6,256})[`\"']")},
		{words: withDash("password", "passphrase", "passwort", "kennwort", "mot de passe", "mdp", "contraseña", "senha", "wachtwoord"), check: isSpoken,
			match: lazyregexp.New(`(?i)\b(?:password|passphrase|passwort|kennwort|mot de passe|mdp|contraseña|senha|wachtwoord)[ \t]+[-–—][ \t]+["'\x60«]?([^\s"'\x60»<>(){}\[\]|=]{8,256})["'\x60»]?(?:[.,;]?\s|[.,;]?$)`)},
		{words: withDash("key", "token", "secret", "jeton", "api"), check: isKeyText, rule: ruleCredential, long: 16,
			match: lazyregexp.New("(?i)\\b(?:api[ -]?key|token|secret|jeton|clé d['’]api|clé api)[ \\t]+[-–—][ \\t]+[`\"'«]?([\\w.~+/-]{16,256}=*)[`\"'»]?(?:[.,;]?\\s|[.,;]?$)")},
		{words: []string{"token ", "key ", "jeton ", "secret "}, check: isKeyText, rule: ruleCredential, long: 20,
			match: lazyregexp.New("(?i)\\b(?:api[ -]?key|(?:access |auth |api )?token|secret(?: key)?|jeton|clé d['’]api)[ \\t]+[`\"'«]?([\\w.~+/-]{20,256}=*)[`\"'»]?(?:[.,;]?\\s|[.,;]?$)")},
		{words: []string{"secret '", "password '", "token '"}, named: true, match: lazyregexp.New(`(?i)\b(secret|key_secret|password|token)\s+'([^'\n]{6,256})'`)},
		// Dockerfiles and shell scripts
		{words: []string{"env ", "arg ", "set ", "setx ", "setenv "}, match: lazyregexp.New(`(?im)^\s*(?:ENV|ARG|SET|SETX|setenv)\s+([\w.-]+)\s+["']?([^\s"'=][^\s"']{2,255})`), named: true},
		{words: []string{"convertto-securestring"}, match: lazyregexp.New(`(?i)convertto-securestring\s+(?:-string\s+)?["']([^"'\n]{3,256})["']`), check: isGiven},
		{words: []string{"sshpass"}, match: lazyregexp.New(`\bsshpass\s+-p\s*["']?([^\s"']{3,256})`), check: isGiven},
		{words: []string{"mysql", "mariadb"}, match: lazyregexp.New(`\b(?:mysql|mariadb)(?:dump|admin|import)?\b[^\n|;]{0,200}?\s-p["']?([^\s"'-][^\s"']{2,255})`), check: isGiven},
		{words: []string{"redis-cli"}, match: lazyregexp.New(`\bredis-cli\b[^\n|;]{0,200}?\s(?:-a|--pass)\s+["']?([^\s"']{3,256})`), check: isGiven},
		{words: []string{" login "}, match: lazyregexp.New(`\b(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|regctl|helm|az|oc|cf|argocd|vault)\s+(?:registry\s+|auth\s+)?login\b[^\n|;]{0,200}?\s-p[ =]?["']?([^\s"'-][^\s"']{2,255})`), check: isGiven},
		{words: []string{"mongo", "sqlcmd", "cqlsh", "mosquitto", "ldap", "bcp "}, match: lazyregexp.New(`\b(?:mongo\w*|sqlcmd|bcp|cqlsh|mosquitto_[ps]ub|ldap\w+)\b[^\n|;]{0,200}?\s-[pPw][ =]?["']?([^\s"'-][^\s"']{2,255})`), check: isGiven},
		{words: []string{"zip ", "7z", "htpasswd"}, match: lazyregexp.New(`\b(?:(?:un)?zip\b[^\n|;]{0,100}?\s-P\s*|7za?\b[^\n|;]{0,100}?\s-p|htpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+)["']?([^\s"'-][^\s"']{2,255})`), check: isGiven},
		{words: []string{"keytool", "openssl", "jarsigner"}, match: lazyregexp.New(`\b(?:(?:keytool|jarsigner)\b[^\n|;]{0,200}?-(?:store|key|src|dest|new)\w*pass\s+|openssl\b[^\n|;]{0,200}?\s(?:-k\s+|-pass(?:in|out)?\s+pass:))["']?([^\s"':-][^\s"':]{2,255})`), check: isGiven},
		{words: []string{"vault login", "configure set", "config set", "--from-literal", "set-item"}, named: true,
			match: lazyregexp.New(`(?i)\b(?:aws\s+configure\s+set|(?:npm|yarn|pnpm|gcloud|git)\s+config\s+set|set-item(?:\s+-path)?)\s+(?:\S*[:/])?([\w.-]{3,100})[ =]["']?([^\s"']{6,256})`)},
		{words: []string{"vault login", "alias set", "auth login", "with-token"}, check: isKeyText, rule: ruleCredential,
			match: lazyregexp.New(`\b(?:vault\s+login\s+|mc\s+alias\s+set\s+\S+\s+\S+\s+\S+\s+|--with-token\s+<<<\s*)["']?([^\s"'-][^\s"']{7,255})`)},
		{words: []string{"plink", "pscp", "psftp", "putty", "twine", "snowsql", "net user", "useradd", "usermod", "net use", "curl"}, check: isChosen,
			match: lazyregexp.New(`(?i)(?:\b(?:plink|pscp|psftp|putty)\b[^\n|;]{0,200}?\s-pw\s+|\b(?:twine|snowsql)\b[^\n|;]{0,200}?\s-p\s+|\bnet\s+user\s+\S+\s+|\bnet\s+use\s+\S+\s+\S+\s+|\buser(?:add|mod)\b[^\n|;]{0,200}?\s-p\s+|\bcurl\b[^\n|;]{0,200}?\s--(?:proxy-)?pass\s+)["']?([^\s"'/-][^\s"']{2,255})`)},
		// network devices
		{words: []string{"enable ", "snmp-server ", "pac key ", "radius-server ", "tacacs-server ", "username "}, check: isChosen,
			match: lazyregexp.New(`(?im)^[ \t]*(?:enable\s+(?:password|secret)|snmp-server\s+community|(?:pac|radius-server|tacacs-server)\s+key|` +
				`username\s+\S+\s+(?:privilege\s+\d+\s+)?(?:password|secret))\s+(?:level\s+\d+\s+)?(?:\d\s+)?([^\s$]\S{3,127})`)},
		{words: []string{"psexec"}, check: isGiven, match: lazyregexp.New(`(?i)\bpsexec\b[^\n|;]{0,200}?\s-p\s+["']?([^\s"'%-][^\s"']{2,127})`)},
		{words: []string{"sqlplus", "jdbc:oracle", "@//"}, check: isChosen,
			match: lazyregexp.New(`(?:\bsqlplus\s+(?:-\w+\s+)*["']?|jdbc:oracle:\w+:|(?:^|[\s"'=]))[\w.$]{1,64}/["']?([^\s@/"']{3,128})["']?@(?://)?[\w.-]+(?:[:/]|\b)`)},
		{words: []string{"--cookie", "-b "}, check: isKeyText, rule: ruleCookie, match: lazyregexp.New(`\bcurl\b[^\n|;]{0,300}?\s(?:-b|--cookie)[ =]\s*["']?[\w.-]{2,64}=([^\s"';]{12,512})`)},
		{words: []string{"pwd={", "password={"}, check: isChosen, match: lazyregexp.New(`(?i)\b(?:pwd|password)=\{([^{}\n]{3,256})\}`)},
		{words: []string{"<<<"}, named: true, match: lazyregexp.New(`\bread\s+(?:-\w+\s+)*(\w{3,64})\s*<<<\s*["']([^"'\n]{3,256})["']`)},
		{words: []string{"convertto-securestring"}, check: isChosen, match: lazyregexp.New(`(?i)["']([^"'\n]{3,256})["']\s*\|\s*convertto-securestring`)},
		{words: []string{"smbclient", "net use", "http -a", "https -a", "xh -a", "http --auth", "https --auth"}, check: isGiven,
			match: lazyregexp.New(`(?:\bsmbclient\b[^\n|;]{0,100}?-U\s*["']?\w+%|\bnet use\b[^\n|;]{0,100}?/user:\S+\s+|\b(?:https?|xh)\s+(?:-a|--auth)[ =]["']?[\w.@-]+:)["']?([^\s"'|]{3,256})`)},
		{words: []string{"chpasswd", "password-stdin"}, check: isGiven,
			match: lazyregexp.New(`\becho\s+(?:-n\s+)?["']?(?:[\w.-]+:)?([^\s"'|:]{3,256})["']?\s*\|\s*(?:sudo\s+)?(?:chpasswd|[^\n|]{0,200}--password-stdin)`)},
		// code
		{words: []string{"login(", "signin(", "authenticate(", "auth(", "credentials(", "credential(", "client(", "credential]::new("}, check: isGiven,
			match: lazyregexp.New(`(?i)(?:\.(?:login|sign_?in|authenticate)|new\s+\w*(?:client|credentials?)|\b(?:http)?basic_?auth|(?:(?:ps|network)credentials?))(?:\]::new)?\(\s*["'\x60][^"'\x60\n]{1,100}["'\x60]\s*,\s*["'\x60]([^"'\x60\s]{3,256})["'\x60]`)},
		{words: []string{"connect(", "pdo(", "mysqli(", "connection(", "directoryentry("}, check: isChosen,
			match: lazyregexp.New(`(?i)(?:connect(?:ion)?|directoryentry|new\s+(?:pdo|mysqli))\s*\(\s*[^,()\n]{1,160},\s*(?:\d{2,5}\s*,\s*)?["'][^"'\n]{0,64}["']\s*,\s*["']([^"'\s]{3,256})["']`)},
		{words: []string{"unwrap_or", "orelse(", "or_else(", "value_or("}, named: true,
			match: lazyregexp.New(`(?i)([\w-]{2,100})["']?\)?\.(?:unwrap_or(?:_else)?|or_?else|get_?or_?else|value_or)\(\s*(?:(?:\|\w*\||\(\)\s*[-=]>)\s*)?["']([^"'\n]{3,256})["']`)},
		{words: []string{"jwt.", "hmac"}, check: isKeyText, rule: ruleCredential,
			match: lazyregexp.New(`(?i)\b(?:jwt\.(?:sign|verify|encode|decode)|create_?hmac|hmac\.new)\(\s*[^,()\n]{1,160},\s*b?["']([^"'\n]{8,256})["']`)},
		{words: []string{"hmac.new(b", "hmac.new(\"", "hmac.new('"}, check: isKeyText, rule: ruleCredential, match: lazyregexp.New(`\bhmac\.new\(\s*b?["']([^"'\n]{8,256})["']`)},
		{words: []string{".auth("}, check: isChosen, match: lazyregexp.New(`\.auth\(\s*["']([^"'\s]{3,256})["']\s*\)`)},
		{words: []string{"env", "get(", "fetch(", "var("}, named: true,
			match: lazyregexp.New(`(?i)\b(?:get_?env(?:ironmentvariable)?|environ\.get|config\.get|env\.fetch|env::var|env|lookup_?env)\(\s*["']([\w.-]{2,100})["']\s*\)\s*(?:,|\bor\b|\.(?:unwrap_or|orelse|or_else|getorelse)\(|\{|\?:|\?\?|\|\|)\s*["']([^"'\n]{3,256})["']`)},
		{words: []string{"@tcp(", "@unix("}, check: isGiven, match: lazyregexp.New(`[\w.-]+:([^\s"'\x60]{1,256})@(?:tcp|unix)\(`)},
		{words: []string{"${"}, named: true, match: lazyregexp.New(`\$\{(\w{2,64})[-+]([^{}\n]{3,256})\}`)},
		{words: []string{"auth=(", "auth = (", "auth= (", "auth: [", "auth:[", "auth': [", "auth\": [", "auth':[", "auth\":["}, check: isChosen, match: lazyregexp.New(`\bauth["']?\s*[=:]\s*[(\[]\s*["'][^"'\n]{1,100}["']\s*,\s*["']([^"'\n]{3,256})["']\s*[)\]]`)},
		{words: []string{"equals", "strcmp", "compare("}, named: true, match: lazyregexp.New(`(?i)\b(?:str(?:case)?cmp\(\s*)?(\w+)(?:\.(?:equals(?:ignorecase)?|compareto)\(|\s*,)\s*["']([^"'\n]{3,256})["']\s*\)`)},
		{words: []string{".equals"}, named: true, swapped: true, match: lazyregexp.New(`(?i)["']([^"'\n]{3,256})["']\.equals(?:ignorecase)?\(\s*((?:\w+\.)*\w+)\s*\)`)},
		{words: []string{"=="}, swapped: true, match: lazyregexp.New(`["']([^"'\n]{3,256})["']\s*={2,3}\s*(?:\{\{)?\s*((?:\w+\.)*\w+)`), named: true},
		{words: []string{"env", "define", "fetch", "config", "field", "get("}, named: true,
			match: lazyregexp.New(`(?i)\b(?:get_?env|environ\.get|environ\.setdefault|env|get_?or_?default|define|fetch|config|put_?env|set_?env(?:ironment_?variable)?|build_?config_?field|get)\b\s*\(?\s*(?:["']\w+["']\s*,\s*)?["':]([\w.-]{3,100})["']?\s*,\s*(?:"\\?["']?([^"\n\\]{3,512})|'\\?"?([^'\n\\"]{3,512}|[^'\n]{3,512}))`)},
		{words: []string{"crypt", "argon2", "passlib", "pbkdf2", "password(", "password_hash(", "password_verify("}, check: isHashed, match: hashing},
		// tokens
		{words: []string{"cio", "essu_", "packagist_", "sbp_", "gocspx-", "sk-pyx-", "aq.ab8r", "00d", "sk-or-v1-", "sk-lf-", "fc-", "lsv2_", "tvly-", "jina_", "r8_", "gsk_",
			"nvapi-", "pcsk_", "xai-", "hf_", "key_", ":aa"}, long: 35, check: isServiceToken, rule: ruleCredential, match: serviceToken},
		// configuration files without operators
		{words: []string{"\""}, match: lazyregexp.New(`(?m)^\s*([\w.-]{2,64})\s+"([^"\n]{3,256})"\s*;?\s*$`), named: true},
		// URLs
		{words: []string{"api.telegram.org"}, match: lazyregexp.New(`api\.telegram\.org/(?:file/)?bot(\d{6,}:[\w-]{30,})`), rule: ruleCredential, check: isGiven},
	})
})

// withDash returns the names with a dash behind them.
func withDash(names ...string) []string {
	var list []string
	for _, name := range names {
		list = append(list, name+" - ", name+" – ", name+" — ")
	}
	return list
}

// isGiven reports whether a value is neither a placeholder nor a template.
func isGiven(value string) bool {
	return !strings.HasPrefix(value, "$") && !ports.MatchString(value) && !strings.ContainsRune(literal.MaskTemplates(value), literal.Mask) && !literal.IsPlaceholder(value)
}

// ports matches the published ports of a container.
var ports = lazyregexp.New(`^(?:[\d.]+:)?\d{1,5}:\d{1,5}(?:/\w+)?$`)

// isKeyText is stricter still: it accepts generated text only.
func isKeyText(value string) bool {
	return isGiven(value) && literal.LooksRandom(value) && literal.TraitsOf(value).Digits > 1 && !isIdentifier(value) && !isDigest(value)
}

// digests match the lengths of hexadecimal digests, of commits and images for example.
var digests = lazyregexp.New(`^(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})$`)

func isDigest(value string) bool { return digests.MatchString(value) }

func isHash(value string) bool {
	return !strings.ContainsRune(value, literal.Mask) && !literal.IsWordy(value) && !strings.Contains(value, "...")
}

// isSpoken is stricter, for values in prose: they need letters combined with digits or symbols.
func isSpoken(value string) bool {
	value = strings.TrimRight(value, ".,;:!?)")
	t := literal.TraitsOf(value)
	separators := strings.Count(value, "-") + strings.Count(value, "_") + strings.Count(value, ".") + strings.Count(value, "/") + strings.Count(value, "(")
	mixed := t.Letters > 0 && (t.Digits > 0 || t.Others > separators) && !literal.IsWordy(value)
	return isGiven(value) && len(value) >= minStrong && (mixed || isNumbered(value)) && !literal.IsKnown(value)
}

// numbered matches a word with a number at its end, such as sunrise77.
var numbered = lazyregexp.New(`^[A-Za-z]{5,}\d{2,4}$|^[A-Za-z]{8,}\d$`)

// isNumbered reports such a word, except names of algorithms and formats.
func isNumbered(value string) bool {
	return numbered.MatchString(value) && !algorithm.MatchString(value)
}

// algorithm matches names that end in a number.
var algorithm = lazyregexp.New(`^(?i)(?:sha|base|utf|aes|rsa|hmac|oauth|openid|int|uint|float|string|bcrypt|ed|blake|argon|pkcs|iso|windows|python|http|level|version|section|chapter|page|type)`)

// findForms scans a text for secrets in the syntax of other programs.
func (s *fileScan) findForms(ctx context.Context, text string, at position) {
	s.findCalls(text, at)
	for _, f := range formsOfPrograms().in(text) {
		if ctx.Err() != nil {
			return
		}
		for _, m := range f.match.FindAllStringSubmatch(text, -1) {
			s.reportForm(f, m, at)
		}
	}
}

// reportForm reports a match of a form.
func (s *fileScan) reportForm(f *form, groups []string, at position) {
	if !f.named {
		value := groups[len(groups)-1]
		if at.example || at.schema || !f.check(value) || s.kind.document && !f.plain && strings.Trim(value, letters) == "" {
			return
		}
		rule := f.rule
		if rule == "" {
			rule = rulePassword
			value = strings.TrimRight(value, ".,;)")
		}
		s.report(rule, value, at)
		return
	}
	name, value := groups[1], groups[2]
	for _, other := range groups[3:] {
		if value == "" {
			value = other
		}
	}
	if f.swapped {
		name, value = value, name
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	value = strings.Trim(value, "`")
	if value == "" || strings.Contains(name, value) {
		return
	}
	a := assignment{name: name, value: value, operator: '=', strength: s.strengthOf(name), quoted: true, nameQuoted: true}
	if a.strength > unnamed {
		s.reportAssigned(a, at)
	}
}
